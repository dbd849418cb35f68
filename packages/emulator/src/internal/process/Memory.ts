/** The memory that process groups have used, as Linux tells it. */
import * as Fs from "node:fs"

export interface Meter {
  /**
   * The memory of each group, in bytes: for each of its processes the most it has had (`VmHWM`), without the share of
   * pages that others count (`Rss` less `Pss`). A group that is gone has no entry; other systems than Linux have none.
   */
  readonly measure: (groups: ReadonlyArray<number>) => ReadonlyMap<number, number>
}

interface Status {
  readonly group: number | undefined
  readonly peakBytes: number | undefined
}

interface Share {
  /** The peak when the share was read. */
  readonly peakBytes: number
  readonly othersBytes: number
}

const read = (path: string): string => {
  try {
    return Fs.readFileSync(path, "latin1")
  } catch {
    // The process is gone, or belongs to another user.
    return ""
  }
}

const kilobytes = (text: string, name: string): number | undefined => {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(text)?.[1]
  return found === undefined ? undefined : Number(found) * 1024
}

const statusOf = (pid: number): Status => {
  const text = read(`/proc/${pid}/status`)
  // In a namespace of processes the number outside comes first.
  const group = /^NSpgid:\s*(\d+)/m.exec(text)?.[1]
  return { group: group === undefined ? undefined : Number(group), peakBytes: kilobytes(text, "VmHWM") }
}

/** Reading it walks through all pages, a millisecond or more for a large process. 0: only the peak counts. */
const othersBytes = (pid: number): number => {
  const text = read(`/proc/${pid}/smaps_rollup`)
  return (kilobytes(text, "Rss") ?? 0) - (kilobytes(text, "Pss") ?? 0)
}

const processes = (): ReadonlyArray<number> => {
  try {
    return Fs.readdirSync("/proc").map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** Memory that has grown by less than this part is the process's own: what it shares is not looked up again. */
const growth = 1 / 16

/** Remembers the values that it has read, so that another look at processes that do not change costs little. */
export const make = (): Meter => {
  /** The group of each process of the machine. */
  let groupOf = new Map<number, number | undefined>()
  let shares = new Map<number, Share>()
  const membersOf = new Map<number, string>()

  const measure = (groups: ReadonlyArray<number>): ReadonlyMap<number, number> => {
    const wanted = new Set(groups)
    const seen = new Map<number, number | undefined>()
    const members = new Map<number, Array<readonly [pid: number, peakBytes: number]>>()
    for (const pid of processes()) {
      const known = groupOf.get(pid)
      if (groupOf.has(pid) && (known === undefined || !wanted.has(known))) {
        seen.set(pid, known)
        continue
      }
      const { group, peakBytes } = statusOf(pid)
      seen.set(pid, group)
      if (group === undefined || peakBytes === undefined || !wanted.has(group)) continue
      members.set(group, [...(members.get(group) ?? []), [pid, peakBytes]])
    }
    groupOf = seen
    const sums = new Map<number, number>()
    const current = new Map<number, Share>()
    for (const [group, pids] of members) {
      // A process that starts or ends changes what the others share.
      const names = pids.map(([pid]) => pid).join(" ")
      const isChanged = membersOf.get(group) !== names
      membersOf.set(group, names)
      let sum = 0
      for (const [pid, peakBytes] of pids) {
        const before = shares.get(pid)
        const share =
          isChanged || before === undefined || peakBytes > before.peakBytes * (1 + growth)
            ? { peakBytes, othersBytes: othersBytes(pid) }
            : before
        current.set(pid, share)
        sum += Math.max(0, peakBytes - share.othersBytes)
      }
      sums.set(group, sum)
    }
    shares = current
    for (const group of membersOf.keys()) if (!wanted.has(group)) membersOf.delete(group)
    return sums
  }

  return { measure }
}
