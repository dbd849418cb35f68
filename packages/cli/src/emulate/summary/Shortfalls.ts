/**
 * Finds extensions that did not do their work although they neither crashed nor overran. Such an extension idles, or its
 * telemetry was refused, or records never arrived, in the extension or at the backend.
 *
 * @since 0.1.0
 */
import type { EntryOf, JournalEntry, Source } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as LogEvent from "../../shared/LogEvent.ts"
import * as ExtensionName from "./ExtensionName.ts"

/**
 * `shortfalls` are work that was not done, which `emulate --strict` takes for a problem. `notes` are losses that no
 * extension can prevent, and memory over the memory size. Each is one sentence with its number.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shortfalls {
  readonly add: (entry: JournalEntry) => void
  readonly result: () => { readonly shortfalls: ReadonlyArray<string>; readonly notes: ReadonlyArray<string> }
}

/** The outcome of the subscriptions of one extension; a reset does not end them. */
interface Telemetry {
  refusals: number
  /** The error type and message of the first refusal. */
  refused: string
  isTaken: boolean
  /** The extension receives as telemetry what it and other extensions print. */
  hearsItself: boolean
  delivered: number
  attempts: number
  problem: string
  dropped: number
  reason: string
  /**
   * The number of lines since the last delivery that the extension need not get: its lines, and the lines that other
   * extensions printed during the shutdown, when its listener may be closed.
   */
  lastWords: number
}

interface Idle {
  readonly why: string
  missed: number
}

const records = (count: number): string => (count === 1 ? "1 telemetry record" : `${count} telemetry records`)
const times = (count: number): string => (count === 1 ? "once" : `${count} times`)

/** The number of records that the accounting counts as lost, and how: `2 dropped by the queue, 5 unsent`. */
const lostOf = ({ consumers, droppedByLambda, undecodable }: LogEvent.Accounting) => {
  const sum = (count: (consumer: LogEvent.Accounting["consumers"][number]) => number) =>
    consumers.reduce((total, consumer) => total + count(consumer), 0)
  const ways: ReadonlyArray<readonly [number, string]> = [
    [undecodable, "undecodable"],
    [droppedByLambda.records, "dropped by Lambda"],
    [sum(({ droppedByQueue }) => droppedByQueue), "dropped by the queue"],
    [sum(({ droppedBySink }) => droppedBySink), "dropped by the sink"],
    [sum(({ unsent }) => unsent), "unsent"]
  ]
  const lost = ways.filter(([count]) => count > 0)
  return {
    count: lost.reduce((sum, [count]) => sum + count, 0),
    how: lost.map(([count, how]) => `${count} ${how}`).join(", ")
  }
}

/** More refusals that name no extension are counted together: each has its own text if a program asks for nonsense. */
const mostRefusals = 100

const isSubscription = ({ path }: EntryOf<"ApiRefused">): boolean => /\/(telemetry|logs)$/.test(path)

/**
 * Takes the entries of a journal one by one.
 *
 * @param memorySize of the function, in MB; without it the result says nothing of the memory
 * @category constructors
 * @since 0.1.0
 */
