/**
 * Decides when the environment takes up an invocation, and what happens at the end of a time limit
 * (docs/protocol.md#lifecycle).
 */
import * as Wire from "../wire/Wire.ts"
import { failNow } from "./Failure.ts"
import { freeze, thaw } from "./Freeze.ts"
import { startInit } from "./Init.ts"
import { answer, dispatchInvocation, endInvocation } from "./Invocation.ts"
import { startConcurrent, timeOutConcurrent } from "./lmi/ConcurrentInvocations.ts"
import { restore, restoreTimedOut } from "./Snapshot.ts"
import { endFlush, endRuntimeShare, endShutdownShare, giveUpCollecting, startShutdown } from "./Shutdown.ts"
import type { Environment, InvocationRequest, TimerName } from "./State.ts"
import { record, startTimer } from "./State.ts"

const initKind = (env: Environment): "init" | "invoke" =>
  env.options.profile.startsInitAtOnce || env.initStarted ? "invoke" : "init"

/** Takes up the invocations that wait, if the environment can. */
export const proceed = (env: Environment): void => {
  if (env.phase._tag === "Snapshot" && env.phase.isTaken && env.queue.length > 0) restore(env)
  while (env.phase._tag === "Idle" || env.phase._tag === "Cold") {
    const request = env.queue.shift()
    if (request === undefined) return
    if (env.options.profile.runsConcurrently) startConcurrent(env, request)
    else startInvocation(env, request)
  }
}

const startInvocation = (env: Environment, request: InvocationRequest): void => {
  thaw(env)
  const deadlineMs = env.now + env.options.timeoutMs
  env.invocation = {
    request,
    deadlineMs,
    answered: false,
    runtimeDoneAt: undefined,
    waitingFor: new Set()
  }
  const { invokedFunctionArn, lambdaSegmentId, requestId, tenantId, traceHeader } = request
  record(env, {
    _tag: "InvocationStarted",
    requestId,
    deadlineMs,
    invokedFunctionArn,
    traceHeader,
    lambdaSegmentId,
    tenantId
  })
  startTimer(env, "function", env.options.timeoutMs)
  if (env.phase._tag === "Cold") return startInit(env, initKind(env))
  if (env.broken === undefined) return dispatchInvocation(env)
  if (env.options.profile.failsAfterDelivery) dispatchInvocation(env)
  else env.phase = { _tag: "Invoke" }
  failNow(env, env.broken)
}

/** An invocation from outside: it waits for its turn, as on Lambda, or is refused, as by AWS's emulator. */
export const invoke = (env: Environment, request: InvocationRequest): void => {
  const { call, requestId } = request
  const { endRequested, invocation, phase, queue } = env
  if (phase._tag === "Terminated" || endRequested || (phase._tag === "Shutdown" && !phase.reset)) {
    env.commands.push({ _tag: "Answer", call, outcome: { _tag: "Abandoned", requestId } })
    return
  }
  const busy = invocation !== undefined || queue.length > 0 || (phase._tag !== "Cold" && phase._tag !== "Idle")
  if (env.options.profile.refusesWhileBusy && busy) {
    env.commands.push({ _tag: "Answer", call, outcome: { _tag: "Refused", requestId, errorType: "" } })
    return
  }
  queue.push(request)
}

export const timerFired = (env: Environment, timer: TimerName): void => {
  switch (timer) {
    case "init":
      return initTimedOut(env)
    case "restore":
      return restoreTimedOut(env)
    case "freeze":
      return freeze(env)
    case "function":
      return functionTimedOut(env)
    case "runtimeTermination":
      return endRuntimeShare(env)
    case "flush":
      return endFlush(env)
    case "shutdown":
      return endShutdownShare(env)
    case "collect":
      return giveUpCollecting(env)
    default:
      return timeOutConcurrent(env, Number(timer.slice("invocation:".length)))
  }
}

const initTimedOut = (env: Environment): void => {
  if (env.phase._tag !== "Init") return
  const { initTimeoutErrorType: errorType, resets } = env.options.profile
  record(env, { _tag: "InitEnded", phase: env.phase.kind, status: "timeout", errorType })
  startShutdown(env, resets ? "timeout" : "failure", resets)
}

const functionTimedOut = (env: Environment): void => {
  const { invocation, phase } = env
  if (invocation === undefined) return
  const message = Wire.timeoutMessage(env.options.timeoutMs)
  const { timeoutErrorType: errorType, timeoutIsText } = env.options.profile
  if (phase._tag === "Init") record(env, { _tag: "InitEnded", phase: phase.kind, status: "timeout", errorType })
  const { requestId } = invocation.request
  answer(env, timeoutIsText ? message : Wire.failurePayload(requestId, errorType, message), errorType, false)
  endInvocation(env, "timeout", errorType)
  // During the reset between two inits of one invocation the shutdown is on its way already.
  if (phase._tag !== "Shutdown") startShutdown(env, "timeout", true)
}
