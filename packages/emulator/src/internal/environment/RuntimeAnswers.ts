/** The answers that the runtime gets to any of its requests, and the meaning of a posted result for the invoker. */
import * as Predicate from "effect/Predicate"
import * as Routes from "../wire/Routes.ts"
import * as Wire from "../wire/Wire.ts"
import { transitionFailed } from "./Delivery.ts"
import type { RuntimeRequest } from "../wire/Requests.ts"
import type { Environment } from "./State.ts"
import { drop, record, reply } from "./State.ts"

export const refuse = (
  env: Environment,
  request: RuntimeRequest,
  status: number,
  errorType: string,
  message: string
): void => {
  record(env, { _tag: "ApiRefused", ...Routes.lineOf(request), status, errorType, message })
  reply(env, request.exchange, Wire.apiError(status, errorType, message))
}

/** Closes the connection without an answer, as rapid does when it panics; the journal says why. */
export const close = (env: Environment, request: RuntimeRequest, message: string): void => {
  record(env, {
    _tag: "ApiRefused",
    ...Routes.lineOf(request),
    status: 0,
    errorType: "",
    message
  })
  drop(env, request.exchange)
}

export const refuseTransition = (env: Environment, request: RuntimeRequest, target: string): void =>
  refuse(
    env,
    request,
    403,
    "InvalidStateTransition",
    transitionFailed(env.options.profile, env.runtime.state, target, "runtime")
  )

/** Registration closes at the first next of the runtime, not at a next that comes before the platform started it. */
export const arrive = (env: Environment): void => {
  env.runtime.arrived = true
  if (env.runtime.started) env.registrationClosed = true
}

/** Error types of a runtime, filtered by rapid's unanchored pattern (docs/protocol.md#runtime-error). */
export const runtimeErrorType = (errorType: string): string => {
  if (/(Runtime|Function)\.[A-Z][a-zA-Z]+/.test(errorType)) return errorType
  return errorType.startsWith("Function.") ? "Function.Unknown" : "Runtime.Unknown"
}

/** The meaning of a posted response for the invoker and for the runtime. */
interface Verdict {
  readonly payload: string
  readonly functionError: string | undefined
  /** Status, type and message of the runtime's refusal. */
  readonly refusal: readonly [status: number, errorType: string, message: string] | undefined
}

export const judgeResponse = (request: RuntimeRequest & { readonly route: "runtime/response" }): Verdict => {
  if (request.responseMode !== "" && request.responseMode !== "streaming") {
    const functionError = "Runtime.InvalidResponseModeHeader"
    const refusal = [400, "InvalidFunctionResponseMode", "Invalid function response mode"] as const
    return { payload: "", functionError, refusal }
  }
  if (request.bodyBytes > Wire.maxPayloadBytes) {
    const functionError = "Function.ResponseSizeTooLarge"
    const sizes = `(${request.bodyBytes} bytes) exceeded maximum allowed payload size (${Wire.maxPayloadBytes} bytes)`
    const errorMessage = `Response payload size ${sizes}.`
    const message = `Exceeded maximum allowed payload size (${Wire.maxPayloadBytes} bytes).`
    const refusal = [413, "RequestEntityTooLarge", message] as const
    return { payload: Wire.goJson({ errorType: functionError, errorMessage }), functionError, refusal }
  }
  if (request.responseMode === "streaming" && request.trailingErrorType !== "") {
    // The invoker of a collected stream gets the error instead of the bytes that were streamed before it.
    const functionError = runtimeErrorType(request.trailingErrorType)
    return { payload: request.trailingErrorBody, functionError, refusal: undefined }
  }
  return { payload: request.body, functionError: undefined, refusal: undefined }
}

/** Takes the error cause for X-Ray out of a body that says it has one (docs/protocol.md#runtime-error). */
const withoutCause = (body: string): string => {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return '"Invalid error body"'
  }
  if (!Predicate.isReadonlyObject(value)) return '"Invalid error body"'
  return Wire.goJson({
    errorMessage: Predicate.hasProperty(value, "errorMessage") ? value.errorMessage : undefined,
    errorType: Predicate.hasProperty(value, "errorType") ? value.errorType : undefined,
    stackTrace: Predicate.hasProperty(value, "stackTrace") ? value.stackTrace : undefined
  })
}

/** Records the posted error; returns what the invoker gets. */
export const judgeError = (
  env: Environment,
  request: RuntimeRequest & { readonly route: "runtime/error" }
): Verdict => {
  const { body, contentType } = request
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "invocation/error", errorType, body })
  const hasCause = contentType === "application/vnd.aws.lambda.error.cause+json"
  return { payload: hasCause ? withoutCause(body) : body, functionError: errorType, refusal: undefined }
}