export const make = (memorySize = Infinity): Shortfalls => {
  const telemetry = new Map<Source, Telemetry>()
  const idle = new Map<Source, Idle>()
  const accounted = new Map<Source, ReturnType<typeof lostOf>>()
  const registered = new Set<Source>()
  let peakMemoryMb = 0
  let isShuttingDown = false
  /** The reason why connections outlived the snapshot. */
  let uncut: string | undefined
  let refusal = ""
  /** Refusals that name no extension: those of managed instances, and those after init. */
  const unnamed = new Map<string, number>()
  let otherRefusals = 0

  const of = (source: Source): Telemetry => {
    const known = telemetry.get(source)
    if (known !== undefined) return known
    const made: Telemetry = {
      refusals: 0,
      refused: "",
      isTaken: false,
      hearsItself: false,
      delivered: 0,
      attempts: 0,
      problem: "",
      dropped: 0,
      reason: "",
      lastWords: 0
    }
    telemetry.set(source, made)
    return made
  }

  const onOutput = ({ line, source }: EntryOf<"Output">) => {
    of(source).lastWords++
    if (isShuttingDown) {
      for (const [other, known] of telemetry) if (other !== source) known.lastWords++
    }
    const log = LogLine.read(line)
    if (log === undefined) return
    const event = LogEvent.of(log)
    if (event?.["event.name"] === "lambda_extension.idle" && !idle.has(source)) {
      idle.set(source, { why: `its ${event.phase} failed${log.why === "" ? "" : ` (${log.why})`}`, missed: 0 })
    }
    if (event?.["event.name"] === "lambda_extension.telemetry_accounting") {
      accounted.set(source, lostOf(event.accounting))
    }
  }

  const onSubscription = ({ source, state, types }: EntryOf<"TelemetrySubscription">) => {
    const known = of(source)
    if (state === "Subscribed" || state === "Already subscribed") {
      known.isTaken = true
      known.hearsItself ||= types.includes("extension")
      return
    }
    known.refusals++
    if (known.refusals === 1) known.refused = refusal
    if (!unnamed.delete(refusal) && otherRefusals > 0) otherRefusals--
  }

  const add = (entry: JournalEntry): void => {
    switch (entry._tag) {
      case "Output":
        if (entry.source !== "runtime") onOutput(entry)
        return
      case "Registered":
        registered.add(entry.source)
        return
      case "EventDelivered": {
        const known = idle.get(entry.source)
        if (known !== undefined && entry.eventType === "INVOKE") known.missed++
        return
      }
      case "ApiRefused":
        if (!isSubscription(entry)) return
        refusal = `${entry.errorType}: ${entry.message}`
        if (unnamed.size === mostRefusals && !unnamed.has(refusal)) otherRefusals++
        else unnamed.set(refusal, (unnamed.get(refusal) ?? 0) + 1)
        return
      case "TelemetrySubscription":
        return onSubscription(entry)
      case "TelemetryDelivered": {
        const known = of(entry.source)
        known.delivered += entry.records
        known.lastWords = 0
        return
      }
      case "TelemetryNotDelivered": {
        const known = of(entry.source)
        known.attempts++
        known.problem = entry.problem
        return
      }
      case "InvocationDone":
        peakMemoryMb = Math.max(peakMemoryMb, Math.round((entry.maxMemoryBytes ?? 0) / 1_048_576))
        return
      case "ShutdownStarted":
        isShuttingDown = true
        return
      case "ShutdownEnded":
        isShuttingDown = false
        return
      case "SnapshotTaken":
        uncut = entry.problem
        return
      case "TelemetryDropped": {
        const known = of(entry.source)
        known.dropped += entry.records
        if (known.reason === "") known.reason = entry.reason
        return
      }
      default:
        return
    }
  }

  const result = () => {
    const shortfalls: Array<string> = []
    const notes: Array<string> = []
    for (const [source, { missed, why }] of idle) {
      const invocations = missed === 1 ? "1 invocation" : `${missed} invocations`
      shortfalls.push(`${ExtensionName.of(source)} has idled since ${why}: it missed ${invocations}`)
    }
    for (const [source, known] of telemetry) {
      const name = ExtensionName.of(source)
      const { attempts, delivered, dropped, isTaken, problem, reason, refusals, refused } = known
      if (refusals > 0) {
        const said = `${name} was refused its telemetry ${times(refusals)}: ${refused}`
        if (isTaken) notes.push(`${said}; another subscription was taken`)
        else shortfalls.push(said)
      }
      if (attempts > 0 && delivered === 0) {
        const lost = dropped === 0 ? "" : `; ${records(dropped)} never arrived`
        shortfalls.push(`the telemetry listener of ${name} took nothing, tried ${times(attempts)}: ${problem}${lost}`)
      } else if (dropped > 0) {
        // A line that says goodbye comes after the listener is closed.
        const isGoodbye = known.hearsItself && dropped <= known.lastWords
        const lost = `${records(dropped)} never arrived at ${name}, which took ${delivered}: ${reason}`
        if (isGoodbye) notes.push(`${lost}; extensions printed as many at their end`)
        else shortfalls.push(lost)
      }
    }
    for (const [source, { count, how }] of accounted) {
      if (count > 0) shortfalls.push(`${ExtensionName.of(source)} lost ${records(count)} that it had to send: ${how}`)
    }
    const [only] = registered.size === 1 ? registered : []
    const who = only === undefined ? "an extension" : ExtensionName.of(only)
    for (const [text, count] of unnamed) shortfalls.push(`${who} was refused its telemetry ${times(count)}: ${text}`)
    if (otherRefusals > 0) shortfalls.push(`${who} was refused its telemetry ${times(otherRefusals)} for other reasons`)
    if (uncut !== undefined) notes.push(`${uncut}; on Lambda they are dead after the restore`)
    if (peakMemoryMb > memorySize) {
      notes.push(
        `the processes had ${peakMemoryMb} MB together, more than the memory size of ${memorySize} MB: Lambda ends them then`
      )
    }
    return { shortfalls, notes }
  }

  return { add, result }
}
