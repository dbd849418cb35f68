/**
 * A control group of Linux that limits the CPU time of the processes in it together, as Lambda limits those of a sandbox.
 * The group is made for a run and removed at its end.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** CPU time per period, both in microseconds; more CPU time than a period means more than one CPU. */
export interface Quota {
  readonly quotaMicros: number
  readonly periodMicros: number
}

/** The memory (MB) at which a function has one vCPU; CPU and memory are in proportion. */
const oneCpuMegabytes = 1769

/** Linux takes no quota below a millisecond, and no period above a second. */
const leastQuotaMicros = 1000
const longestPeriodMicros = 1_000_000

/**
 * The share of one CPU that a function with this memory has.
 *
 * @throws RangeError if Linux does not take the quota
 */
export const quotaOf = (megabytes: number, periodMicros: number): Quota => {
  const quotaMicros = Math.round((periodMicros * megabytes) / oneCpuMegabytes)
  if (quotaMicros >= leastQuotaMicros && periodMicros <= longestPeriodMicros) return { quotaMicros, periodMicros }
  const least = Math.ceil((leastQuotaMicros * oneCpuMegabytes) / megabytes / 1000)
  throw new RangeError(
    `A period of ${periodMicros / 1000} ms is not possible for ${megabytes} MB: Linux takes ${least} to ` +
      `${longestPeriodMicros / 1000} ms. Give another --period.`
  )
}

/** The folder below which a group can be made. */
export interface Place {
  readonly version: 1 | 2
  readonly folder: string
}

/** The mounts of /proc/self/mountinfo: the fields before " - ", then type, source and options of the file system. */
const mountsOf = (mountinfo: string) =>
  mountinfo
    .split("\n")
    .map((line) => line.split(" - "))
    .flatMap(([mount = "", fileSystem = ""]) => {
      const [, , , root, point] = mount.split(" ")
      const [type, , options = ""] = fileSystem.split(" ")
      return root === undefined || point === undefined ? [] : [{ root, point, type, options: options.split(",") }]
    })

/** The group of this process in the hierarchy of version 1 that has the controller `cpu`. */
const ownGroup = (cgroup: string): string | undefined =>
  cgroup
    .split("\n")
    .map((line) => line.split(":"))
    .find(([, controllers = ""]) => controllers.split(",").includes("cpu"))
    ?.slice(2)
    .join(":")

/**
 * Finds the place of a new group. Version 1 goes first: where it has the controller, version 2 does not.
 *
 * @param mountinfo the text of /proc/self/mountinfo
 * @param cgroup the text of /proc/self/cgroup
 */
export const placeOf = (mountinfo: string, cgroup: string): Place | undefined => {
  const mounts = mountsOf(mountinfo)
  const one = mounts.find(({ options, type }) => type === "cgroup" && options.includes("cpu"))
  if (one !== undefined) {
    // The limits of this process's own group hold in a group below it. A container sees its group as the root.
    const own = ownGroup(cgroup) ?? "/"
    const isBelow = own !== one.root && own.startsWith(one.root)
    return { version: 1, folder: isBelow ? join(one.point, own.slice(one.root.length)) : one.point }
  }
  // A group of version 2 that has processes gives no controller to its children, except for the root.
  const two = mounts.find(({ type }) => type === "cgroup2")
  return two && { version: 2, folder: two.point }
}

export interface Group {
  /** A process that writes 0 to this file belongs to the group from then on, with its children. */
  readonly processesFile: string
  /** Sets the limit of all processes of the group together; `undefined` takes it away. */
  readonly limit: (quota: Quota | undefined) => void
  /** Waits until the last process has ended, and removes the group. */
  readonly remove: () => Promise<void>
}

const namePrefix = "effect-lambda-benchmark-"
const removeTries = 250
const removePauseMillis = 20

/** A run that was killed leaves its group, without processes. */
const removeLeftovers = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(namePrefix)) continue
    try {
      rmdirSync(join(folder, name))
    } catch {
      // Processes of another run are in it.
    }
  }
}

const enableCpu = (folder: string): void => {
  const has = (file: string) => readFileSync(join(folder, file), "utf8").trim().split(" ").includes("cpu")
  if (!has("cgroup.controllers")) throw new Error(`${folder} does not have the controller cpu`)
  if (!has("cgroup.subtree_control")) writeFileSync(join(folder, "cgroup.subtree_control"), "+cpu")
}

/** @throws Error if this user may not make a group there */
export const make = ({ folder, version }: Place): Group => {
  removeLeftovers(folder)
  if (version === 2) enableCpu(folder)
  const group = join(folder, `${namePrefix}${process.pid}`)
  mkdirSync(group)
  const set = (file: string, value: string) => writeFileSync(join(group, file), value)
  return {
    processesFile: join(group, "cgroup.procs"),
    limit: (quota) => {
      if (version === 2) return set("cpu.max", quota ? `${quota.quotaMicros} ${quota.periodMicros}` : "max")
      if (quota === undefined) return set("cpu.cfs_quota_us", "-1")
      set("cpu.cfs_period_us", String(quota.periodMicros))
      return set("cpu.cfs_quota_us", String(quota.quotaMicros))
    },
    remove: async () => {
      for (let left = removeTries; ; left--) {
        try {
          return rmdirSync(group)
        } catch (error) {
          if (left === 0) throw error
          await new Promise((resolve) => setTimeout(resolve, removePauseMillis))
        }
      }
    }
  }
}

/** A group, or the sentence that says why this machine permits none. */
export const open = (): Group | string => {
  const place = placeOf(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"))
  if (place === undefined) return "There is no CPU quota, and so no table: this machine has no control groups."
  try {
    return make(place)
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    return `There is no CPU quota, and so no table: ${problem}. Run as root, outside of a container.`
  }
}
