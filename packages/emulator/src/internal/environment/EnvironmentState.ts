/**
 * The state machine of one execution environment, as pure as a scheduler can be: an input and the time go in, the
 * commands to carry out come out. The machine opens no socket, starts no process and reads no clock, so every rule of
 * the lifecycle can be tested without any of them.
 */
import { handleExtensionRequest } from "./ExtensionRequests.ts"
import { launchFailed, processExited } from "./Failure.ts"
import { launchNext, startInit } from "./Init.ts"
import * as Freeze from "./Freeze.ts"
import * as Lifecycle from "./Lifecycle.ts"
import { handleRuntimeRequest, responseTruncated } from "./RuntimeRequests.ts"
import { end, endFlush } from "./Shutdown.ts"
import { snapshotTaken } from "./Snapshot.ts"
import { connected } from "./lmi/Subscribe.ts"
import type { Command, Environment, EnvironmentOptions, Input, Poll } from "./State.ts"
import type { Exchange, RouteName } from "../wire/Requests.ts"
import type { Source } from "../Source.ts"
import { drop, freshRuntime, record } from "./State.ts"

export type { Command, EnvironmentOptions, Input, InvocationOutcome, InvocationRequest, TimerName } from "./State.ts"
export type { Exchange, ExtensionRequest, RuntimeRequest } from "../wire/Requests.ts"

/** A running state machine. */
export interface EnvironmentState {
  /** Takes one input at the given time (epoch milliseconds) and returns what is to be done, in order. */
  readonly handle: (input: Input, now: number) => ReadonlyArray<Command>
}

/** Makes the state machine of a new environment. `newId` gives a fresh lower-case UUID at each call. */
export const make = (options: EnvironmentOptions, newId: () => string): EnvironmentState => {
  const env: Environment = {
    options,
    newId,
    commands: [],
    timers: new Map(),
    alive: new Map(),
    queue: [],
    now: 0,
    lastId: 0,
    phase: { _tag: "Cold" },
    initStarted: false,
    initSucceeded: false,
    extensions: [],
    runtime: freshRuntime(),
    toLaunch: [],
    registrationClosed: false,
    fatal: undefined,
    broken: undefined,
    invocation: undefined,
    frozenAt: undefined,
    memoryBytes: undefined,
    subscriptions: [],
    connecting: new Map(),
    heldAnswer: undefined,
    concurrent: new Map(),
    timedOut: new Set(),
    endRequested: false
  }
  return {
    handle: (input, now) => {
      env.now = now
      step(env, input)
      Lifecycle.proceed(env)
      Freeze.settle(env)
      return env.commands.splice(0)
    }
  }
}

/** The routes on which somebody says that it is done. */
const endingRoutes: ReadonlySet<RouteName> = new Set(["next", "runtime/next", "runtime/response", "runtime/error"])

/** Whether an input may end an invocation: somebody is done, or out of time. */
export const mayEndInvocation = (input: Input): boolean => {
  switch (input._tag) {
    case "TimerFired":
      return true
    case "ExtensionRequest":
    case "RuntimeRequest":
      return endingRoutes.has(input.request.route)
    default:
      return false
  }
}

const step = (env: Environment, input: Input): void => {
  switch (input._tag) {
    case "Start":
      return env.options.profile.startsInitAtOnce ? startInit(env, "init") : undefined
    case "ExtensionRequest":
    case "RuntimeRequest":
      // The environment is gone, and every process that could be answered is gone with it.
      if (env.phase._tag === "Terminated") return drop(env, input.request.exchange)
      return input._tag === "RuntimeRequest"
        ? handleRuntimeRequest(env, input.request)
        : handleExtensionRequest(env, input.request)
    case "PollAborted":
      return pollAborted(env, input.exchange)
    case "ResponseTruncated":
      return responseTruncated(env, input.requestId)
    case "Launched": {
      const source = env.alive.get(input.process)
      if (source === undefined) return
      record(env, { _tag: "ProcessStarted", source, pid: input.pid })
      return source === "runtime" ? undefined : launchNext(env)
    }
    case "LaunchFailed":
      return launchFailed(env, input)
    case "ProcessExited":
      return processExited(env, input)
    case "MemoryMeasured":
      env.memoryBytes = input.bytes
      return
    case "Connected":
      return connected(env, input.exchange, input.problem)
    case "TelemetryFlushed":
      return endFlush(env)
    case "SnapshotTaken":
      return snapshotTaken(env, input.connections, input.problem)
    case "TimerFired":
      // A timer that was stopped or restarted while it was firing no longer counts.
      if (env.timers.get(input.timer) !== input.generation) return
      env.timers.delete(input.timer)
      return Lifecycle.timerFired(env, input.timer)
    case "Invoke":
      return Lifecycle.invoke(env, input.request)
    case "Shutdown":
      return end(env, input.reason)
  }
}

/** The poll keeps standing: the platform does not notice that its client has gone, and the next event goes to it. */
const pollAborted = (env: Environment, exchange: Exchange): void => {
  const abort = (poll: Poll | undefined, source: Source): void => {
    if (poll?.exchange !== exchange) return
    poll.aborted = true
    // In a shutdown every client closes its connections, so the journal need not say it.
    if (env.phase._tag !== "Shutdown") record(env, { _tag: "PollAborted", source })
  }
  for (const poll of [...env.runtime.polls, env.runtime.restorePoll]) abort(poll, "runtime")
  for (const { poll, source } of env.extensions) abort(poll, source)
}
