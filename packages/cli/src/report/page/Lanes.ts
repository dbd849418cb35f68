/**
 * The lanes of a run: what the platform, the runtime, each extension and telemetry did, as bars and marks over time.
 *
 * @since 0.1.0
 */
import type { JournalEntry, Source } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"

/**
 * The work in a bar. `held` is work after the function's response, which holds the invocation open; `after` is the
 * runtime between its response and its next.
 *
 * @category models
 * @since 0.1.0
 */
export type BarKind = "init" | "work" | "held" | "after" | "wait" | "lost" | "shutdown"

/**
 * A period of a lane.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bar {
  readonly kind: BarKind
  readonly from: number
  readonly to: number
  /** The positions of the entries that begin and end it, and of what its process exchanged in it. */
  readonly positions: ReadonlyArray<number>
}

/**
 * The kind of a mark, which decides its shape.
 *
 * @category models
 * @since 0.1.0
 */
export type MarkKind = "log" | "warn" | "error" | "fault" | "bad" | "note" | "delivered"

/**
 * A moment of a lane.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mark {
  readonly kind: MarkKind
  readonly at: number
  /** The position of its entry. */
  readonly position: number
  /** The position of what went over the wire for it. */
  readonly wire: number | undefined
}

/**
 * A row of the chart.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lane {
  readonly title: string
  readonly role: "platform" | "runtime" | "extension" | "telemetry"
  readonly bars: ReadonlyArray<Bar>
  readonly marks: ReadonlyArray<Mark>
}

type Key = Source | "platform" | "telemetry"

/**
 * The lane in which an entry is told.
 *
 * @category accessors
 * @since 0.1.0
 */
export const laneOf = (entry: JournalEntry): Key => {
  switch (entry._tag) {
    case "TelemetryDelivered":
    case "TelemetryNotDelivered":
    case "TelemetryDropped":
    case "TelemetrySubscription":
      return "telemetry"
    case "RuntimeResponded":
    case "RuntimeDone":
    case "InvocationDelivered":
    case "RestoreNextCalled":
      return "runtime"
    case "FaultInjected":
      return entry.target ?? "platform"
    case "Exchanged":
      return entry.process ?? "platform"
    default:
      return "source" in entry ? entry.source : "platform"
  }
}

/**
 * The name of a lane, for people.
 *
 * @category rendering
 * @since 0.1.0
 */
export const titleOf = (key: Key): string => key.replace(/^extension:/, "")

const markOf = (entry: JournalEntry): MarkKind | undefined => {
  switch (entry._tag) {
    case "Output": {
      const log = LogLine.read(entry.line)
      if (log === undefined) return "log"
      if (LogLine.isError(log)) return "error"
      return log.level === "WARN" ? "warn" : "log"
    }
    case "FaultInjected":
      return "fault"
    case "ApiRefused":
    case "Fatal":
    case "ErrorReported":
    case "LaunchFailed":
    case "PollAborted":
    case "TelemetryNotDelivered":
    case "TelemetryDropped":
      return "bad"
    case "ProcessExited":
      if (entry.status._tag === "Code" && entry.status.code === 0) return "note"
      return entry.source === "runtime" && entry.status._tag === "Signal" ? "note" : "bad"
    case "Killed":
      return entry.signal === "SIGKILL" ? "bad" : "note"
    case "EventDelivered":
    case "InvocationDelivered":
      return entry.lost ? "bad" : undefined
    case "RuntimeResponded":
      return entry.functionError === undefined ? undefined : "bad"
    case "InitEnded":
    case "RestoreEnded":
    case "InvocationDone":
      return entry.status === "success" ? undefined : "bad"
    case "TelemetrySubscription":
      return entry.state === "Subscribed" || entry.state === "Already subscribed" ? "note" : "bad"
    case "TelemetryDelivered":
      return "delivered"
    case "Registered":
    case "SnapshotTaken":
    case "ShutdownStarted":
      return "note"
    default:
      return undefined
  }
}

/** A delivery is recorded just before its outcome, a request just after what it caused. */
const wireOf = (journal: ReadonlyArray<JournalEntry>, position: number): number | undefined => {
  const [entry, before, after] = [journal[position], journal[position - 1], journal[position + 1]]
  if (entry === undefined || entry._tag === "Output") return undefined
  if (laneOf(entry) === "telemetry" && before?._tag === "Exchanged" && before.kind === "delivery") return position - 1
  return after?._tag === "Exchanged" && after.kind === "api" ? position + 1 : undefined
}

/** A bar has the first of them: those of a program that asks without end are no evidence. */
const mostExchanges = 6

