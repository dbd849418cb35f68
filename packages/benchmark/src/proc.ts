/** The CPU time and the memory of a process, as `/proc` of Linux tells them. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

/**
 * The CPU time of a process so far, of all its threads. The sum comes from `schedstat` (nanoseconds), since `stat` counts in
 * ticks of 10 ms, an eighth of the cost of a start. Node's threads live as long as the process, so none is missed.
 */
export const cpuMillis = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6)
    .reduce((sum, millis) => sum + millis, 0)

/** The time in which the main thread of a process was ready to run and had no CPU, since its neighbours had it. */
export const waitMillis = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6

/** The largest resident memory that a process has had (MB of 1,000,000 bytes). */
export const peakMegabytes = (pid: number): number => {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status names no VmHWM`)
  return (Number(kibibytes) * 1024) / 1e6
}

/** The resident memory of a process now (MB of 1,000,000 bytes), page by page: `status` counts it only roughly. */
export const residentMegabytes = (pid: number): number => {
  const kibibytes = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/smaps_rollup names no Rss`)
  return (Number(kibibytes) * 1024) / 1e6
}

/**
 * Keeps this process, with all its threads and the processes that it starts from now on, on one CPU. Otherwise the kernel
 * chooses for each process whether its client is on the same CPU, and a write that wakes another CPU costs some 20 µs more.
 */
export const stayOnOneCpu = (): void => {
  const cpu = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]
  if (cpu === undefined) throw new Error("/proc/self/status names no Cpus_allowed_list")
  execFileSync("taskset", ["-acp", cpu, String(process.pid)])
}
