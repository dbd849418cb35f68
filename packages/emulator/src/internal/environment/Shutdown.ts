/**
 * The end of an environment or of one generation: the runtime first, then the extensions
 * (docs/protocol.md#the-shutdown-sequence).
 */
import type { ShutdownReason } from "../ShutdownReason.ts"
import { releaseExtension } from "./Delivery.ts"
import { thaw } from "./Freeze.ts"
import { abandonInvocations, releaseAnswer } from "./Invocation.ts"
import { abandonConcurrent } from "./lmi/ConcurrentInvocations.ts"
import type { Environment } from "./State.ts"
import { drop, freshRuntime, kill, record, startTimer, stopTimer } from "./State.ts"

/** Milliseconds from the start of a shutdown to SIGKILL for every extension (docs/protocol.md#time-limits). */
const shutdownMs = 2000

/**
 * Milliseconds the runtime gets between SIGTERM and SIGKILL: 30 % of the shutdown (docs/protocol.md#time-limits).
 */
const runtimeShutdownMs = 600

/**
 * Milliseconds for telemetry between the end of the runtime and SHUTDOWN
 * (docs/protocol.md#telemetry-on-managed-instances).
 */
const flushMs = 1000

/** Milliseconds to wait for killed processes to be collected (docs/protocol.md#the-shutdown-sequence). */
const collectMs = 2000

export const startShutdown = (env: Environment, reason: ShutdownReason, reset: boolean): void => {
  const initFailed = env.phase._tag === "Init" && env.phase.kind === "init"
  const reasonText = env.options.profile.shutdownReasons[initFailed && reason === "failure" ? "initFailure" : reason]
  // A stopped process would not notice SIGTERM.
  thaw(env)
  stopTimer(env, "init")
  stopTimer(env, "restore")
  env.toLaunch = []
  if (!reset) abandonAll(env)
  const deadlineMs = env.now + shutdownMs
  env.phase = { _tag: "Shutdown", reason, reasonText, deadlineMs, reset, step: "runtime" }
  record(env, { _tag: "ShutdownStarted", reason, deadlineMs, reset })
  startTimer(env, "shutdown", shutdownMs)
  const runtime = env.runtime.process
  if (runtime === undefined || !env.alive.has(runtime)) return flushTelemetry(env)
  if (env.extensions.length === 0) return kill(env, runtime, "SIGKILL")
  kill(env, runtime, "SIGTERM")
  startTimer(env, "runtimeTermination", runtimeShutdownMs)
}

const abandonAll = (env: Environment): void => {
  abandonInvocations(env)
  abandonConcurrent(env)
}

/** Delivers telemetry before the extensions are told, if the profile does. */
const flushTelemetry = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  if (!env.options.profile.flushesAtShutdown || env.subscriptions.length === 0) return shutDownExtensions(env)
  env.phase.step = "flush"
  stopTimer(env, "runtimeTermination")
  startTimer(env, "flush", flushMs)
  env.commands.push({ _tag: "FlushTelemetry" })
}

/** Telemetry is delivered, or has had its time. */
export const endFlush = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown" || env.phase.step !== "flush") return
  stopTimer(env, "flush")
  shutDownExtensions(env)
}

const shutDownExtensions = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  stopTimer(env, "runtimeTermination")
  env.phase.step = "extensions"
  for (const extension of env.extensions) {
    const { poll, process } = extension
    if (process === undefined) continue
    // An extension whose process is gone already is released too, unless the event would only be lost.
    const listens = env.alive.has(process) || poll?.aborted !== true
    if (!extension.events.includes("SHUTDOWN")) kill(env, process, "SIGKILL")
    else if (listens) releaseExtension(env, extension)
  }
  advanceShutdown(env)
}

/** Goes on with the shutdown if the processes of a step have ended. */
export const advanceShutdown = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  const runtime = env.runtime.process
  if (env.phase.step === "runtime") {
    if (runtime === undefined || !env.alive.has(runtime)) flushTelemetry(env)
    return
  }
  if (env.phase.step !== "flush" && env.alive.size === 0) finishShutdown(env)
}

/** The runtime's share of the shutdown has ended. */
export const endRuntimeShare = (env: Environment): void => {
  if (env.runtime.process !== undefined) kill(env, env.runtime.process, "SIGKILL")
}

/** The shutdown's deadline has passed. */
export const endShutdownShare = (env: Environment): void => {
  const phase = env.phase
  if (phase._tag !== "Shutdown") return
  // The shutdown may still be in the runtime's share, if its killed process was not collected in time. Then the
  // extensions get no time either.
  phase.step = "collect"
  for (const process of env.alive.keys()) kill(env, process, "SIGKILL")
  startTimer(env, "collect", collectMs)
}

/** A killed process that cannot be collected must not hold the environment for ever. */
export const giveUpCollecting = (env: Environment): void => {
  env.alive.clear()
  finishShutdown(env)
}

const finishShutdown = (env: Environment): void => {
  if (env.phase._tag !== "Shutdown") return
  const { reason } = env.phase
  // A reset becomes the end of the environment if that was asked for during the reset.
  const reset = env.phase.reset && !env.endRequested
  for (const timer of ["runtimeTermination", "flush", "shutdown", "collect"] as const) stopTimer(env, timer)
  record(env, { _tag: "ShutdownEnded", reason, reset })
  // Registrations, gates and the fatal error are forgotten; identifiers will be new. A poll that still stands goes with
  // the process that made it.
  for (const { poll } of env.extensions) if (poll !== undefined) drop(env, poll.exchange)
  for (const { exchange } of env.runtime.polls) drop(env, exchange)
  if (env.runtime.restorePoll !== undefined) drop(env, env.runtime.restorePoll.exchange)
  env.extensions = []
  env.runtime = freshRuntime()
  env.registrationClosed = false
  env.fatal = undefined
  env.broken = undefined
  env.memoryBytes = undefined
  if (env.invocation === undefined) releaseAnswer(env)
  if (reset) {
    env.phase = { _tag: "Cold" }
    return
  }
  env.phase = { _tag: "Terminated" }
  env.commands.push({ _tag: "Terminated" })
}

/** The end of the environment, asked for from outside. */
export const end = (env: Environment, reason: ShutdownReason): void => {
  if (env.phase._tag === "Terminated") {
    env.commands.push({ _tag: "Terminated" })
    return
  }
  if (env.phase._tag === "Shutdown") {
    env.endRequested = true
    return abandonAll(env)
  }
  startShutdown(env, reason, false)
}