/** Adds to each bar of a process what it exchanged in that time, the poll that the bar begins or ends with included. */
const withExchanges = (
  bars: ReadonlyArray<Bar>,
  exchanges: ReadonlyArray<{ readonly from: number; readonly to: number; readonly position: number }>
): ReadonlyArray<Bar> => {
  let first = 0
  return bars.map(({ from, kind, positions, to }) => {
    while ((exchanges[first]?.to ?? Infinity) < from) first++
    const near = exchanges.slice(first, first + mostExchanges).filter((exchange) => exchange.from <= to)
    return { kind, from, to, positions: [...positions, ...near.map(({ position }) => position)] }
  })
}

interface Process {
  readonly bars: Array<Bar>
  readonly marks: Array<Mark>
  readonly exchanges: Array<{ readonly from: number; readonly to: number; readonly position: number }>
  open: { readonly kind: BarKind; readonly from: number; readonly position: number } | undefined
}

/**
 * Makes the lanes: the platform, the runtime, the extensions in the order of their first entries, and telemetry.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (journal: ReadonlyArray<JournalEntry>): ReadonlyArray<Lane> => {
  const lanes = new Map<Key, Process>()
  const lane = (key: Key): Process => {
    const known = lanes.get(key)
    if (known !== undefined) return known
    const made: Process = { bars: [], marks: [], exchanges: [], open: undefined }
    lanes.set(key, made)
    return made
  }
  lane("platform")
  lane("runtime")
  let running = 0

  /** Ends the open bar of the lane, and begins another one. */
  const turn = (key: Key, position: number, at: number, kind?: BarKind) => {
    const process = lane(key)
    const { open } = process
    if (open !== undefined) {
      process.bars.push({ kind: open.kind, from: open.from, to: at, positions: [open.position, position] })
    }
    process.open = kind === undefined ? undefined : { kind, from: at, position }
  }

  journal.forEach((entry, position) => {
    const { at } = entry
    const key = laneOf(entry)
    const mark = markOf(entry)
    if (mark !== undefined) lane(key).marks.push({ kind: mark, at, position, wire: wireOf(journal, position) })
    switch (entry._tag) {
      case "Exchanged":
        if (entry.kind === "api") lane(key).exchanges.push({ from: entry.requestedAt, to: at, position })
        return
      case "InitStarted":
        return turn("platform", position, at, "init")
      case "InitEnded":
        return turn("platform", position, at, running > 0 ? "work" : undefined)
      case "InvocationStarted":
        running++
        return turn("platform", position, at, "work")
      case "InvocationDone":
        running = Math.max(0, running - 1)
        if (running > 0) return
        turn("platform", position, at)
        // Lambda no longer waits for these: they are at work, and hold nothing open.
        for (const [name, { open }] of lanes) if (open?.kind === "held") turn(name, position, at, "work")
        return
      case "ShutdownEnded":
      case "RestoreEnded":
        return turn("platform", position, at)
      case "ShutdownStarted":
        running = 0
        return turn("platform", position, at, "shutdown")
      case "RestoreStarted":
        return turn("platform", position, at, "init")
      case "ProcessStarted":
        return turn(key, position, at, "init")
      case "Registered":
        return lane(key).open === undefined ? turn(key, position, at, "init") : undefined
      case "NextCalled":
      case "RestoreNextCalled":
        return turn(key, position, at, "wait")
      case "EventDelivered":
        if (entry.lost) return turn(key, position, at, "lost")
        return turn(key, position, at, entry.eventType === "INVOKE" ? "work" : "shutdown")
      case "InvocationDelivered":
        return turn(key, position, at, entry.lost ? "lost" : "work")
      case "RuntimeResponded":
        turn("runtime", position, at, "after")
        for (const [name, { open }] of lanes) {
          if (name !== "runtime" && open?.kind === "work") turn(name, position, at, "held")
        }
        return
      case "Killed":
        return entry.source === "runtime" ? turn(key, position, at, "shutdown") : undefined
      case "ProcessExited":
      case "LaunchFailed":
        return turn(key, position, at)
      default:
        return
    }
  })
  const last = journal.at(-1)
  if (last !== undefined) for (const key of lanes.keys()) turn(key, journal.length - 1, last.at)

  const role = (key: Key): Lane["role"] =>
    key === "platform" || key === "runtime" || key === "telemetry" ? key : "extension"
  const keys = [...lanes.keys()]
  const ordered = [...keys.filter((key) => key !== "telemetry"), ...keys.filter((key) => key === "telemetry")]
  return ordered.flatMap((key) => {
    const made = lanes.get(key)
    if (made === undefined) return []
    const bars = withExchanges(made.bars, made.exchanges)
    return [{ title: titleOf(key), role: role(key), bars, marks: made.marks }]
  })
}
