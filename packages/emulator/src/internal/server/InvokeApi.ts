/** The parts that both forms of the Invoke API share: a request for an invocation, its outcome and its answer. */
import type * as Effect from "effect/Effect"
import type { EmulatorError } from "../../EmulatorError.ts"

/** The part of a request that describes the invocation, without the payload. */
export interface InvokeHeaders {
  readonly requestId: string
  readonly traceHeader?: string
  /** JSON text. */
  readonly clientContext: string
  readonly tenantId: string
  readonly contentType?: string
  /** Version or alias; empty: none. */
  readonly qualifier: string
}

/**
 * The outcome of an invocation. `respondedByRuntime` tells an error that the function reported from a failure of the
 * environment; AWS's emulator answers them differently.
 */
export interface InvokeOutcome {
  readonly payload: string
  readonly functionError: string | undefined
  readonly respondedByRuntime: boolean
}

/** The function behind the API. */
export interface InvokedFunction {
  readonly functionVersion: string
  /** Seconds, for the text of a timeout. */
  readonly timeoutSeconds: number
  /** The largest payload in bytes; more is refused, and never kept. */
  readonly maxPayloadBytes: number
  readonly invoke: (payload: string | Uint8Array, headers: InvokeHeaders) => Effect.Effect<InvokeOutcome, EmulatorError>
}

/** A request for an invocation; `payload` is its kept part, `bytes` the size of the whole. */
export interface Invocation {
  readonly payload: Buffer
  readonly bytes: number
  readonly functionName: string
  readonly query: URLSearchParams
  readonly header: (name: string) => string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A form of the API. */
export interface InvokeApi {
  /** The answer to a request that a web page sent. */
  readonly foreign: (sentence: string) => Answer
  /** The answer to a request that is no invocation; `undefined` if it is one. */
  readonly refusal: (method: string, path: string, functionName: string) => Answer | undefined
  readonly answer: (request: Invocation) => Effect.Effect<Answer>
  /** An answer leaves out a header `Connection` that only says what HTTP/1.1 implies, as Go does. */
  readonly omitsConnection: boolean
}

/**
 * `undefined` when the text is not base64. Node ignores characters that do not belong there, so the result is compared.
 */
export const decodeClientContext = (text: string): string | undefined => {
  const decoded = Buffer.from(text, "base64")
  const same = decoded.toString("base64").replaceAll("=", "") === text.replaceAll("=", "")
  return same ? decoded.toString("utf8") : undefined
}
