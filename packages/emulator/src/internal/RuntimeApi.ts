/** The routes of the Runtime API, with their checks in the platform's order (spec: Runtime API). */
import * as Predicate from "effect/Predicate"
import * as Wire from "../Wire.ts"
import { deliverInvocation, settleRuntime, transitionFailed } from "./Delivery.ts"
import { advanceInit, advanceInvocation, answer } from "./Lifecycle.ts"
import type { Environment, RuntimeRequest } from "./State.ts"
import { record, reply, storeFatal } from "./State.ts"

/** Largest payload and largest response, in bytes: 6 MiB + 100 (spec: Runtime API, next). */
export const maxPayloadBytes = 6_291_556

const pathOf = (request: RuntimeRequest): string => {
  switch (request.route) {
    case "next":
      return "/2018-06-01/runtime/invocation/next"
    case "init/error":
      return "/2018-06-01/runtime/init/error"
    default:
      return `/2018-06-01/runtime/invocation/${request.requestId}/${request.route}`
  }
}

const refuse = (
  env: Environment,
  request: RuntimeRequest,
  status: number,
  errorType: string,
  message: string
): void => {
  const method = request.route === "next" ? "GET" : "POST"
  record(env, { _tag: "ApiRefused", method, path: pathOf(request), status, errorType, message })
  reply(env, request.exchange, Wire.apiError(status, errorType, message))
}

const refuseTransition = (env: Environment, request: RuntimeRequest, target: string): void =>
  refuse(env, request, 403, "InvalidStateTransition", transitionFailed(env.runtime.state, target, "runtime"))

const next = (env: Environment, request: RuntimeRequest): void => {
  const runtime = env.runtime
  switch (runtime.state) {
    case "Started":
    case "RuntimeResponseSentState": {
      const invocation = env.invocation
      const answeredOne = runtime.state === "RuntimeResponseSentState"
      runtime.state = "Ready"
      runtime.arrived = true
      runtime.polls.push({ exchange: request.exchange, aborted: false })
      record(env, { _tag: "NextCalled", source: "runtime" })
      if (answeredOne && invocation !== undefined) {
        invocation.runtimeDoneAt = env.now
        record(env, { _tag: "RuntimeDone", requestId: invocation.request.requestId })
      }
      settleRuntime(env)
      advanceInit(env)
      return advanceInvocation(env)
    }
    case "Ready":
      // A second poll of a waiting runtime waits too (rapid RuntimeReadyState); one release wakes one of them.
      record(env, { _tag: "NextCalled", source: "runtime" })
      runtime.polls.push({ exchange: request.exchange, aborted: false })
      return
    case "Running":
      // Asking again without an answer gets the same invocation again (spec: case 118).
      record(env, { _tag: "NextCalled", source: "runtime" })
      return deliverInvocation(env, request.exchange, false)
    default:
      return refuseTransition(env, request, "Ready")
  }
}

/** Error types of a runtime, filtered by rapid's unanchored pattern (spec: init/error and exit/error). */
const runtimeErrorType = (errorType: string): string => {
  if (/(Runtime|Function)\.[A-Z][a-zA-Z]+/.test(errorType)) return errorType
  return errorType.startsWith("Function.") ? "Function.Unknown" : "Runtime.Unknown"
}

const respond = (env: Environment, requestId: string, payload: string, functionError: string | undefined): void => {
  env.runtime.state = "RuntimeResponseSentState"
  record(env, { _tag: "RuntimeResponded", requestId, functionError })
  answer(env, payload, functionError)
}

const response = (env: Environment, request: RuntimeRequest & { readonly route: "response" }): void => {
  const { requestId } = request
  if (env.runtime.state !== "Running") return refuseTransition(env, request, "InvocationResponse")
  if (request.responseMode !== "" && request.responseMode !== "streaming") {
    respond(env, requestId, "", "Runtime.InvalidResponseModeHeader")
    // rapid answers without ending the transition, so next stays forbidden.
    env.runtime.state = "InvocationResponse"
    return refuse(env, request, 400, "InvalidFunctionResponseMode", "Invalid function response mode")
  }
  if (request.bodyBytes > maxPayloadBytes) {
    const errorType = "Function.ResponseSizeTooLarge"
    const errorMessage = `Response payload size exceeded maximum allowed payload size (${maxPayloadBytes} bytes).`
    respond(env, requestId, Wire.goJson({ errorMessage, errorType }), errorType)
    const message = `Exceeded maximum allowed payload size (${maxPayloadBytes} bytes).`
    return refuse(env, request, 413, "RequestEntityTooLarge", message)
  }
  respond(env, requestId, request.body, undefined)
  reply(env, request.exchange, Wire.accepted)
}

/** Takes the error cause for X-Ray out of a body that says it has one (spec: Runtime API, error). */
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

const error = (env: Environment, request: RuntimeRequest & { readonly route: "error" }): void => {
  if (env.runtime.state !== "Running") return refuseTransition(env, request, "InvocationErrorResponse")
  const hasCause = request.contentType === "application/vnd.aws.lambda.error.cause+json"
  const body = hasCause ? withoutCause(request.body) : request.body
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "invocation/error", errorType, body: request.body })
  respond(env, request.requestId, body, errorType)
  reply(env, request.exchange, Wire.accepted)
}

const initError = (env: Environment, request: RuntimeRequest & { readonly route: "init/error" }): void => {
  if (env.runtime.state !== "Started") return refuseTransition(env, request, "InitError")
  env.runtime.state = "InitError"
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "init/error", errorType, body: request.body })
  // Init goes on until the process ends or time runs out; the body becomes the invoker's error.
  storeFatal(env, "runtime", errorType, request.body)
  reply(env, request.exchange, Wire.accepted)
}

/** The runtime broke off its response: the invoker gets `Runtime.TruncatedResponse` (spec: Runtime API, response). */
export const responseTruncated = (env: Environment, requestId: string): void => {
  if (env.runtime.state !== "Running" || env.invocation?.request.requestId !== requestId) return
  const errorType = "Runtime.TruncatedResponse"
  respond(env, requestId, Wire.goJson({ errorType, errorMessage: "HTTP request detected as truncated" }), errorType)
}

export const handleRuntimeApi = (env: Environment, request: RuntimeRequest): void => {
  switch (request.route) {
    case "next":
      return next(env, request)
    case "init/error":
      return initError(env, request)
    case "response":
    case "error":
      // The id of the path is checked before anything else.
      if (env.invocation?.request.requestId !== request.requestId) {
        return refuse(env, request, 400, "InvalidRequestID", "Invalid request ID")
      }
      return request.route === "response" ? response(env, request) : error(env, request)
  }
}
