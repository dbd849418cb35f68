/** The routes of the Runtime API, with their checks in the platform's order (spec: Runtime API). */
import * as Predicate from "effect/Predicate"
import * as Wire from "../wire/Wire.ts"
import { deliverInvocation, settleRuntime, transitionFailed } from "./Delivery.ts"
import { fail } from "./Failure.ts"
import { advanceInit } from "./Init.ts"
import { advanceInvocation, answer } from "./Invocation.ts"
import { endConcurrent } from "./lmi/ConcurrentInvocations.ts"
import { endRestore } from "./Snapshot.ts"
import type { Environment, InvocationRequest, RuntimeRequest } from "./State.ts"
import { drop, record, reply, storeFatal } from "./State.ts"

const pathOf = (request: RuntimeRequest): string => {
  switch (request.route) {
    case "next":
      return "/2018-06-01/runtime/invocation/next"
    case "init/error":
    case "restore/next":
    case "restore/error":
      return `/2018-06-01/runtime/${request.route}`
    default:
      return `/2018-06-01/runtime/invocation/${request.requestId}/${request.route}`
  }
}

const methodOf = ({ route }: RuntimeRequest): string => (route === "next" || route === "restore/next" ? "GET" : "POST")

const refuse = (
  env: Environment,
  request: RuntimeRequest,
  status: number,
  errorType: string,
  message: string
): void => {
  record(env, { _tag: "ApiRefused", method: methodOf(request), path: pathOf(request), status, errorType, message })
  reply(env, request.exchange, Wire.apiError(status, errorType, message))
}

/** Closes the connection without an answer, as rapid does when it panics; the journal says why. */
const close = (env: Environment, request: RuntimeRequest, message: string): void => {
  record(env, {
    _tag: "ApiRefused",
    method: methodOf(request),
    path: pathOf(request),
    status: 0,
    errorType: "",
    message
  })
  drop(env, request.exchange)
}

const refuseTransition = (env: Environment, request: RuntimeRequest, target: string): void =>
  refuse(
    env,
    request,
    403,
    "InvalidStateTransition",
    transitionFailed(env.options.profile, env.runtime.state, target, "runtime")
  )

/** Registration closes at the first next of the runtime, not at a next that comes before the platform started it. */
const arrive = (env: Environment): void => {
  env.runtime.arrived = true
  if (env.runtime.started) env.registrationClosed = true
}

