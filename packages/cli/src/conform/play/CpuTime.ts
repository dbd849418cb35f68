/** The CPU time of the processes of an extension, where the system tells it. */
import * as Effect from "effect/Effect"
import * as ProcessGroup from "./ProcessGroup.ts"

/** Linux counts in hundredths of a second for every program. */
const tickMs = 10

/** Milliseconds of CPU of a process group so far, children that have ended included; `undefined` if they are not known. */
export const ofGroup = (group: number | undefined): Effect.Effect<number | undefined> =>
  Effect.sync(() => {
    const found = ProcessGroup.members(group)
    if (found.length === 0) return undefined
    // utime, stime, cutime and cstime
    const times = found.flatMap((pid) => ProcessGroup.fieldsOf(pid)?.slice(10, 14) ?? [])
    return times.reduce((sum, ticks) => sum + ticks, 0) * tickMs
  })
