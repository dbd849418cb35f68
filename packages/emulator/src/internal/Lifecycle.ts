/**
 * The phases of an environment: init with its gates, invocations with theirs, failures, resets and the end
 * (spec: lifecycle, sections init, invoke, shutdown sequence, failures).
 */
import type { ExitStatus, Source } from "../Journal.ts"
import type { ShutdownReason } from "../Wire.ts"
import * as Wire from "../Wire.ts"
import { releaseExtension, releaseRuntime } from "./Delivery.ts"
import type { Environment, Extension, InvocationOutcome, InvocationRequest, ProcessId, TimerName } from "./State.ts"
import { freshRuntime, kill, nextNumber, record, startTimer, stopTimer, storeFatal } from "./State.ts"

/** External and internal extensions together (spec: limits). */
export const maxExtensions = 10

/** Milliseconds from the start of a shutdown to SIGKILL for every extension (spec: time limits). */
const shutdownMs = 2000

/** Milliseconds the runtime gets between SIGTERM and SIGKILL: 30 % of the shutdown (spec: rapid runtimeDeadlineShare). */
const runtimeShutdownMs = 600

/** Milliseconds to wait for killed processes to be collected (spec: shutdown sequence, step 5). */
const collectMs = 2000

const spawn = (env: Environment, source: Source): ProcessId => {
  const process = nextNumber(env)
  env.alive.set(process, source)
  env.commands.push({ _tag: "Spawn", process, source })
  return process
}

export const startInit = (env: Environment, kind: "init" | "invoke"): void => {
  env.phase = { _tag: "Init", kind }
  env.extensions = []
  env.runtime = freshRuntime()
  env.registrationClosed = false
  env.fatal = undefined
  env.broken = undefined
  env.toLaunch = env.options.extensions.slice()
  record(env, { _tag: "InitStarted", phase: kind })
  // Inside an invocation the function timeout covers init; there is no init limit of its own.
  if (kind === "init") startTimer(env, "init", env.options.initTimeoutMs)
  launchNext(env)
}

/** Starts the next external extension; the start of one does not wait for the registration of the one before. */
export const launchNext = (env: Environment): void => {
  if (env.phase._tag !== "Init") return
  const name = env.toLaunch.shift()
  if (name === undefined) return advanceInit(env)
  const source: Source = `extension:${name}`
  const extension: Extension = {
    name,
    source,
    kind: "external",
    identifier: env.newId(),
    state: "Started",
    events: [],
    process: undefined,
    registered: false,
    arrived: false,
    released: false,
    poll: undefined
  }
  if (env.extensions.length >= maxExtensions) {
    extension.state = "LaunchError"
    env.extensions.push(extension)
    record(env, {
      _tag: "LaunchFailed",
      source,
      errorType: "TooManyExtensions",
      message: `Extension limit (${maxExtensions}) reached`
    })
    return fail(env, source, "Extension.LaunchError", "ErrorTooManyExtensions")
  }
  env.extensions.push(extension)
  extension.process = spawn(env, source)
}

/** Goes on with init as far as its gates are open. */
export const advanceInit = (env: Environment): void => {
  if (env.phase._tag !== "Init" || env.toLaunch.length > 0) return
  if (!env.runtime.started) {
    // The runtime is not started before every external extension has registered.
    if (env.extensions.some((extension) => extension.kind === "external" && !extension.registered)) return
    env.runtime.started = true
    env.runtime.process = spawn(env, "runtime")
  }
  if (!env.runtime.arrived) return
  env.registrationClosed = true
  // Every registered extension, whatever events it asked for.
  if (!env.extensions.every((extension) => extension.arrived)) return
  const { kind } = env.phase
  stopTimer(env, "init")
  record(env, { _tag: "InitEnded", phase: kind, status: "success", errorType: undefined })
  if (kind === "invoke") return dispatchInvocation(env)
  env.phase = { _tag: "Idle" }
  takeNextInvocation(env)
}

export const takeNextInvocation = (env: Environment): void => {
  if (env.phase._tag !== "Idle" && env.phase._tag !== "Cold") return
  const request = env.queue.shift()
  if (request === undefined) return
  startInvocation(env, request)
}

const startInvocation = (env: Environment, request: InvocationRequest): void => {
  const deadlineMs = env.now + env.options.timeoutMs
  env.invocation = {
    request,
    startedAt: env.now,
    deadlineMs,
    answered: false,
    runtimeDoneAt: undefined,
    waitingFor: new Set()
  }
  record(env, { _tag: "InvocationStarted", requestId: request.requestId, deadlineMs })
  startTimer(env, "function", env.options.timeoutMs)
  if (env.phase._tag === "Cold") return startInit(env, "invoke")
  env.phase = { _tag: "Invoke" }
  if (env.broken !== undefined) return failNow(env, env.broken)
  dispatchInvocation(env)
}

