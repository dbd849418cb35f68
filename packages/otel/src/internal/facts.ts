/** The facts that INVOKE events have of the last invocations. */
import type { InvokeEvent } from "@effect-lambda/extension/ExtensionEvent"
import type { InvocationFacts } from "../Mapping.ts"

// A span is made at the end of its invocation, or with the report after it.
const remembered = 1000

export class Facts {
  readonly #known = new Map<string, InvocationFacts>()

  note({ invokedFunctionArn, requestId, tracing }: InvokeEvent): void {
    this.#known.set(requestId, { header: tracing?.value, functionArn: invokedFunctionArn })
    if (this.#known.size <= remembered) return
    const [oldest = ""] = this.#known.keys()
    this.#known.delete(oldest)
  }

  of(requestId: string): InvocationFacts {
    return this.#known.get(requestId) ?? {}
  }
}
