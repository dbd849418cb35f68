/** The CPU time of the processes of an extension, where the system tells it. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"

/** Linux counts in hundredths of a second for every program. */
const tickMs = 10

/** The fields of a process behind its name, which may hold spaces. */
const statOf = (pid: string): ReadonlyArray<number> | undefined => {
  try {
    const text = Fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    return text
      .slice(text.lastIndexOf(")") + 4)
      .split(" ")
      .map(Number)
  } catch {
    // The process is gone, or this is not Linux.
    return undefined
  }
}

/** Milliseconds of CPU of a process group so far, children that have ended included; `undefined` if they are not known. */
export const ofGroup = (group: number | undefined): Effect.Effect<number | undefined> =>
  Effect.sync(() => {
    if (group === undefined || !Fs.existsSync("/proc/self/stat")) return undefined
    let ticks: number | undefined
    for (const pid of Fs.readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue
      const fields = statOf(pid)
      // Behind state: ppid, pgrp, …; utime, stime, cutime and cstime are the 11th to the 14th.
      if (fields?.[1] !== group) continue
      ticks = (ticks ?? 0) + fields.slice(10, 14).reduce((sum, value) => sum + value, 0)
    }
    return ticks === undefined ? undefined : ticks * tickMs
  })
