/** The routes of the Runtime API, with their checks in the platform's order (docs/protocol.md#runtime-api). */
import * as Wire from "../wire/Wire.ts"
import { deliverInvocation, settleRuntime } from "./Delivery.ts"
import { advanceInit } from "./Init.ts"
import { advanceInvocation, answer } from "./Invocation.ts"
import { handleConcurrent, respondConcurrent } from "./lmi/RuntimeRequests.ts"
import { arrive, close, judgeError, judgeResponse, refuse, refuseTransition } from "./RuntimeAnswers.ts"
import { initError, restoreError } from "./RuntimeErrorReports.ts"
import { endRestore } from "./Snapshot.ts"
import type { RuntimeRequest } from "../wire/Requests.ts"
import type { Environment } from "./State.ts"
import { record, reply } from "./State.ts"

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

const respond = (env: Environment, requestId: string, payload: string, functionError: string | undefined): void => {
  env.runtime.state = "RuntimeResponseSentState"
  record(env, { _tag: "RuntimeResponded", requestId, functionError, producedBytes: Buffer.byteLength(payload) })
  answer(env, payload, functionError, true)
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

const response = (env: Environment, request: RuntimeRequest & { readonly route: "runtime/response" }): void => {
  if (env.runtime.state !== "Running") return refuseTransition(env, request, "InvocationResponse")
  if (env.invocation === undefined) return refuseLost(env, request, "InvocationResponse")
  const { functionError, payload, refusal } = judgeResponse(request)
  respond(env, request.requestId, payload, functionError)
  if (refusal === undefined) return reply(env, request.exchange, Wire.accepted)
  // rapid answers a wrong mode without ending the transition, so next stays forbidden.
  if (refusal[0] === 400) env.runtime.state = "InvocationResponse"
  refuse(env, request, ...refusal)
}

const error = (env: Environment, request: RuntimeRequest & { readonly route: "runtime/error" }): void => {
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

/**
 * The runtime broke off its response: the invoker gets `Runtime.TruncatedResponse` (docs/protocol.md#runtime-response).
 */
export const responseTruncated = (env: Environment, requestId: string): void => {
  const errorType = "Runtime.TruncatedResponse"
  const payload = Wire.goJson({ errorType, errorMessage: "HTTP request detected as truncated" })
  const concurrent = env.concurrent.get(requestId)
  if (concurrent !== undefined) return respondConcurrent(env, concurrent, payload, errorType)
  if (env.runtime.state !== "Running" || env.invocation?.request.requestId !== requestId) return
  respond(env, requestId, payload, errorType)
}

export const handleRuntimeRequest = (env: Environment, request: RuntimeRequest): void => {
  if (env.options.profile.runsConcurrently) return handleConcurrent(env, request)
  if (request.route === "runtime/response" || request.route === "runtime/error") {
    // The id of the path is checked before anything else; that of a lost invocation counts until the reset has ended.
    const current = env.invocation ?? env.runtime.current
    if (current?.request.requestId !== request.requestId) {
      return refuse(env, request, 400, "InvalidRequestID", "Invalid request ID")
    }
  }
  // rapid has no runtime to ask before it has started one.
  if (env.phase._tag === "Cold" || (env.options.profile.closesUnstartedRuntime && !env.runtime.started)) {
    return close(env, request, "the environment has not started a runtime")
  }
  switch (request.route) {
    case "runtime/next":
      return next(env, request)
    case "runtime/restore/next":
      return restoreNext(env, request)
    case "runtime/init/error":
      return initError(env, request)
    case "runtime/restore/error":
      return restoreError(env, request)
    case "runtime/response":
      return response(env, request)
    case "runtime/error":
      return error(env, request)
  }
}
