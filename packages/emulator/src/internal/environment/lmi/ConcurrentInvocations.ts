/**
 * The concurrent invocations of a managed instance (docs/protocol.md#the-runtime-on-managed-instances): each has its
 * worker of the runtime and its time limit, and extensions have no part in it.
 */
import * as Wire from "../../wire/Wire.ts"
import type { Environment, InvocationOutcome, InvocationRequest } from "../State.ts"
import { record, reply, startTimer, stopTimer } from "../State.ts"

/** Late answers are recognized as such for at most this many invocations. */
const maxTimedOut = 1000

/** Gives the invocation to the worker that has polled longest, or refuses it when none polls. */
export const startConcurrent = (env: Environment, request: InvocationRequest): void => {
  const { call, requestId } = request
  const errorType = env.concurrent.has(requestId) ? "Client.DuplicatedInvokeId" : "Runtime.Unavailable"
  const poll = env.concurrent.has(requestId) ? undefined : env.runtime.polls.shift()
  if (poll === undefined) {
    env.commands.push({ _tag: "Answer", call, outcome: { _tag: "Refused", requestId, errorType } })
    return
  }
  const deadlineMs = env.now + env.options.timeoutMs
  env.concurrent.set(requestId, request)
  startTimer(env, `invocation:${call}`, env.options.timeoutMs)
  const { invokedFunctionArn, lambdaSegmentId, tenantId, traceHeader } = request
  record(env, {
    _tag: "InvocationStarted",
    requestId,
    deadlineMs,
    invokedFunctionArn,
    traceHeader,
    lambdaSegmentId,
    tenantId
  })
  record(env, { _tag: "InvocationDelivered", requestId, lost: poll.aborted })
  reply(env, poll.exchange, Wire.runtimeInvocation({ ...request, deadlineMs }))
}

/** Ends the invocation and gives the caller its result. */
export const endConcurrent = (
  env: Environment,
  request: InvocationRequest,
  status: "success" | "error" | "timeout" | "abandoned",
  outcome: InvocationOutcome
): void => {
  const { call, requestId } = request
  env.concurrent.delete(requestId)
  stopTimer(env, `invocation:${call}`)
  const errorType = outcome._tag === "Answered" && status !== "success" ? outcome.functionError : undefined
  record(env, {
    _tag: "InvocationDone",
    requestId,
    status,
    errorType,
    extensionOverheadMs: 0,
    maxMemoryBytes: env.memoryBytes
  })
  env.commands.push({ _tag: "Answer", call, outcome })
}

export const failConcurrent = (env: Environment, errorType: string, message: string): void => {
  for (const request of env.concurrent.values()) {
    const { requestId } = request
    const payload = Wire.failurePayload(requestId, errorType, message)
    endConcurrent(env, request, "error", {
      _tag: "Answered",
      requestId,
      payload,
      functionError: errorType,
      respondedByRuntime: false
    })
  }
}

export const abandonConcurrent = (env: Environment): void => {
  for (const request of env.concurrent.values()) {
    endConcurrent(env, request, "abandoned", { _tag: "Abandoned", requestId: request.requestId })
  }
}

/** An invocation has reached its time limit; its worker and the other invocations go on. */
export const timeOutConcurrent = (env: Environment, call: number): void => {
  for (const request of env.concurrent.values()) {
    if (request.call !== call) continue
    const { requestId } = request
    for (const oldest of env.timedOut) {
      if (env.timedOut.size < maxTimedOut) break
      env.timedOut.delete(oldest)
    }
    env.timedOut.add(requestId)
    const functionError = "Sandbox.Timedout"
    const payload = Wire.failurePayload(requestId, functionError, Wire.timeoutMessage(env.options.timeoutMs))
    return endConcurrent(env, request, "timeout", {
      _tag: "Answered",
      requestId,
      payload,
      functionError,
      respondedByRuntime: false
    })
  }
}
