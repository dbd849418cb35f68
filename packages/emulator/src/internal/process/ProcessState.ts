/** The state of a process, as the system tells it. */
import * as Fs from "node:fs"

/**
 * The letter of Linux for the state of a process and its first thread: `R` runs or waits for a processor, `S` sleeps,
 * `T` is stopped, `Z` has ended. `""`: no such process, or not Linux.
 */
export const stateOf = (pid: number): string => {
  try {
    const stat = Fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    // The state comes after the name, which may hold any text.
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3)
  } catch {
    return ""
  }
}
