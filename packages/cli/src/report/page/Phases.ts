/**
 * The phases of a run, which are the columns of its axis: init, each invocation, each freeze, shutdown, and the time
 * between them.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"

/**
 * A period of the run. Invocations that overlap, as on managed instances, are a single phase.
 *
 * @category models
 * @since 0.1.0
 */
export interface Phase {
  readonly kind: "init" | "restore" | "invoke" | "shutdown" | "frozen" | "idle"
  /** Such as `Invocation 3`. */
  readonly title: string
  readonly from: number
  readonly to: number
  /** Its entries have the positions from `first` to before `end`. */
  readonly first: number
  readonly end: number
  /** The time at which Lambda ends it. */
  readonly deadline: number | undefined
  /** Such as `timeout`; `""` if nothing is said of it. */
  readonly status: string
}

interface Open {
  kind: Phase["kind"]
  title: string
  from: number
  first: number
  deadline: number | undefined
  status: string
}

/**
 * Divides a journal into its phases; each entry is in exactly one of them.
 *
 * @param initTimeoutMs the limit of init
 * @category constructors
 * @since 0.1.0
 */
export const of = (journal: ReadonlyArray<JournalEntry>, initTimeoutMs = 10_000): ReadonlyArray<Phase> => {
  const phases: Array<Phase> = []
  let open: Open | undefined
  let invocations = 0
  let isOver = true
  const running = new Set<string>()

  /** Ends the open phase before the entry at this position. */
  const close = (end: number, at: number) => {
    if (open !== undefined && (end > open.first || at > open.from)) phases.push({ ...open, to: at, end })
    open = undefined
  }
  const begin = (kind: Phase["kind"], title: string, position: number, at: number, deadline?: number) => {
    close(position, at)
    open = { kind, title, from: at, first: position, deadline, status: "" }
    isOver = false
  }

  journal.forEach((entry, position) => {
    const { at } = entry
    // The phase ended with the entry before this one.
    if (isOver) {
      const last = journal[position - 1]
      close(position, last?.at ?? at)
      open = { kind: "idle", title: "Idle", from: last?.at ?? at, first: position, deadline: undefined, status: "" }
      isOver = false
    }
    switch (entry._tag) {
      case "InitStarted":
        if (entry.phase === "init" && running.size === 0) begin("init", "Init", position, at, at + initTimeoutMs)
        return
      case "InitEnded":
        if (open?.kind !== "init") return
        open.status = entry.status
        isOver = true
        return
      case "RestoreStarted":
        return begin("restore", "Restore", position, at, at + 10_000)
      case "RestoreEnded":
        if (open?.kind !== "restore") return
        open.status = entry.status
        isOver = true
        return
      case "InvocationStarted":
        invocations++
        if (running.size === 0) begin("invoke", `Invocation ${invocations}`, position, at, entry.deadlineMs)
        else if (open !== undefined)
          open.title = open.title.replace(/^Invocations? (\d+).*$/, `Invocations $1 to ${invocations}`)
        running.add(entry.requestId)
        return
      case "RuntimeResponded":
        if (open?.kind === "invoke" && entry.functionError !== undefined) open.status = "error"
        return
      case "InvocationDone":
        running.delete(entry.requestId)
        if (open?.kind !== "invoke") return
        if (open.status === "" || open.status === "success") open.status = entry.status
        isOver = running.size === 0
        return
      case "ShutdownStarted":
        running.clear()
        begin("shutdown", entry.reset ? "Reset" : "Shutdown", position, at, entry.deadlineMs)
        if (open !== undefined) open.status = entry.reason
        return
      case "ShutdownEnded":
        isOver = true
        return
      case "Frozen":
        return begin("frozen", "Frozen", position, at)
      case "Thawed":
        // A restore thaws too, in its midst.
        isOver = open?.kind === "frozen"
        return
      default:
        return
    }
  })
  const last = journal.at(-1)
  if (last !== undefined) close(journal.length, last.at)
  return phases
}