const dispatchInvocation = (env: Environment): void => {
  const invocation = env.invocation
  if (invocation === undefined) return
  env.phase = { _tag: "Invoke" }
  const subscribed = env.extensions.filter((extension) => extension.events.includes("INVOKE"))
  for (const extension of subscribed) invocation.waitingFor.add(extension)
  // Externals, then internals, then the runtime (spec: invoke, step 4).
  for (const extension of subscribed) if (extension.kind === "external") releaseExtension(env, extension)
  for (const extension of subscribed) if (extension.kind === "internal") releaseExtension(env, extension)
  releaseRuntime(env)
}

/** Gives the caller its result. Only the first one counts. */
export const answer = (env: Environment, payload: string, functionError: string | undefined): void => {
  const invocation = env.invocation
  if (invocation === undefined || invocation.answered) return
  invocation.answered = true
  const { call, requestId } = invocation.request
  const outcome: InvocationOutcome = { _tag: "Answered", requestId, payload, functionError }
  env.commands.push({ _tag: "Answer", call, outcome })
}

/** Ends the invocation when the runtime and every subscribed extension have called next. */
export const advanceInvocation = (env: Environment): void => {
  const invocation = env.invocation
  if (env.phase._tag !== "Invoke" || invocation === undefined) return
  if (invocation.runtimeDoneAt === undefined || invocation.waitingFor.size > 0) return
  endInvocation(env, "success", undefined)
  env.phase = { _tag: "Idle" }
  takeNextInvocation(env)
}

const endInvocation = (
  env: Environment,
  status: "success" | "error" | "timeout" | "abandoned",
  errorType: string | undefined
): void => {
  const invocation = env.invocation
  if (invocation === undefined) return
  stopTimer(env, "function")
  record(env, {
    _tag: "InvocationDone",
    requestId: invocation.request.requestId,
    status,
    errorType,
    extensionOverheadMs: invocation.runtimeDoneAt === undefined ? 0 : env.now - invocation.runtimeDoneAt
  })
  env.invocation = undefined
}

/** Something fatal happened: stores it (the first one wins) and ends the current phase. */
export const fail = (env: Environment, source: Source, errorType: string, message: string): void => {
  storeFatal(env, source, errorType)
  failNow(env, message)
}

const failNow = (env: Environment, message: string): void => {
  const fatal = env.fatal
  if (fatal === undefined) return
  switch (env.phase._tag) {
    case "Idle":
      // As in rapid, it is the next invocation that fails.
      env.broken ??= message
      return
    case "Init":
      record(env, { _tag: "InitEnded", phase: env.phase.kind, status: "error", errorType: fatal.errorType })
      break
    case "Invoke":
      break
    default:
      return
  }
  if (env.invocation !== undefined) {
    const { requestId } = env.invocation.request
    answer(env, fatal.payload ?? Wire.failurePayload(requestId, fatal.errorType, message), fatal.errorType)
    endInvocation(env, "error", fatal.errorType)
  }
  startShutdown(env, "failure", true)
}

export const timerFired = (env: Environment, timer: TimerName): void => {
  switch (timer) {
    case "init": {
      if (env.phase._tag !== "Init") return
      record(env, { _tag: "InitEnded", phase: env.phase.kind, status: "timeout", errorType: undefined })
      return startShutdown(env, "timeout", true)
    }
    case "function": {
      const invocation = env.invocation
      if (invocation === undefined) return
      if (env.phase._tag === "Init") {
        record(env, { _tag: "InitEnded", phase: env.phase.kind, status: "timeout", errorType: "Sandbox.Timedout" })
      }
      const seconds = (env.options.timeoutMs / 1000).toFixed(2)
      const message = `Task timed out after ${seconds} seconds`
      answer(env, Wire.failurePayload(invocation.request.requestId, "Sandbox.Timedout", message), "Sandbox.Timedout")
      endInvocation(env, "timeout", "Sandbox.Timedout")
      return startShutdown(env, "timeout", true)
    }
    case "runtimeTermination":
      if (env.runtime.process !== undefined) kill(env, env.runtime.process, "SIGKILL")
      return
    case "shutdown": {
      const phase = env.phase
      if (phase._tag !== "Shutdown") return
      // Still in the runtime's share: its killed process was not collected in time. The extensions get no more either.
      phase.step = "collect"
      for (const process of env.alive.keys()) kill(env, process, "SIGKILL")
      return startTimer(env, "collect", collectMs)
    }
    case "collect":
      // A killed process that cannot be collected must not hold the environment for ever.
      env.alive.clear()
      return finishShutdown(env)
  }
}

