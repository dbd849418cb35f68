/** The Invoke API as AWS's own emulator has it (docs/protocol.md#invoking-rie). */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as HttpBytes from "./HttpBytes.ts"
import type { Answer, Invocation, InvokeApi, InvokedFunction } from "./InvokeApi.ts"
import { decodeClientContext } from "./InvokeApi.ts"

const timeoutTypes = new Set(["Sandbox.Timedout", "Sandbox.Timeout"])

/** Go guesses the content type, and gives an empty body none. */
const goAnswer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer => {
  const contentType = HttpBytes.sniffContentType(body)
  return { status, headers: contentType === undefined ? headers : { ...headers, "Content-Type": contentType }, body }
}

/** The outcomes of AWS's emulator (docs/protocol.md#invoking-rie). */
const answer = Effect.fnUntraced(function* (options: InvokedFunction, request: Invocation): Effect.fn.Return<Answer> {
  const { header } = request
  const clientContext = decodeClientContext(header("x-amz-client-context"))
  if (clientContext === undefined) return goAnswer(500, "")
  const contentType = header("content-type")
  return yield* Effect.match(
    options.invoke(request.payload, {
      requestId: Crypto.randomUUID(),
      traceHeader: header("x-amzn-trace-id"),
      clientContext,
      tenantId: header("x-amz-tenant-id"),
      ...(contentType === "" ? {} : { contentType }),
      qualifier: ""
    }),
    {
      onFailure: ({ reason }): Answer => {
        if (reason._tag !== "InvocationRefused") return goAnswer(500, reason.message)
        return goAnswer(400, "", reason.errorType === "" ? {} : { "Error-Type": reason.errorType })
      },
      onSuccess: ({ functionError, payload, respondedByRuntime }): Answer => {
        if (functionError === undefined || respondedByRuntime) return goAnswer(200, payload)
        if (!timeoutTypes.has(functionError)) return goAnswer(502, payload)
        return goAnswer(200, `Task timed out after ${options.timeoutSeconds.toFixed(2)} seconds`)
      }
    }
  )
})

/** There is one function, under the name `function`. */
export const make = (options: InvokedFunction): InvokeApi => ({
  foreign: (sentence) => goAnswer(403, `${sentence}\n`),
  refusal: (_, __, functionName) =>
    functionName === "function"
      ? undefined
      : goAnswer(404, "404 page not found\n", { "X-Content-Type-Options": "nosniff" }),
  answer: (request) => answer(options, request),
  omitsConnection: true
})
