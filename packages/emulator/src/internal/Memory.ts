/** How much memory a process has used, as Linux tells it. */
import * as Fs from "node:fs"

/**
 * The most memory the process has had at one time, in bytes: `VmHWM`, its resident set. `undefined`: there is no such
 * process any more, it is about to end, or this is not Linux.
 */
export const peakBytes = (pid: number): number | undefined => {
  let status: string
  try {
    status = Fs.readFileSync(`/proc/${pid}/status`, "latin1")
  } catch {
    return undefined
  }
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}
