/**
 * SnapStart: after init everything is stopped and cut off from the outside, as in a snapshot. The first invocation
 * brings it back, once; the runtime runs its hooks before it gets the invocation.
 *
 * The Runtime API is part of the snapshot, so the polls that stand there outlive it. Extensions get no event of it.
 */
import * as Wire from "../wire/Wire.ts"
import { freeze, thaw } from "./Freeze.ts"
import type { Environment } from "./State.ts"
import { record, reply, startTimer, stopTimer, storeFatal } from "./State.ts"

/** Milliseconds that the hooks of the runtime have. */
const restoreMs = 10_000

export const takeSnapshot = (env: Environment): void => {
  env.phase = { _tag: "Snapshot", isTaken: false }
  freeze(env)
  env.commands.push({ _tag: "CutConnections" })
}

export const snapshotTaken = (env: Environment, connections: number, problem: string | undefined): void => {
  // The environment was shut down while the connections were cut.
  if (env.phase._tag !== "Snapshot") return
  env.phase.isTaken = true
  record(env, { _tag: "SnapshotTaken", connections, problem })
}

/** Answers the poll of a runtime that waits for the restore. */
export const releaseRestore = (env: Environment): void => {
  const poll = env.runtime.restorePoll
  if (poll === undefined) return
  env.runtime.restorePoll = undefined
  env.runtime.state = "Restoring"
  reply(env, poll.exchange, Wire.restored)
}

export const restore = (env: Environment): void => {
  env.phase = { _tag: "Restore" }
  record(env, { _tag: "RestoreStarted" })
  thaw(env)
  // A process has ended in the snapshot.
  if (env.broken !== undefined) return endRestore(env, "error", env.fatal?.errorType)
  // A runtime that asked for an invocation takes no interest in the restore.
  if (env.runtime.restorePoll === undefined) return endRestore(env, "success", undefined)
  startTimer(env, "restore", restoreMs)
  releaseRestore(env)
}

/** After a failure the invocation that waits is still taken up, and fails with the stored error. */
export const endRestore = (env: Environment, status: "success" | "error", errorType: string | undefined): void => {
  stopTimer(env, "restore")
  record(env, { _tag: "RestoreEnded", status, errorType })
  env.phase = { _tag: "Idle" }
}

export const restoreTimedOut = (env: Environment): void => {
  if (env.phase._tag !== "Restore") return
  const errorType = "Runtime.RestoreHookUserTimeout"
  storeFatal(env, "runtime", errorType)
  env.broken ??= `the hooks of the runtime took more than ${restoreMs / 1000} seconds after the restore`
  endRestore(env, "error", env.fatal?.errorType ?? errorType)
}
