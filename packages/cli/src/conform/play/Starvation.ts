/**
 * The time for which processes could run and no processor was free, as Linux counts it. On a busy machine it would make an
 * extension slow that is not, so verdicts about milliseconds leave it out. Time in which a process sleeps or waits for others is none of it.
 */
import * as Fs from "node:fs"

const read = (path: string): string => {
  try {
    return Fs.readFileSync(path, "utf8")
  } catch {
    // The process is gone, or this is another system than Linux.
    return ""
  }
}

/** A process and all that it has started, which are still its children. */
const familyOf = (pid: number): ReadonlyArray<number> => [
  pid,
  ...read(`/proc/${pid}/task/${pid}/children`)
    .split(" ")
    .filter((child) => child.trim() !== "")
    .flatMap((child) => familyOf(Number(child)))
]

/**
 * Milliseconds so far, by process.
 *
 * @category models
 * @since 0.1.0
 */
export type Starvation = ReadonlyMap<number, number>

/** Looks at the main threads of these processes and of their children. */
export const look = (pids: ReadonlyArray<number>): Starvation =>
  new Map(
    pids.flatMap(familyOf).flatMap((pid) => {
      // Nanoseconds on a processor, nanoseconds in its queue, and the number of turns.
      const [, queued] = read(`/proc/${pid}/schedstat`).split(" ")
      return queued === undefined ? [] : [[pid, Number(queued) / 1_000_000] as const]
    })
  )

/** The milliseconds of the process that waited longest from one look to another; processes run beside each other. */
export const between = (before: Starvation, after: Starvation): number =>
  Math.round(Math.max(0, ...Array.from(after, ([pid, ms]) => ms - (before.get(pid) ?? 0))))
