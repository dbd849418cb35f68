/** The Invoke API as Lambda has it: the header `X-Amz-Function-Error`, and error documents that AWS SDKs understand. */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import type { Answer, Invocation, InvokeApi, InvokedFunction } from "./InvokeApi.ts"
import { decodeClientContext } from "./InvokeApi.ts"

const json = { "Content-Type": "application/json" }

/** An error as the AWS SDK reads it: the name from a header, the text from the body. */
const awsError = (status: number, name: string, message: string): Answer => ({
  status,
  headers: { ...json, "X-Amzn-ErrorType": name },
  body: JSON.stringify({ Type: status < 500 ? "User" : "Service", message, Message: message })
})

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A name, `name:qualifier`, a partial or a whole ARN: the qualifier is what follows the name. */
const qualifierOf = (functionName: string): string => {
  const [, , qualifier] = /(?:^|:function:)([^:]+)(?::([^:]+))?$/.exec(functionName) ?? []
  return qualifier ?? ""
}

const answer = Effect.fnUntraced(function* (
  options: InvokedFunction,
  request: Invocation,
  later: (effect: Effect.Effect<unknown>) => void
): Effect.fn.Return<Answer> {
  const { header } = request
  const requestId = Crypto.randomUUID()
  const withId = (answer: Answer): Answer => ({
    ...answer,
    headers: { "x-amzn-RequestId": requestId, ...answer.headers }
  })
  const type = header("x-amz-invocation-type") || "RequestResponse"
  if (type === "DryRun") return withId({ status: 204, headers: {}, body: "" })
  if (type !== "RequestResponse" && type !== "Event") {
    const message = `${type} is not an invocation type; there are RequestResponse, Event and DryRun.`
    return withId(awsError(400, "InvalidParameterValueException", message))
  }
  if (request.bytes > options.maxPayloadBytes) {
    const message = `Request must be smaller than ${options.maxPayloadBytes} bytes for the InvokeFunction operation`
    return withId(awsError(413, "RequestTooLargeException", message))
  }
  // An invocation without a payload gets an empty object.
  const payload = request.bytes === 0 ? "{}" : request.payload.toString("utf8")
  if (!isJson(payload)) {
    return withId(awsError(400, "InvalidRequestContentException", "Could not parse request body into json"))
  }
  const clientContext = decodeClientContext(header("x-amz-client-context"))
  if (clientContext === undefined || (clientContext !== "" && !isJson(clientContext))) {
    return withId(
      awsError(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
    )
  }
  const traceHeader = header("x-amzn-trace-id")
  const invoked = options.invoke(payload, {
    requestId,
    ...(traceHeader === "" ? {} : { traceHeader }),
    clientContext,
    tenantId: header("x-amz-tenant-id"),
    qualifier: request.query.get("Qualifier") ?? qualifierOf(request.functionName)
  })
  if (type === "Event") {
    // The caller does not wait for the result; the journal has it.
    later(
      invoked.pipe(Effect.catch((error) => Effect.logWarning(`emulator: asynchronous invocation: ${error.message}`)))
    )
    return withId({ status: 202, headers: {}, body: "" })
  }
  const answer = yield* Effect.match(invoked, {
    onFailure: ({ reason }) => awsError(500, "ServiceException", reason.message),
    onSuccess: ({ functionError, payload }): Answer => ({
      status: 200,
      headers: {
        ...json,
        "X-Amz-Executed-Version": options.functionVersion,
        ...(functionError === undefined ? {} : { "X-Amz-Function-Error": "Unhandled" })
      },
      body: payload
    })
  })
  return withId(answer)
})

/** `later` runs the invocations whose caller does not wait. */
export const make = (options: InvokedFunction, later: (effect: Effect.Effect<unknown>) => void): InvokeApi => ({
  foreign: (sentence) => awsError(403, "AccessDeniedException", sentence),
  refusal: (method, path, functionName) => {
    if (functionName === "") {
      const message = `The emulator has no ${method} ${path}; it has POST /2015-03-31/functions/<name>/invocations.`
      return awsError(404, "UnknownOperationException", message)
    }
    return method === "POST" ? undefined : awsError(405, "UnknownOperationException", "An invocation is a POST.")
  },
  answer: (request) => answer(options, request, later),
  omitsConnection: false
})
