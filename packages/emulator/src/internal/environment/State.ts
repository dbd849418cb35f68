/**
 * The data of the state machine and the smallest operations on it. Nothing here does I/O or reads a clock: time and
 * identifiers come in with the input, and commands say what is to be done.
 */
import type { ExitStatus, ExtensionStateName, JournalEvent } from "../journal/JournalEvent.ts"
import type { ProcessId, Source } from "../Source.ts"
import type { Profile } from "../../Profile.ts"
import type { ApiRequest, Exchange } from "../wire/Requests.ts"
import type { ShutdownReason, ShutdownReasonText } from "../ShutdownReason.ts"
import type { WireResponse } from "../wire/Wire.ts"
import type { Subscription } from "../telemetry/Subscription.ts"

/** Facts that the environment is told about the function. Times are milliseconds. */
export interface EnvironmentOptions {
  readonly profile: Profile
  readonly functionName: string
  readonly functionVersion: string
  readonly handler: string
  readonly accountId: string
  readonly timeoutMs: number
  readonly initTimeoutMs: number
  /** A snapshot is taken after init, and the first invocation restores it. */
  readonly snapStart: boolean
  /** The time for which all have to wait in next before they are stopped; `undefined` means that they never are. */
  readonly freezeAfterMs: number | undefined
  /** Names of the external extensions in start order. */
  readonly extensions: ReadonlyArray<string>
}

/** A request to invoke, before the environment takes it up. */
export interface InvocationRequest {
  readonly call: number
  readonly requestId: string
  /** Bytes if the body of a request was cut. */
  readonly payload: string | Uint8Array
  readonly contentType: string
  readonly invokedFunctionArn: string
  readonly traceHeader: string
  /** The segment that Lambda itself sends to X-Ray; empty without active tracing. */
  readonly lambdaSegmentId: string
  readonly clientContext: string
  readonly cognitoIdentity: string
  readonly tenantId: string
}

/** The outcome of an invocation for its caller. */
export type InvocationOutcome =
  | {
      readonly _tag: "Answered"
      readonly requestId: string
      readonly payload: string
      readonly functionError: string | undefined
      /** `false`: the environment answered, for a runtime that could not (crash, failed init, timeout). */
      readonly respondedByRuntime: boolean
    }
  | { readonly _tag: "Abandoned"; readonly requestId: string }
  /** Never taken up: status 400 of AWS's emulator. */
  | { readonly _tag: "Refused"; readonly requestId: string; readonly errorType: string }

/** Limits of the environment. `invocation:<call>` is one of several concurrent invocations (profile `lmi`). */
export type TimerName =
  | "init"
  | "restore"
  | "freeze"
  | "function"
  | "runtimeTermination"
  | "flush"
  | "shutdown"
  | "collect"
  | `invocation:${number}`

/** A command to the outside. */
export type Command =
  | { readonly _tag: "Record"; readonly event: JournalEvent }
  | { readonly _tag: "Reply"; readonly exchange: Exchange; readonly response: WireResponse }
  /** Close the connection without an answer. */
  | { readonly _tag: "Drop"; readonly exchange: Exchange }
  | { readonly _tag: "Spawn"; readonly process: ProcessId; readonly source: Source }
  | { readonly _tag: "Kill"; readonly process: ProcessId; readonly signal: "SIGTERM" | "SIGKILL" }
  /** A subscription was accepted: deliver to it from now on. */
  | { readonly _tag: "Subscribe"; readonly source: Source; readonly subscription: Subscription }
  /**
   * Profile `lmi`: connect to the listener of a TCP subscription before it is answered; `Connected` tells how it went.
   */
  | { readonly _tag: "Connect"; readonly exchange: Exchange; readonly port: number }
  /** Profile `lmi`: deliver what there is; `TelemetryFlushed` tells when it is done. */
  | { readonly _tag: "FlushTelemetry" }
  /** Stop every process. */
  | { readonly _tag: "Freeze" }
  /** Cut the connections of every process, which is stopped, to the outside; `SnapshotTaken` tells how it went. */
  | { readonly _tag: "CutConnections" }
  /** Let every process go on. */
  | { readonly _tag: "Thaw" }
  | { readonly _tag: "StartTimer"; readonly timer: TimerName; readonly generation: number; readonly delayMs: number }
  | { readonly _tag: "StopTimer"; readonly timer: TimerName }
  | { readonly _tag: "Answer"; readonly call: number; readonly outcome: InvocationOutcome }
  | { readonly _tag: "Terminated" }

