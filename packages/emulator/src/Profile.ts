/**
 * The platform whose behaviour the environment has, as a record of facts. The machine, the servers and telemetry read
 * these facts, and never ask for the name of a profile.
 *
 * - `real`: AWS Lambda itself, on demand.
 * - `rie`: AWS's own local emulator in its usual mode.
 * - `lmi`: Lambda Managed Instances.
 *
 * Two defects of AWS's emulator in managed mode are not copied: its deadline header has the wrong scale, and it needs
 * root.
 *
 * @since 0.1.0
 */
import type { ShutdownReason, ShutdownReasonText } from "./internal/ShutdownReason.ts"

export type { ShutdownReasonText } from "./internal/ShutdownReason.ts"

/**
 * The name of a profile.
 *
 * @category models
 * @since 0.1.0
 */
export type ProfileName = "real" | "rie" | "lmi"

/**
 * The facts of a profile: what differs between the platforms, and nothing else. The table of profiles in
 * `docs/emulator.md` has a row for each field, with the first sentence of its comment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Profile {
  /** The name, as options and messages have it. */
  readonly name: ProfileName

  /** Init starts with the environment. Otherwise it runs inside the first invocation, under the function timeout. */
  readonly startsInitAtOnce: boolean
  /** The only kind of init. If there is none, the option `initType` decides. */
  readonly initType: "on-demand" | "lambda-managed-instances" | undefined
  /** The function timeout, unless an option gives it. In milliseconds. */
  readonly timeoutMs: number
  /** The function timeout limits init too, unless an option gives the limit. */
  readonly limitsInitByTimeout: boolean
  /** The error type of an init that takes too long. */
  readonly initTimeoutErrorType: "Sandbox.Timedout" | undefined
  /** The environment stops its processes between invocations if the option `freeze` asks for it. */
  readonly freezes: boolean
  /** A failure resets the environment, and the next invocation starts it again. Otherwise the first crash ends it. */
  readonly resets: boolean

  /** Several workers of the runtime poll at the same time, and invocations run at the same time. */
  readonly runsConcurrently: boolean
  /** A second invocation at the same time is refused. Otherwise it waits for its turn. */
  readonly refusesWhileBusy: boolean
  /** A payload that is too large is cut. Otherwise it is refused. */
  readonly cutsPayload: boolean
  /** An invocation without a trace header gets one, which is not sampled. */
  readonly makesTraceHeader: boolean
  /** The runtime is told the trace header and the content type of an invocation. */
  readonly tellsRuntimeTrace: boolean
  /** The caller waits until every extension has called next, or until a failed environment has been reset. */
  readonly answersAtEnd: boolean
  /** The loss of a process between invocations is noticed after the next invocation has been handed out. */
  readonly failsAfterDelivery: boolean
  /** A failure leaves the function's response as the body, and no body before the first init that succeeds. */
  readonly failureKeepsResponse: boolean
  /** The error type of a function that takes too long. */
  readonly timeoutErrorType: "Sandbox.Timedout" | "Sandbox.Timeout"
  /** A timeout answers the caller with a sentence. Otherwise with an error document. */
  readonly timeoutIsText: boolean
  /** The region and the account in the ARN of every function. If there is none, the options decide. */
  readonly arnPrefix: string | undefined
  /** The answers of the Invoke API: those of Lambda with SDK errors, or those of AWS's emulator. */
  readonly invokeApi: "lambda" | "rie"

  /** Extensions get INVOKE. Otherwise external extensions get SHUTDOWN only, and internal extensions get no event. */
  readonly givesInvoke: boolean
  /** The largest body of register in bytes. If there is none, a body may be as large as a payload. */
  readonly maxRegisterBytes: number | undefined
  /** Register tells the account to extensions that ask for it. */
  readonly tellsAccount: boolean
  /** The error type that an extension reports reaches the caller if it has the right form. */
  readonly keepsExtensionErrorType: boolean
  /** Refusals of a wrong state have their error text in lower case. */
  readonly lowerCaseErrors: boolean
  /** The reasons that SHUTDOWN tells. `initFailure` is the failure of the first init. */
  readonly shutdownReasons: Readonly<Record<ShutdownReason | "initFailure", ShutdownReasonText>>
  /** Requests of a runtime that the environment has not started are closed without an answer. */
  readonly closesUnstartedRuntime: boolean
  /** Answers of more than 2,048 bytes are sent in chunks, as Go does. */
  readonly sendsChunks: boolean

  /** The Telemetry API: the service, or an answer 202 that it is not supported. */
  readonly telemetryApi: "service" | "stub"
  /** The Logs API: the service, an answer 202 that it is not supported, or an unknown path. */
  readonly logsApi: "service" | "stub" | "absent"
  /** A subscription is checked by a schema, and a TCP listener is dialled before it is accepted. */
  readonly checksBySchema: boolean
  /** The end of the refusal of a subscription that comes after init. */
  readonly subscriptionClosed: "closed already" | "closed"
  /**
   * A batch that does not get through is sent again. Otherwise it is lost, and every subscriber is told. The headers of
   * a delivery are those of the real service, or those of Go.
   */
  readonly retriesDelivery: boolean
  /** A line in telemetry keeps its line break. */
  readonly keepsLineBreak: boolean
  /** Telemetry gets up to a second after the end of the runtime, before SHUTDOWN. */
  readonly flushesAtShutdown: boolean
  /** The report of an invocation has the memory, the init time and the billed time. */
  readonly reportsBilling: boolean

  /** Extensions see all variables but a few. Otherwise those of the runtime are hidden from them. */
  readonly showsRuntimeVariables: boolean
  /** Customers may set names that Lambda refuses, such as those that begin with `_`. */
  readonly takesAnyVariable: boolean
  /** `AWS_LAMBDA_LOG_FORMAT` tells the log format, and the runtime has a descriptor for log records. */
  readonly tellsLogFormat: boolean
}

