/**
 * Init and its gates: external extensions, then the runtime, then the first next of all of them
 * (docs/protocol.md#init).
 */
import type { ProcessId, Source } from "../Source.ts"
import { fail } from "./Failure.ts"
import { dispatchInvocation } from "./Invocation.ts"
import { releaseRestore, takeSnapshot } from "./Snapshot.ts"
import type { Environment, Extension } from "./State.ts"
import { freshRuntime, nextNumber, record, startTimer, stopTimer } from "./State.ts"

/** External and internal extensions together (docs/protocol.md#limits). */
export const maxExtensions = 10

const spawn = (env: Environment, source: Source): ProcessId => {
  const process = nextNumber(env)
  env.alive.set(process, source)
  env.commands.push({ _tag: "Spawn", process, source })
  return process
}

/**
 * Keeps extensions that registered before init: only a client from outside can have done that
 * (docs/protocol.md#rie-before-init).
 */
export const startInit = (env: Environment, kind: "init" | "invoke"): void => {
  env.phase = { _tag: "Init", kind }
  env.initStarted = true
  env.runtime = freshRuntime()
  env.toLaunch = env.options.extensions.slice()
  record(env, { _tag: "InitStarted", phase: kind })
  // Inside an invocation the function timeout covers init, so there is no separate limit.
  if (env.invocation === undefined) startTimer(env, "init", env.options.initTimeoutMs)
  launchNext(env)
}

/** Starts the next external extension; a start does not wait for the registration of the extension before. */
export const launchNext = (env: Environment): void => {
  if (env.phase._tag !== "Init") return
  const name = env.toLaunch.shift()
  if (name === undefined) return advanceInit(env)
  const source: Source = `extension:${name}`
  const collides = env.extensions.some((extension) => extension.name === name)
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
  if (env.extensions.length >= maxExtensions || collides) {
    extension.state = "LaunchError"
    env.extensions.push(extension)
    const errorType = collides ? "UnknownError" : "TooManyExtensions"
    const message = collides ? "ErrAgentNameCollision" : `Extension limit (${maxExtensions}) reached`
    const advice = collides
      ? `Something registered as ${name} before its own process was started. Give one of them another name.`
      : `Lambda starts ${maxExtensions} extensions, internal ones included. Take some away.`
    record(env, { _tag: "LaunchFailed", source, errorType, message, advice })
    return fail(env, source, "Extension.LaunchError", collides ? message : "ErrorTooManyExtensions")
  }
  env.extensions.push(extension)
  extension.process = spawn(env, source)
}

/** Goes on with init through the gates that are open. */
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
  // Every registered extension counts, whatever events it asked for.
  if (!env.extensions.every((extension) => extension.arrived)) return
  const { kind } = env.phase
  stopTimer(env, "init")
  env.initSucceeded = true
  record(env, { _tag: "InitEnded", phase: kind, status: "success", errorType: undefined })
  if (env.options.snapStart && kind === "init") return takeSnapshot(env)
  env.phase = { _tag: "Idle" }
  // There is no snapshot inside an invocation, and so nothing to wait for.
  releaseRestore(env)
  dispatchInvocation(env)
}