/** An event in the life of the environment. */
export type Input =
  | { readonly _tag: "Start" }
  | ApiRequest
  /** The client of a waiting poll closed its connection. */
  | { readonly _tag: "PollAborted"; readonly exchange: Exchange }
  /** The runtime closed its connection in the middle of a response. */
  | { readonly _tag: "ResponseTruncated"; readonly requestId: string }
  | { readonly _tag: "Launched"; readonly process: ProcessId; readonly pid: number | undefined }
  | {
      readonly _tag: "LaunchFailed"
      readonly process: ProcessId
      readonly errorType: "PermissionDenied" | "UnknownError"
      readonly message: string
      readonly advice: string
    }
  | {
      readonly _tag: "ProcessExited"
      readonly process: ProcessId
      readonly status: ExitStatus
      readonly peakMemoryBytes: number | undefined
      /** Absent if there is nothing to say, as for a manual process. */
      readonly advice?: string | undefined
    }
  /** The sum of the most memory that each process that runs has had so far, in bytes. */
  | { readonly _tag: "MemoryMeasured"; readonly bytes: number | undefined }
  /** `problem` says why there is no connection. */
  | { readonly _tag: "Connected"; readonly exchange: Exchange; readonly problem: string | undefined }
  | { readonly _tag: "TelemetryFlushed" }
  | { readonly _tag: "SnapshotTaken"; readonly connections: number; readonly problem: string | undefined }
  | { readonly _tag: "TimerFired"; readonly timer: TimerName; readonly generation: number }
  | { readonly _tag: "Invoke"; readonly request: InvocationRequest }
  | { readonly _tag: "Shutdown"; readonly reason: ShutdownReason }

/** A `next` that waits. The poll outlives its connection: `aborted` says that the client is gone. */
export interface Poll {
  readonly exchange: Exchange
  aborted: boolean
}

export interface Extension {
  readonly name: string
  readonly source: Source
  readonly kind: "external" | "internal"
  readonly identifier: string
  state: ExtensionStateName
  events: ReadonlyArray<"INVOKE" | "SHUTDOWN">
  process: ProcessId | undefined
  registered: boolean
  /** Called next at least once. */
  arrived: boolean
  /** A stored flag, not a pulse: an extension released while busy gets the current event at its next poll. */
  released: boolean
  poll: Poll | undefined
}

export type RuntimeStateName =
  | "Started"
  | "InitError"
  | "RestoreReady"
  | "Restoring"
  | "RuntimeRestoreErrorState"
  | "Ready"
  | "Running"
  | "InvocationResponse"
  | "InvocationErrorResponse"
  | "RuntimeResponseSentState"

/** The facts about an invocation that the runtime is told. */
export interface CurrentInvocation {
  readonly request: InvocationRequest
  readonly deadlineMs: number
}

export interface Runtime {
  state: RuntimeStateName
  /** The invocation that was delivered last, until it has ended well: a lost invocation stays here. */
  current: CurrentInvocation | undefined
  process: ProcessId | undefined
  /** The platform started it, or would have if it had a process. */
  started: boolean
  arrived: boolean
  released: boolean
  polls: Array<Poll>
  /** Waits for the restore. */
  restorePoll: Poll | undefined
}

export interface Invocation extends CurrentInvocation {
  answered: boolean
  runtimeDoneAt: number | undefined
  /** Extensions that still have to call next. */
  readonly waitingFor: Set<Extension>
}

export type Phase =
  /** Nothing runs: before the first init and after a reset. */
  | { readonly _tag: "Cold" }
  | { readonly _tag: "Init"; readonly kind: "init" | "invoke" }
  /** Init is done and everything stopped; `isTaken`: the connections are cut, and an invocation can restore it. */
  | { readonly _tag: "Snapshot"; isTaken: boolean }
  /** The runtime runs its hooks. */
  | { readonly _tag: "Restore" }
  /** Init is done. Profile `lmi` stays here while invocations run. */
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Invoke" }
  | {
      readonly _tag: "Shutdown"
      readonly reason: ShutdownReason
      readonly reasonText: ShutdownReasonText
      readonly deadlineMs: number
      readonly reset: boolean
      step: "runtime" | "flush" | "extensions" | "collect"
    }
  | { readonly _tag: "Terminated" }

