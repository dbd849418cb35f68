/**
 * The count of every telemetry record and its end, as Effect metrics, as a
 * {@link TelemetryAccounting} and as one {@link line} of text.
 *
 * Two sums always hold: what was received is decoded or undecodable, and what a
 * consumer was offered is delivered, dropped, waiting or unsent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"

/**
 * The counts of the records offered to one consumer: a sink, or a stream.
 * Consumers of one name are counted together. A sink with `countOf` counts its own items, such as spans.
 *
 * `offered = delivered + droppedByQueue + droppedBySink + waiting + unsent`
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumerAccounting {
  readonly name: string
  /** Records that were offered; none after a program over the stream has ended by itself. With `countOf`, the sum of the others. */
  readonly offered: number
  /** Taken over by the sink, or used by the reader of the stream: it asked for more then, or ended by itself. */
  readonly delivered: number
  /** They came while the queue was full, or after a program over the stream had failed. */
  readonly droppedByQueue: number
  /** The sink refused them for good, or could not write them as JSON and sent the reason. */
  readonly droppedBySink: number
  /** In the queue, in a batch that was not accepted yet, or at work in the reader of the stream. */
  readonly waiting: number
  /** They waited when the time for shutdown ended, or when the reader of the stream failed or stopped. */
  readonly unsent: number
}

/**
 * The counts of all records since the receiver began to listen.
 *
 * `received = decoded + undecodable`
 *
 * @category models
 * @since 0.1.0
 */
export interface TelemetryAccounting {
  readonly received: number
  readonly decoded: number
  readonly undecodable: number
  /** The records that Lambda says it dropped before delivery (`platform.logsDropped`). */
  readonly droppedByLambda: { readonly records: number; readonly bytes: number }
  readonly consumers: ReadonlyArray<ConsumerAccounting>
}

/**
 * How many records did not arrive: dropped by Lambda, by a queue or by a sink,
 * unsent, or undecodable. A record that two consumers
 * missed counts twice.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lost = (accounting: TelemetryAccounting): number =>
  accounting.consumers.reduce(
    (sum, consumer) => sum + consumer.droppedByQueue + consumer.droppedBySink + consumer.unsent,
    accounting.undecodable + accounting.droppedByLambda.records
  )

/**
 * The accounting as one line for a log.
 *
 * @category accessors
 * @since 0.1.0
 */
export const line = (accounting: TelemetryAccounting): string => {
  const { consumers, decoded, droppedByLambda, received, undecodable } = accounting
  const of = (consumer: ConsumerAccounting) =>
    `${consumer.name}: ${consumer.delivered} delivered, ${consumer.droppedByQueue} dropped by the queue, ` +
    `${consumer.droppedBySink} dropped by the sink, ${consumer.waiting} waiting, ${consumer.unsent} unsent`
  return [
    `telemetry: ${received} received, ${decoded} decoded, ${undecodable} undecodable, ` +
      `${droppedByLambda.records} dropped by Lambda (${droppedByLambda.bytes} bytes)`,
    ...consumers.map(of)
  ].join("; ")
}

const counter = (name: string, description: string) =>
  Metric.counter(`lambda_extension_telemetry_${name}_total`, { description, incremental: true })

/**
 * Records that arrived.
 *
 * @category metrics
 * @since 0.1.0
 */
export const received = /*#__PURE__*/ counter("received", "Telemetry records that arrived")

/**
 * Records that were decoded, unknown types included.
 *
 * @category metrics
 * @since 0.1.0
 */
export const decoded = /*#__PURE__*/ counter("decoded", "Telemetry records that were decoded")

/**
 * Records, or whole bodies, that could not be decoded.
 *
 * @category metrics
 * @since 0.1.0
 */
export const undecodable = /*#__PURE__*/ counter("undecodable", "Telemetry records that could not be decoded")

/**
 * Records that Lambda dropped before delivery.
 *
 * @category metrics
 * @since 0.1.0
 */
export const droppedByLambda = /*#__PURE__*/ counter("dropped_by_lambda", "Telemetry records that Lambda dropped")

