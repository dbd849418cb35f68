/** Failures: processes that end, files that cannot be executed, and what follows (docs/protocol.md#failures). */
import type { Source } from "../Source.ts"
import * as Wire from "../wire/Wire.ts"
import { describeExit } from "./ExitText.ts"
import { answer, endInvocation } from "./Invocation.ts"
import { failConcurrent } from "./lmi/ConcurrentInvocations.ts"
import { advanceShutdown, startShutdown } from "./Shutdown.ts"
import { endRestore } from "./Snapshot.ts"
import type { Environment, Input } from "./State.ts"
import { record, storeFatal } from "./State.ts"

/** Something fatal happened: stores it (the first one wins) and ends the current phase. */
export const fail = (env: Environment, source: Source, errorType: string, message: string): void => {
  storeFatal(env, source, errorType)
  failNow(env, message)
}

/** Ends the current phase with the fatal error that is stored. */
export const failNow = (env: Environment, message: string): void => {
  const { fatal, phase } = env
  const { profile } = env.options
  if (fatal === undefined || phase._tag === "Cold" || phase._tag === "Shutdown" || phase._tag === "Terminated") return
  if (phase._tag === "Init") {
    record(env, { _tag: "InitEnded", phase: phase.kind, status: "error", errorType: fatal.errorType })
  }
  if (!profile.resets) {
    failConcurrent(env, fatal.errorType, message)
    return startShutdown(env, "failure", false)
  }
  if (phase._tag === "Idle" || phase._tag === "Snapshot" || phase._tag === "Restore") {
    // The next invocation fails, as in rapid.
    env.broken ??= message
    if (phase._tag === "Restore") endRestore(env, "error", fatal.errorType)
    return
  }
  if (env.invocation !== undefined) {
    const { requestId } = env.invocation.request
    const usual = () => fatal.payload ?? Wire.failurePayload(requestId, fatal.errorType, message)
    const payload = profile.failureKeepsResponse ? keptResponse(env, usual) : usual()
    answer(env, payload, fatal.errorType, false)
    endInvocation(env, "error", fatal.errorType)
  }
  startShutdown(env, "failure", true)
}

/**
 * The body that the caller of AWS's emulator gets with status 502. If the function had responded already, this is its
 * response. Before the first init that succeeds the body is empty, unless the runtime said what went wrong.
 */
const keptResponse = (env: Environment, usual: () => string): string => {
  if (env.heldAnswer?.outcome._tag === "Answered") return env.heldAnswer.outcome.payload
  return env.initSucceeded ? usual() : (env.fatal?.payload ?? "")
}

export const launchFailed = (env: Environment, failed: Input & { readonly _tag: "LaunchFailed" }): void => {
  const { advice, errorType, message, process } = failed
  const source = env.alive.get(process)
  if (source === undefined) return
  env.alive.delete(process)
  record(env, { _tag: "LaunchFailed", source, errorType, message, advice })
  if (source === "runtime") {
    fail(env, source, "Runtime.InvalidEntrypoint", message)
  } else {
    const extension = env.extensions.find((extension) => extension.process === process)
    if (extension !== undefined) extension.state = "LaunchError"
    fail(env, source, "Extension.LaunchError", message)
  }
  advanceShutdown(env)
}

export const processExited = (env: Environment, exited: Input & { readonly _tag: "ProcessExited" }): void => {
  const { advice, peakMemoryBytes, process, status } = exited
  const source = env.alive.get(process)
  if (source === undefined) return
  env.alive.delete(process)
  const extension = env.extensions.find((extension) => extension.process === process)
  const said = advice === undefined ? {} : { advice }
  const success = status._tag === "Code" && status.code === 0
  if (env.phase._tag === "Shutdown") {
    // Only an extension that was given SHUTDOWN ends as Exited or ShutdownFailed
    // (docs/protocol.md#states-of-an-extension).
    if (extension?.state === "Running" && extension.events.includes("SHUTDOWN")) {
      extension.state = success ? "Exited" : "ShutdownFailed"
    }
    record(env, { _tag: "ProcessExited", source, status, state: extension?.state, peakMemoryBytes, ...said })
    return advanceShutdown(env)
  }
  record(env, { _tag: "ProcessExited", source, status, state: extension?.state, peakMemoryBytes, ...said })
  const text = describeExit(status)
  if (source !== "runtime") return fail(env, source, "Extension.Crash", text)
  fail(
    env,
    source,
    "Runtime.ExitError",
    success ? "Runtime exited without providing a reason" : `Runtime exited with error: ${text}`
  )
}
