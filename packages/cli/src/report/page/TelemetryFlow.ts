/**
 * The way of telemetry, as counts that have to add up: emitted for an extension, delivered to its listener, received
 * by it, and taken by its backend.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as ExtensionName from "../../emulate/summary/ExtensionName.ts"
import * as LogEvent from "../../shared/LogEvent.ts"

/**
 * What an extension says of its records when it ends (`lambda_extension.telemetry_accounting`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Said {
  received: number
  undecodable: number
  offered: number
  delivered: number
  /** Dropped by a queue or a sink, or unsent. */
  lost: number
  waiting: number
}

/**
 * The counts of one extension.
 *
 * @category models
 * @since 0.1.0
 */
export interface Flow {
  readonly name: string
  batches: number
  delivered: number
  failedAttempts: number
  dropped: number
  readonly reasons: Set<string>
  said: Said | undefined
}

const add = (said: Said | undefined, accounting: LogEvent.Accounting): Said => {
  const sum = (one: (consumer: LogEvent.Accounting["consumers"][number]) => number) =>
    accounting.consumers.reduce((total, consumer) => total + one(consumer), 0)
  const before = said ?? { received: 0, undecodable: 0, offered: 0, delivered: 0, lost: 0, waiting: 0 }
  return {
    received: before.received + accounting.received,
    undecodable: before.undecodable + accounting.undecodable,
    offered: before.offered + sum(({ offered }) => offered),
    delivered: before.delivered + sum(({ delivered }) => delivered),
    lost: before.lost + sum((consumer) => consumer.droppedByQueue + consumer.droppedBySink + consumer.unsent),
    waiting: before.waiting + sum(({ waiting }) => waiting)
  }
}

/**
 * Counts the records of a journal, for each extension that has telemetry.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (journal: ReadonlyArray<JournalEntry>): ReadonlyArray<Flow> => {
  const flows = new Map<string, Flow>()
  const flow = (name: string): Flow => {
    const known = flows.get(name)
    if (known !== undefined) return known
    const made: Flow = {
      name,
      batches: 0,
      delivered: 0,
      failedAttempts: 0,
      dropped: 0,
      reasons: new Set(),
      said: undefined
    }
    flows.set(name, made)
    return made
  }
  for (const entry of journal) {
    switch (entry._tag) {
      case "TelemetrySubscription":
        flow(ExtensionName.of(entry.source))
        break
      case "TelemetryDelivered": {
        const known = flow(ExtensionName.of(entry.source))
        known.batches++
        known.delivered += entry.records
        break
      }
      case "TelemetryNotDelivered":
        flow(ExtensionName.of(entry.source)).failedAttempts++
        break
      case "TelemetryDropped": {
        const known = flow(ExtensionName.of(entry.source))
        known.dropped += entry.records
        known.reasons.add(entry.reason)
        break
      }
      case "Output": {
        if (entry.source === "runtime" || !entry.line.includes("lambda_extension.telemetry_accounting")) break
        const log = LogLine.read(entry.line)
        const event = log === undefined ? undefined : LogEvent.of(log)
        if (event?.["event.name"] !== "lambda_extension.telemetry_accounting") break
        const known = flow(ExtensionName.of(entry.source))
        known.said = add(known.said, event.accounting)
        break
      }
      default:
        break
    }
  }
  return [...flows.values()]
}

/**
 * The lines of the function that a sink can be asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Printed {
  /** An extension has subscribed to the log of the function. */
  readonly heard: boolean
  /** The lines that begin with the mark of the function that `conform` brings. */
  readonly lines: number
}

/**
 * Counts what the function of `conform` printed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const printed = (journal: ReadonlyArray<JournalEntry>): Printed => ({
  heard: journal.some(
    (entry) =>
      entry._tag === "TelemetrySubscription" && entry.types.includes("function") && entry.state === "Subscribed"
  ),
  lines: journal.filter(
    (entry) => entry._tag === "Output" && entry.source === "runtime" && /conform-[0-9a-f]{8}-\d+/.test(entry.line)
  ).length
})