const next = (env: Environment, request: RuntimeRequest): void => {
  const runtime = env.runtime
  switch (runtime.state) {
    case "Started":
    case "Restoring":
    case "RuntimeResponseSentState": {
      const invocation = env.invocation
      const answeredOne = runtime.state === "RuntimeResponseSentState"
      runtime.state = "Ready"
      arrive(env)
      runtime.polls.push({ exchange: request.exchange, aborted: false })
      record(env, { _tag: "NextCalled", source: "runtime" })
      if (answeredOne && invocation !== undefined) {
        invocation.runtimeDoneAt = env.now
        record(env, { _tag: "RuntimeDone", requestId: invocation.request.requestId })
      }
      if (env.phase._tag === "Restore") endRestore(env, "success", undefined)
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
      // A runtime that outlives its invocation does not get it again.
      if (runtime.current === undefined || runtime.current !== env.invocation) {
        return close(env, request, "the invocation that the runtime has in hand is lost")
      }
      record(env, { _tag: "NextCalled", source: "runtime" })
      return deliverInvocation(env, runtime.current, { exchange: request.exchange, aborted: false })
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
  record(env, { _tag: "RuntimeResponded", requestId, functionError, producedBytes: Buffer.byteLength(payload) })
  answer(env, payload, functionError, true)
}

/** The meaning of a posted response for the invoker and for the runtime. */
interface Verdict {
  readonly payload: string
  readonly functionError: string | undefined
  /** Status, type and message of the runtime's refusal. */
  readonly refusal: readonly [status: number, errorType: string, message: string] | undefined
}

const judgeResponse = (request: RuntimeRequest & { readonly route: "response" }): Verdict => {
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

/** The runtime answers an invocation that no caller waits for any more: its answer is refused, and so is its next. */
const refuseLost = (
  env: Environment,
  request: RuntimeRequest,
  state: "InvocationResponse" | "InvocationErrorResponse"
): void => {
  env.runtime.state = state
  refuse(env, request, 400, "InvalidRequestID", "Invalid request ID")
}

const response = (env: Environment, request: RuntimeRequest & { readonly route: "response" }): void => {
  if (env.runtime.state !== "Running") return refuseTransition(env, request, "InvocationResponse")
  if (env.invocation === undefined) return refuseLost(env, request, "InvocationResponse")
  const { functionError, payload, refusal } = judgeResponse(request)
  respond(env, request.requestId, payload, functionError)
  if (refusal === undefined) return reply(env, request.exchange, Wire.accepted)
  // rapid answers a wrong mode without ending the transition, so next stays forbidden.
  if (refusal[0] === 400) env.runtime.state = "InvocationResponse"
  refuse(env, request, ...refusal)
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

/** Records the posted error; returns what the invoker gets. */
const judgeError = (env: Environment, request: RuntimeRequest & { readonly route: "error" }): Verdict => {
  const { body, contentType } = request
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "invocation/error", errorType, body })
  const hasCause = contentType === "application/vnd.aws.lambda.error.cause+json"
  return { payload: hasCause ? withoutCause(body) : body, functionError: errorType, refusal: undefined }
}

const error = (env: Environment, request: RuntimeRequest & { readonly route: "error" }): void => {
  if (env.runtime.state !== "Running") return refuseTransition(env, request, "InvocationErrorResponse")
  if (env.invocation === undefined) return refuseLost(env, request, "InvocationErrorResponse")
  if (request.bodyBytes > Wire.maxPayloadBytes) {
    env.runtime.state = "InvocationErrorResponse"
    return close(env, request, `the error has ${request.bodyBytes} bytes; Lambda takes ${Wire.maxPayloadBytes}`)
  }
  const { functionError, payload } = judgeError(env, request)
  respond(env, request.requestId, payload, functionError)
  reply(env, request.exchange, Wire.accepted)
}

/** A runtime that waits for the restore counts as ready for init. */
const restoreNext = (env: Environment, request: RuntimeRequest): void => {
  if (env.runtime.state !== "Started") return refuseTransition(env, request, "Ready")
  env.runtime.state = "RestoreReady"
  arrive(env)
  env.runtime.restorePoll = { exchange: request.exchange, aborted: false }
  record(env, { _tag: "RestoreNextCalled" })
  advanceInit(env)
}

type ErrorReport = RuntimeRequest & { readonly route: "init/error" | "restore/error" }

/** A hook failed after the restore; the phase ends at once. */
const restoreError = (env: Environment, request: ErrorReport): void => {
  if (env.runtime.state !== "Restoring") return refuseTransition(env, request, "RuntimeRestoreErrorState")
  env.runtime.state = "RuntimeRestoreErrorState"
  const errorType = runtimeErrorType(request.errorType)
  record(env, { _tag: "ErrorReported", source: "runtime", route: "restore/error", errorType, body: request.body })
  reply(env, request.exchange, Wire.accepted)
  fail(env, "runtime", "Runtime.RestoreHookUserError", `a hook of the runtime failed after the restore: ${errorType}`)
}

const initError = (env: Environment, request: ErrorReport): void => {
  // Some runtimes report a failed hook here.
  if (env.runtime.state === "Restoring") return restoreError(env, request)
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
  const errorType = "Runtime.TruncatedResponse"
  const payload = Wire.goJson({ errorType, errorMessage: "HTTP request detected as truncated" })
  const concurrent = env.concurrent.get(requestId)
  if (concurrent !== undefined) return respondConcurrent(env, concurrent, payload, errorType)
  if (env.runtime.state !== "Running" || env.invocation?.request.requestId !== requestId) return
  respond(env, requestId, payload, errorType)
}

const respondConcurrent = (
  env: Environment,
  invocation: InvocationRequest,
  payload: string,
  functionError: string | undefined
): void => {
  const { requestId } = invocation
  record(env, { _tag: "RuntimeResponded", requestId, functionError, producedBytes: Buffer.byteLength(payload) })
  endConcurrent(env, invocation, "success", {
    _tag: "Answered",
    requestId,
    payload,
    functionError,
    respondedByRuntime: true
  })
}

/** Largest error body on a managed instance, in bytes (spec: Runtime API, managed instances). */
const maxManagedErrorBytes = 1_048_576

/** Request ids are checked call by call; any number of workers polls (spec: Runtime API, managed instances). */
const handleManaged = (env: Environment, request: RuntimeRequest): void => {
  switch (request.route) {
    case "next":
      arrive(env)
      env.runtime.polls.push({ exchange: request.exchange, aborted: false })
      record(env, { _tag: "NextCalled", source: "runtime" })
      return advanceInit(env)
    case "init/error":
      return initError(env, request)
    case "response":
    case "error": {
      if (request.route === "error" && Buffer.byteLength(request.body) > maxManagedErrorBytes) {
        const message = `Exceeded maximum allowed payload size (${Wire.maxPayloadBytes} bytes).`
        return refuse(env, request, 413, "RequestEntityTooLarge", message)
      }
      const invocation = env.concurrent.get(request.requestId)
      if (invocation === undefined) {
        return env.timedOut.delete(request.requestId)
          ? refuse(env, request, 410, "InvokeTimeout", "Invoke timeout")
          : refuse(env, request, 400, "InvalidRequestID", "Invalid request ID")
      }
      const { functionError, payload, refusal } =
        request.route === "response" ? judgeResponse(request) : judgeError(env, request)
      respondConcurrent(env, invocation, payload, functionError)
      return refusal === undefined ? reply(env, request.exchange, Wire.accepted) : refuse(env, request, ...refusal)
    }
  }
}

export const handleRuntimeApi = (env: Environment, request: RuntimeRequest): void => {
  if (env.options.profile === "lmi") return handleManaged(env, request)
  if (request.route === "response" || request.route === "error") {
    // The id of the path is checked before anything else; that of a lost invocation counts until the reset has ended.
    const current = env.invocation ?? env.runtime.current
    if (current?.request.requestId !== request.requestId) {
      return refuse(env, request, 400, "InvalidRequestID", "Invalid request ID")
    }
  }
  // rapid has no runtime to ask before it has started one.
  if (env.phase._tag === "Cold" || (env.options.profile === "rie" && !env.runtime.started)) {
    return close(env, request, "the environment has not started a runtime")
  }
  switch (request.route) {
    case "next":
      return next(env, request)
    case "restore/next":
      return restoreNext(env, request)
    case "init/error":
      return initError(env, request)
    case "restore/error":
      return restoreError(env, request)
    case "response":
      return response(env, request)
    case "error":
      return error(env, request)
  }
}