/**
 * Records delivered, with the attribute `consumer`, as the next three.
 *
 * @category metrics
 * @since 0.1.0
 */
export const delivered = /*#__PURE__*/ counter("delivered", "Telemetry records delivered to a consumer")

/**
 * Records that came while a queue was full, or after a program over the stream had failed.
 *
 * @category metrics
 * @since 0.1.0
 */
export const droppedByQueue = /*#__PURE__*/ counter(
  "dropped_by_queue",
  "Telemetry records that came while a queue was full or its reader had failed"
)

/**
 * Records that a sink refused for good, or could not write as JSON.
 *
 * @category metrics
 * @since 0.1.0
 */
export const droppedBySink = /*#__PURE__*/ counter("dropped_by_sink", "Telemetry records that a sink refused for good")

/**
 * Records that waited when the time for shutdown ended.
 *
 * @category metrics
 * @since 0.1.0
 */
export const unsent = /*#__PURE__*/ counter("unsent", "Telemetry records that waited when shutdown was over")

const consumerCounters = { delivered, droppedByQueue, droppedBySink, unsent }

/**
 * Counts for one consumer.
 *
 * @internal
 */
export interface ConsumerCounter {
  readonly offered: (records: number) => void
  readonly add: (what: keyof typeof consumerCounters, records: number) => void
  /** Says that no record of this consumer waits any more. */
  readonly close: () => void
}

/** @internal */
export interface Counter {
  readonly received: (decodedRecords: number, undecodableRecords: number) => void
  readonly droppedByLambda: (records: number, bytes: number) => void
  /** `isCounted`: whether the records are counted when they are offered, since each is one item. */
  readonly consumer: (name: string, waiting: () => number, isCounted: boolean) => ConsumerCounter
  readonly snapshot: () => TelemetryAccounting
}

/**
 * Makes the counter. The callback of a socket calls it, so its functions are
 * plain ones.
 *
 * @internal
 */
export const make: Effect.Effect<Counter> = Effect.map(Effect.context<never>(), (context) => {
  const total = { received: 0, decoded: 0, undecodable: 0 }
  const lambda = { records: 0, bytes: 0 }
  const none = { offered: 0, delivered: 0, droppedByQueue: 0, droppedBySink: 0, unsent: 0 }
  const consumers = new Map<
    string,
    { readonly counts: typeof none; readonly waiting: Set<() => number>; readonly isCounted: boolean }
  >()
  return {
    received: (decodedRecords, undecodableRecords) => {
      total.received += decodedRecords + undecodableRecords
      total.decoded += decodedRecords
      total.undecodable += undecodableRecords
      received.updateUnsafe(decodedRecords + undecodableRecords, context)
      decoded.updateUnsafe(decodedRecords, context)
      if (undecodableRecords > 0) undecodable.updateUnsafe(undecodableRecords, context)
    },
    droppedByLambda: (records, bytes) => {
      lambda.records += records
      lambda.bytes += bytes
      droppedByLambda.updateUnsafe(records, context)
    },
    consumer: (name, waiting, isCounted) => {
      const known = consumers.get(name) ?? { counts: { ...none }, waiting: new Set(), isCounted }
      consumers.set(name, known)
      known.waiting.add(waiting)
      const { counts } = known
      return {
        offered: (records) => {
          counts.offered += records
        },
        add: (what, records) => {
          if (records === 0) return
          counts[what] += records
          Metric.withAttributes(consumerCounters[what], { consumer: name }).updateUnsafe(records, context)
        },
        close: () => known.waiting.delete(waiting)
      }
    },
    snapshot: () => ({
      ...total,
      droppedByLambda: { ...lambda },
      consumers: Array.from(consumers, ([name, { counts, isCounted, waiting: waits }]) => {
        const waiting = Array.from(waits).reduce((sum, records) => sum + records(), 0)
        const { delivered, droppedByQueue, droppedBySink, unsent } = counts
        const offered = isCounted ? counts.offered : delivered + droppedByQueue + droppedBySink + unsent + waiting
        return { name, ...counts, offered, waiting }
      })
    })
  }
})
