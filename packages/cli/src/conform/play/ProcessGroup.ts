/** The processes of a group, as /proc has them. */
import * as Fs from "node:fs"

/** The fields of a process behind its state: ppid, pgrp, … (proc(5)). `undefined` if the process is gone. */
export const fieldsOf = (pid: number): ReadonlyArray<number> | undefined => {
  try {
    const text = Fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name may hold spaces and parentheses.
    return text
      .slice(text.lastIndexOf(")") + 4)
      .split(" ")
      .map(Number)
  } catch {
    return undefined
  }
}

/** The processes of the group; none without a group, or where /proc is missing. */
export const members = (group: number | undefined): ReadonlyArray<number> => {
  if (group === undefined || !Fs.existsSync("/proc/self/stat")) return []
  return Fs.readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => fieldsOf(pid)?.[1] === group)
}
