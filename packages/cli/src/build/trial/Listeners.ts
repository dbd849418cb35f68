/** The sockets that a process and its children listen on, as Linux tells it in `/proc`. */
import * as Fs from "node:fs"

/** A port, or the path of a Unix socket. */
export type Listener =
  | { readonly protocol: "TCP" | "UDP"; readonly port: number }
  | { readonly protocol: "Unix"; readonly path: string }

const read = (file: string): string => {
  try {
    return Fs.readFileSync(file, "latin1")
  } catch {
    // The process has ended, or the system has no such file.
    return ""
  }
}

const list = (folder: string): ReadonlyArray<string> => {
  try {
    return Fs.readdirSync(folder)
  } catch {
    return []
  }
}

/** The parent is the second field behind the name, which may hold anything. */
const parentOf = (pid: string): number => Number(read(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[1])

/** The process, its children, and theirs. */
const family = (pid: number): ReadonlyArray<number> => {
  const parents = list("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(name)] as const)
  const found = [pid]
  for (const known of found) found.push(...parents.filter(([, parent]) => parent === known).map(([child]) => child))
  return found
}

const link = (file: string): string => {
  try {
    return Fs.readlinkSync(file)
  } catch {
    return ""
  }
}

const socketsOf = (pid: number): ReadonlyArray<string> =>
  list(`/proc/${pid}/fd`).flatMap((name) => /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${name}`))?.[1] ?? [])

const rows = (pid: number, table: string): ReadonlyArray<ReadonlyArray<string>> =>
  read(`/proc/${pid}/net/${table}`)
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))

const portIn = (address: string | undefined): number => Number.parseInt(address?.split(":").at(-1) ?? "", 16)

/** The system gives ports from here on to sockets that ask for none. */
const firstFreePort = (): number => Number(read("/proc/sys/net/ipv4/ip_local_port_range").split("\t")[0])

const listening = "0A"
const accepting = 0x10000

/** `undefined`: this system has no `/proc`. */
export const of = (pid: number): ReadonlyArray<Listener> | undefined => {
  if (read(`/proc/${pid}/net/tcp`) === "") return undefined
  const sockets = new Set(family(pid).flatMap(socketsOf))
  const isOwn = (inode: string | undefined) => inode !== undefined && sockets.has(inode)
  const found: Array<Listener> = []
  for (const table of ["tcp", "tcp6"]) {
    for (const [, local, , state, , , , , , inode] of rows(pid, table)) {
      if (state === listening && isOwn(inode)) found.push({ protocol: "TCP", port: portIn(local) })
    }
  }
  // A client has a port too, which the system has chosen, and only the client knows it.
  const free = firstFreePort()
  for (const table of ["udp", "udp6"]) {
    for (const [, local, remote, , , , , , , inode] of rows(pid, table)) {
      const isClient = portIn(remote) !== 0 || portIn(local) >= free
      if (isOwn(inode) && !isClient) found.push({ protocol: "UDP", port: portIn(local) })
    }
  }
  for (const [, , , flags = "", , , inode, path] of rows(pid, "unix")) {
    if (isOwn(inode) && path !== undefined && (Number.parseInt(flags, 16) & accepting) !== 0) {
      found.push({ protocol: "Unix", path })
    }
  }
  return found
}
