/** The consumers of telemetry: the queue that each has at the receiver, and what the flushes ask of each. */
import type * as Effect from "effect/Effect"
import type { ConsumerCounter } from "../../TelemetryAccounting.ts"
import type { TelemetryEvent } from "../../TelemetryEvent.ts"
import type { Bounds, Queue } from "./queue.ts"

/** What a consumer takes, and how it counts it. */
export interface Taking {
  /** Default: every record. */
  readonly accepts?: ((event: TelemetryEvent) => boolean) | undefined
  /** How many items a record counts as, asked when it leaves the queue. Default: 1. */
  readonly countOf?: ((event: TelemetryEvent) => number) | undefined
}

/** How many items these records count as. */
export const itemsOf = ({ countOf }: Taking, events: ReadonlyArray<TelemetryEvent>): number => {
  if (countOf === undefined) return events.length
  let items = 0
  for (const event of events) items += countOf(event)
  return items
}

/** The queue of one consumer and its part of the accounting. */
export interface ConsumerQueue {
  readonly queue: Queue
  readonly taking: Taking
  readonly count: ConsumerCounter
  /** Ends the consumer: no record is offered to it any more. */
  readonly close: () => void
}

/** Opens a separate queue for a consumer. `waiting` says how many of its items are not delivered yet. */
export type OpenQueue = (name: string, waiting: (queue: Queue) => number, taking?: Taking) => ConsumerQueue

export const everything: Bounds = { maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

/** A consumer of records, as the code sees it that decides when to flush. */
export interface Consumer {
  readonly queue: Queue
  /** Records in the queue, and those that were taken from it but are not delivered yet. */
  readonly waiting: () => number
  /** When everything that waited was last delivered, epoch milliseconds. */
  readonly lastFlushAt: () => number
  /** Delivers everything that waits; false if the delivery failed, or is not tried for now. Only one flush runs at a time. */
  readonly flush: Effect.Effect<boolean>
  /** The same flush, tried in any case: at SHUTDOWN there is no later time. */
  readonly flushNow: Effect.Effect<boolean>
  /** Says that a flush did not end in its time, or in what the invocation left of it. */
  readonly overdue: (hadWholeTime: boolean) => Effect.Effect<unknown>
  /** Whether it failed and is left alone for now. */
  readonly isResting: (now: number) => boolean
  /** Completes when nothing is being delivered. */
  readonly settled: Effect.Effect<void>
  /** Counts what waits as unsent, for good. */
  readonly giveUp: Effect.Effect<void>
}