export interface Environment {
  readonly options: EnvironmentOptions
  readonly newId: () => string
  readonly commands: Array<Command>
  readonly timers: Map<TimerName, number>
  /** Processes that run, by id. */
  readonly alive: Map<ProcessId, Source>
  readonly queue: Array<InvocationRequest>
  now: number
  lastId: number
  phase: Phase
  /** An init has been started: the next one is no longer the init phase. */
  initStarted: boolean
  /** An init has come to its end. */
  initSucceeded: boolean
  extensions: Array<Extension>
  runtime: Runtime
  /** Names of external extensions that are still to be started. */
  toLaunch: Array<string>
  registrationClosed: boolean
  /** The first fatal error of this generation; `payload` replaces the usual text for the invoker. */
  fatal: { readonly errorType: string; readonly payload: string | undefined } | undefined
  /** A process ended between invocations: the next invocation fails with this message. */
  broken: string | undefined
  invocation: Invocation | undefined
  /** The time at which every process was stopped. */
  frozenAt: number | undefined
  /** As measured last, in bytes. */
  memoryBytes: number | undefined
  /** Telemetry subscriptions; they outlive a reset. */
  readonly subscriptions: Array<{ readonly name: string; readonly api: "telemetry" | "logs"; readonly key: string }>
  /** Profile `lmi`: subscriptions that wait for their TCP connection. */
  readonly connecting: Map<
    Exchange,
    { readonly body: string; readonly name: string; readonly source: Source; readonly subscription: Subscription }
  >
  /** Profile `rie`: the answer that the caller gets when the invocation has ended. */
  heldAnswer: (Command & { readonly _tag: "Answer" }) | undefined
  /** Profile `lmi`: the invocations that run, by request id. */
  readonly concurrent: Map<string, InvocationRequest>
  /** Profile `lmi`: request ids whose answer will come too late, oldest first. */
  readonly timedOut: Set<string>
  /** A shutdown that came during a reset. */
  endRequested: boolean
}

export const freshRuntime = (): Runtime => ({
  state: "Started",
  current: undefined,
  process: undefined,
  started: false,
  arrived: false,
  released: false,
  polls: [],
  restorePoll: undefined
})

export const record = (env: Environment, event: JournalEvent): void => {
  env.commands.push({ _tag: "Record", event })
}

export const reply = (env: Environment, exchange: Exchange, response: WireResponse): void => {
  env.commands.push({ _tag: "Reply", exchange, response })
}

/** Closes the connection of a request without an answer. */
export const drop = (env: Environment, exchange: Exchange): void => {
  env.commands.push({ _tag: "Drop", exchange })
}

/** A number no timer or process of this environment had before. */
export const nextNumber = (env: Environment): number => ++env.lastId

export const startTimer = (env: Environment, timer: TimerName, delayMs: number): void => {
  const generation = nextNumber(env)
  env.timers.set(timer, generation)
  env.commands.push({ _tag: "StartTimer", timer, generation, delayMs: Math.max(0, delayMs) })
}

export const stopTimer = (env: Environment, timer: TimerName): void => {
  if (env.timers.delete(timer)) env.commands.push({ _tag: "StopTimer", timer })
}

export const kill = (env: Environment, process: ProcessId, signal: "SIGTERM" | "SIGKILL"): void => {
  const source = env.alive.get(process)
  if (source === undefined) return
  record(env, { _tag: "Killed", source, signal })
  env.commands.push({ _tag: "Kill", process, signal })
}

/** Stores the first fatal error; it decides the error type the invoker sees (docs/protocol.md#failures). */
export const storeFatal = (env: Environment, source: Source, errorType: string, payload?: string): void => {
  record(env, { _tag: "Fatal", source, errorType, first: env.fatal === undefined })
  env.fatal ??= { errorType, payload }
}
