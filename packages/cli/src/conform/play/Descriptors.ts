/** The descriptors that the processes of an extension have open, where the system tells them. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as ProcessGroup from "./ProcessGroup.ts"

const countOf = (pid: number): number => {
  try {
    return Fs.readdirSync(`/proc/${pid}/fd`).length
  } catch {
    // The process is gone, or belongs to another user.
    return 0
  }
}

/** Their number in a process group; 0 if it is not known. */
export const ofGroup = (group: number | undefined): Effect.Effect<number> =>
  Effect.sync(() => ProcessGroup.members(group).reduce((sum, pid) => sum + countOf(pid), 0))
