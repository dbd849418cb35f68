/**
 * Processes that have left the group of their environment (setsid, a double fork). They are known by the variables that
 * they have inherited: the address of the Runtime API, which no other environment has at the same time, and the kind of
 * init, which a program that a person starts by hand against this address does not have.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs"
import NodeProcess from "node:process"

/** The inherited variables, as `/proc` shows them; `undefined` if the processes are not given them. */
export type Mark = ReadonlyArray<string>

const names = ["AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_INITIALIZATION_TYPE"]

export const markOf = (environment: Readonly<Record<string, string>>): Mark | undefined =>
  names.every((name) => environment[name] !== undefined)
    ? names.map((name) => `${name}=${environment[name]}`)
    : undefined

/** Nothing if the process has ended, or belongs to another user. */
const read = (pid: string, file: string): string => {
  try {
    return Fs.readFileSync(`/proc/${pid}/${file}`, "utf8")
  } catch {
    return ""
  }
}

/** The flag of a thread of the kernel, which has no variables either. */
const kernelThread = 0x00200000

/** While the system loads a program, the process shows neither arguments nor variables. */
const isLoading = (pid: string): boolean => {
  const stat = read(pid, "stat")
  if (stat === "" || read(pid, "cmdline") !== "") return false
  // The state and the flags come after the name, which may hold any text.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return !["Z", "X"].includes(fields[0] ?? "") && (Number(fields[6]) & kernelThread) === 0
}

const processes = (): ReadonlyArray<string> => {
  try {
    return Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== NodeProcess.pid)
  } catch {
    // Another system than Linux.
    return []
  }
}

/** Looks again so often for processes that have started during a look. */
const maxLooks = 100

/**
 * Kills all processes with the variables of the mark; `true` if there was none. A process that ends during the look may
 * have started another one, so that every process has to be looked at until no new one has come.
 */
const killAll = (mark: Mark): boolean => {
  const looked = new Set<string>()
  let none = true
  for (let looks = 1; ; looks++) {
    const fresh = processes().filter((pid) => !looked.has(pid))
    if (fresh.length === 0) return none
    if (looks === maxLooks) return false
    for (const pid of fresh) {
      looked.add(pid)
      const text = read(pid, "environ")
      if (text === "" ? !isLoading(pid) : !isMarked(text, mark)) continue
      none = false
      if (text !== "") killOne(Number(pid))
    }
  }
}

const isMarked = (text: string, mark: Mark): boolean => {
  const variables = text.split("\0")
  return mark.every((variable) => variables.includes(variable))
}

const killOne = (pid: number): void => {
  try {
    NodeProcess.kill(pid, "SIGKILL")
  } catch {
    // It has ended.
  }
}

/** Kills the strays until none is left: one that starts others may start another one in between. Two seconds at most. */
export const kill = (mark: Mark): Effect.Effect<void> =>
  Effect.sync(() => killAll(mark)).pipe(
    Effect.repeat({ until: (none) => none, schedule: Schedule.spaced("5 millis") }),
    Effect.timeoutOption("2 seconds"),
    Effect.asVoid
  )