const real: Profile = {
  name: "real",
  startsInitAtOnce: true,
  initType: undefined,
  timeoutMs: 3000,
  limitsInitByTimeout: false,
  initTimeoutErrorType: undefined,
  freezes: true,
  resets: true,
  runsConcurrently: false,
  refusesWhileBusy: false,
  cutsPayload: false,
  makesTraceHeader: true,
  tellsRuntimeTrace: true,
  answersAtEnd: false,
  failsAfterDelivery: false,
  failureKeepsResponse: false,
  timeoutErrorType: "Sandbox.Timedout",
  timeoutIsText: false,
  arnPrefix: undefined,
  invokeApi: "lambda",
  givesInvoke: true,
  maxRegisterBytes: undefined,
  tellsAccount: true,
  keepsExtensionErrorType: false,
  lowerCaseErrors: false,
  shutdownReasons: { spindown: "spindown", timeout: "timeout", failure: "failure", initFailure: "failure" },
  closesUnstartedRuntime: false,
  sendsChunks: false,
  telemetryApi: "service",
  logsApi: "service",
  checksBySchema: false,
  subscriptionClosed: "closed already",
  retriesDelivery: true,
  keepsLineBreak: true,
  flushesAtShutdown: false,
  reportsBilling: true,
  showsRuntimeVariables: false,
  takesAnyVariable: false,
  tellsLogFormat: true
}

const rie: Profile = {
  ...real,
  name: "rie",
  startsInitAtOnce: false,
  initType: "on-demand",
  timeoutMs: 300_000,
  refusesWhileBusy: true,
  cutsPayload: true,
  makesTraceHeader: false,
  tellsRuntimeTrace: false,
  answersAtEnd: true,
  failsAfterDelivery: true,
  failureKeepsResponse: true,
  timeoutErrorType: "Sandbox.Timeout",
  timeoutIsText: true,
  arnPrefix: "us-east-1:012345678912",
  invokeApi: "rie",
  tellsAccount: false,
  shutdownReasons: {
    spindown: "SandboxTerminated",
    timeout: "Timeout",
    failure: "ReleaseFail",
    initFailure: "spindown"
  },
  closesUnstartedRuntime: true,
  sendsChunks: true,
  telemetryApi: "stub",
  logsApi: "stub",
  showsRuntimeVariables: true,
  takesAnyVariable: true,
  tellsLogFormat: false
}

const lmi: Profile = {
  ...real,
  name: "lmi",
  initType: "lambda-managed-instances",
  timeoutMs: 300_000,
  limitsInitByTimeout: true,
  initTimeoutErrorType: "Sandbox.Timedout",
  freezes: false,
  resets: false,
  runsConcurrently: true,
  invokeApi: "rie",
  givesInvoke: false,
  maxRegisterBytes: 1_048_576,
  keepsExtensionErrorType: true,
  lowerCaseErrors: true,
  shutdownReasons: { spindown: "spindown", timeout: "failure", failure: "failure", initFailure: "failure" },
  sendsChunks: true,
  logsApi: "absent",
  checksBySchema: true,
  subscriptionClosed: "closed",
  retriesDelivery: false,
  keepsLineBreak: false,
  flushesAtShutdown: true,
  reportsBilling: false
}

/**
 * The profiles by their names.
 *
 * @category constants
 * @since 0.1.0
 */
export const profiles: Readonly<Record<ProfileName, Profile>> = { real, rie, lmi }
