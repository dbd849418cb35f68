/**
 * A control group of Linux (cgroup) that limits the memory of the processes in it together. The group is made for an
 * environment and removed at its end.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"

export interface Group {
  /** A process that writes 0 into it belongs to the group, with all processes that it starts. */
  readonly processesFile: string
}

interface Refused {
  readonly said: string
}

/** A folder in which a group may be made, and the version of its hierarchy. */
interface Place {
  readonly version: 1 | 2
  readonly folder: string
}

const read = (file: string): string => {
  try {
    return Fs.readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/** The folders from this one up to the top. */
const upwards = (top: string, below: string): ReadonlyArray<string> =>
  below === "/" ? [top] : [NodePath.join(top, below), ...upwards(top, NodePath.dirname(below))]

/**
 * The places to try, in their order.
 *
 * @param mountinfo the text of /proc/self/mountinfo
 * @param cgroup the text of /proc/self/cgroup
 */
export const placesOf = (mountinfo: string, cgroup: string): ReadonlyArray<Place> => {
  const own = cgroup.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
  return mountinfo.split("\n").flatMap((line): ReadonlyArray<Place> => {
    const [mount = "", fileSystem = ""] = line.split(" - ")
    const [, , , root = "/", point = ""] = mount.split(" ")
    const [type, , options = ""] = fileSystem.split(" ")
    const isMemory = type === "cgroup" && options.split(",").includes("memory")
    if (!isMemory && type !== "cgroup2") return []
    const group =
      own.find((found) => (isMemory ? found?.[1]?.split(",").includes("memory") : found?.[1] === ""))?.[2] ?? "/"
    // A container sees its own group as the root of the mount.
    const below = group.startsWith(root) ? group.slice(root === "/" ? 0 : root.length) : "/"
    const folders = upwards(point, below === "" ? "/" : below)
    return isMemory
      ? folders.map((folder) => ({ version: 1, folder }))
      : // A group of version 2 that has processes gives no controller to its children, except for the root.
        folders.slice(folders.length > 1 ? 1 : 0).map((folder) => ({ version: 2, folder }))
  })
}

const namePrefix = "effect-lambda-emulator-"

const isAlive = (pid: number): boolean => Fs.existsSync(`/proc/${pid}`)

/** An emulator that was killed leaves its group, without processes. */
const removeLeftovers = (folder: string): void => {
  for (const name of Fs.readdirSync(folder)) {
    if (!name.startsWith(namePrefix) || isAlive(Number.parseInt(name.slice(namePrefix.length), 10))) continue
    try {
      Fs.rmdirSync(NodePath.join(folder, name))
    } catch {
      // Processes are in it.
    }
  }
}

const writeIfThere = (file: string, text: string): void => {
  if (Fs.existsSync(file)) Fs.writeFileSync(file, text)
}

/** @throws Error if this user may not make a group there */
const open = ({ folder, version }: Place, megabytes: number): string => {
  if (version === 2 && !read(NodePath.join(folder, "cgroup.subtree_control")).split(/\s/).includes("memory")) {
    Fs.writeFileSync(NodePath.join(folder, "cgroup.subtree_control"), "+memory")
  }
  removeLeftovers(folder)
  const group = NodePath.join(folder, `${namePrefix}${NodeProcess.pid}-${Crypto.randomUUID()}`)
  Fs.mkdirSync(group)
  const bytes = String(megabytes * 1_048_576)
  try {
    if (version === 1) {
      Fs.writeFileSync(NodePath.join(group, "memory.limit_in_bytes"), bytes)
      writeIfThere(NodePath.join(group, "memory.memsw.limit_in_bytes"), bytes)
    } else {
      Fs.writeFileSync(NodePath.join(group, "memory.max"), bytes)
      writeIfThere(NodePath.join(group, "memory.swap.max"), "0")
    }
  } catch (error) {
    Fs.rmdirSync(group)
    throw error
  }
  return group
}

/** Whether a process can join: the system may not permit it although the group could be made. */
const join = (processesFile: string, path: string): string | undefined => {
  const options = { env: { PATH: path, LC_ALL: "C" }, encoding: "utf8", timeout: 5000 } as const
  const { status, stderr } = ChildProcess.spawnSync("sh", ["-c", 'echo 0 > "$1"', "sh", processesFile], options)
  return status === 0 ? undefined : stderr.trim() || "no process can join the group"
}

/** The system removes a group a moment after its last process has ended. */
const remove = (group: string): Effect.Effect<void> =>
  Effect.try({ try: () => Fs.rmdirSync(group), catch: () => "busy" as const }).pipe(
    Effect.retry(Schedule.spaced("10 millis")),
    Effect.timeoutOption("2 seconds"),
    Effect.ignore
  )

/** Makes a group that the scope removes, or tells why this machine permits none. */
export const make = Effect.fnUntraced(function* (
  megabytes: number,
  path: string
): Effect.fn.Return<Group | Refused, never, Scope.Scope> {
  const said: Array<string> = []
  for (const place of placesOf(read("/proc/self/mountinfo"), read("/proc/self/cgroup"))) {
    const group = yield* Effect.acquireRelease(
      Effect.sync(() => {
        try {
          return open(place, megabytes)
        } catch (error) {
          said.push(error instanceof Error ? error.message : String(error))
          return undefined
        }
      }),
      (group) => (group === undefined ? Effect.void : remove(group))
    )
    if (group === undefined) continue
    const processesFile = NodePath.join(group, "cgroup.procs")
    const refused = join(processesFile, path)
    if (refused === undefined) return { processesFile }
    said.push(refused)
  }
  // The first place is the one that should do.
  return { said: said[0] ?? "this machine has no control groups for memory" }
})