const startShutdown = (env: Environment, reason: ShutdownReason, reset: boolean): void => {
  stopTimer(env, "init")
  stopTimer(env, "function")
  env.toLaunch = []
  const deadlineMs = env.now + shutdownMs
  env.phase = { _tag: "Shutdown", reason, deadlineMs, reset, step: "runtime" }
  record(env, { _tag: "ShutdownStarted", reason, deadlineMs, reset })
  startTimer(env, "shutdown", shutdownMs)
  const runtime = env.runtime.process
  if (runtime === undefined || !env.alive.has(runtime)) return shutDownExtensions(env)
  if (env.extensions.length === 0) return kill(env, runtime, "SIGKILL")
  kill(env, runtime, "SIGTERM")
  startTimer(env, "runtimeTermination", runtimeShutdownMs)
}

const shutDownExtensions = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  stopTimer(env, "runtimeTermination")
  env.phase.step = "extensions"
  for (const extension of env.extensions) {
    if (extension.process === undefined || !env.alive.has(extension.process)) continue
    if (extension.events.includes("SHUTDOWN")) releaseExtension(env, extension)
    else kill(env, extension.process, "SIGKILL")
  }
  advanceShutdown(env)
}

const advanceShutdown = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  const runtime = env.runtime.process
  if (env.phase.step === "runtime" && (runtime === undefined || !env.alive.has(runtime))) return shutDownExtensions(env)
  if (env.phase.step !== "runtime" && env.alive.size === 0) finishShutdown(env)
}

const finishShutdown = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  const { reason, reset } = env.phase
  for (const timer of env.timers.keys()) stopTimer(env, timer)
  record(env, { _tag: "ShutdownEnded", reason, reset })
  if (!reset || env.endRequested) {
    env.phase = { _tag: "Terminated" }
    env.commands.push({ _tag: "Terminated" })
    return
  }
  // Reset: registrations, gates and the fatal error are forgotten; identifiers will be new.
  env.extensions = []
  env.runtime = freshRuntime()
  env.registrationClosed = false
  env.fatal = undefined
  env.broken = undefined
  env.phase = { _tag: "Cold" }
  takeNextInvocation(env)
}

/** The end of the environment, asked for from outside. */
export const end = (env: Environment, reason: ShutdownReason): void => {
  for (const request of env.queue.splice(0)) {
    const outcome: InvocationOutcome = { _tag: "Abandoned", requestId: request.requestId }
    env.commands.push({ _tag: "Answer", call: request.call, outcome })
  }
  if (env.invocation !== undefined) {
    const { answered, request } = env.invocation
    if (!answered) {
      const outcome: InvocationOutcome = { _tag: "Abandoned", requestId: request.requestId }
      env.commands.push({ _tag: "Answer", call: request.call, outcome })
    }
    endInvocation(env, "abandoned", undefined)
  }
  if (env.phase._tag === "Terminated") {
    env.commands.push({ _tag: "Terminated" })
    return
  }
  if (env.phase._tag === "Shutdown") {
    env.endRequested = true
    return
  }
  startShutdown(env, reason, false)
}

export const launchFailed = (env: Environment, process: ProcessId, errorType: string, message: string): void => {
  const source = env.alive.get(process)
  if (source === undefined) return
  env.alive.delete(process)
  record(env, { _tag: "LaunchFailed", source, errorType, message })
  if (source === "runtime") {
    fail(env, source, "Runtime.InvalidEntrypoint", message)
  } else {
    const extension = env.extensions.find((extension) => extension.process === process)
    if (extension !== undefined) extension.state = "LaunchError"
    fail(env, source, "Extension.LaunchError", message)
  }
  advanceShutdown(env)
}

/** The text Go gives to the end of a process (spec: failures). */
const describeExit = (status: ExitStatus): string => {
  if (status._tag === "Signal") return `signal: ${signalTexts[status.signal] ?? status.signal}`
  return status.code === 0 ? "exit code 0" : `exit status ${status.code}`
}

const signalTexts: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated"
}

export const processExited = (env: Environment, process: ProcessId, status: ExitStatus): void => {
  const source = env.alive.get(process)
  if (source === undefined) return
  env.alive.delete(process)
  const extension = env.extensions.find((extension) => extension.process === process)
  const success = status._tag === "Code" && status.code === 0
  if (env.phase._tag === "Shutdown") {
    // Only an extension that was given SHUTDOWN ends as Exited or ShutdownFailed (spec: state machine).
    if (extension?.state === "Running" && extension.events.includes("SHUTDOWN")) {
      extension.state = success ? "Exited" : "ShutdownFailed"
    }
    record(env, { _tag: "ProcessExited", source, status, state: extension?.state })
    return advanceShutdown(env)
  }
  record(env, { _tag: "ProcessExited", source, status, state: extension?.state })
  const text = describeExit(status)
  if (source !== "runtime") return fail(env, source, "Extension.Crash", text)
  fail(
    env,
    source,
    "Runtime.ExitError",
    success ? "Runtime exited without providing a reason" : `Runtime exited with error: ${text}`
  )
}
