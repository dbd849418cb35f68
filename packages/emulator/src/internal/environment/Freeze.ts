/**
 * The freeze between invocations: when the runtime and every extension wait in next, nothing of them runs until there
 * is an event again (docs/protocol.md#the-freeze).
 */
import type { Environment } from "./State.ts"
import { record, startTimer, stopTimer } from "./State.ts"

export const freeze = (env: Environment): void => {
  env.frozenAt = env.now
  env.commands.push({ _tag: "Freeze" })
  record(env, { _tag: "Frozen" })
}

/** Comes before any message to a process: a signal or an event would otherwise wait in a stopped process. */
export const thaw = (env: Environment): void => {
  if (env.frozenAt === undefined) return
  env.commands.push({ _tag: "Thaw" })
  record(env, { _tag: "Thawed", frozenMs: env.now - env.frozenAt })
  env.frozenAt = undefined
}

/** The environment has no more work: it freezes if the runtime and every extension wait. */
export const settle = (env: Environment): void => {
  if (env.phase._tag !== "Idle") return stopTimer(env, "freeze")
  const { freezeAfterMs } = env.options
  if (freezeAfterMs === undefined || env.frozenAt !== undefined || env.timers.has("freeze")) return
  if (freezeAfterMs === 0) freeze(env)
  else startTimer(env, "freeze", freezeAfterMs)
}
