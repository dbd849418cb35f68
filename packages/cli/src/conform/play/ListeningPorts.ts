/** The TCP ports that the processes of an extension listen on, where the system tells them. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as ProcessGroup from "./ProcessGroup.ts"

/** The state of a listening socket in /proc/net/tcp. */
const listening = "0A"

/** The port of each listening socket, by its inode. */
const portsByInode = (): ReadonlyMap<string, number> => {
  const ports = new Map<string, number>()
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    if (!Fs.existsSync(table)) continue
    for (const line of Fs.readFileSync(table, "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/)
      const [, local = "", , state] = fields
      const inode = fields[9]
      if (state !== listening || inode === undefined) continue
      ports.set(inode, Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16))
    }
  }
  return ports
}

/** The inodes of the sockets that a process has open. */
const socketsOf = (pid: number): ReadonlyArray<string> => {
  try {
    return Fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = Fs.readlinkSync(`/proc/${pid}/fd/${fd}`)
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []
    })
  } catch {
    // The process or its descriptor is gone, or belongs to another user.
    return []
  }
}

/** The ports of a process group, in their order; none where /proc is missing. */
export const ofGroup = (group: number | undefined): Effect.Effect<ReadonlyArray<number>> =>
  Effect.sync(() => {
    const ports = portsByInode()
    const inodes = ProcessGroup.members(group).flatMap(socketsOf)
    return [...new Set(inodes.flatMap((inode) => ports.get(inode) ?? []))].toSorted((a, b) => a - b)
  })

/** Whether a program of this machine listens on the port. */
export const isTaken = (port: number): Effect.Effect<boolean> =>
  Effect.sync(() => [...portsByInode().values()].includes(port))
