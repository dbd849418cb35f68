/**
 * A subscription of the real service: collects its events into batches and delivers them one after another
 * (docs/protocol.md#delivery).
 *
 * A delivery that fails, or is not answered in time, is tried again with a back-off until the environment ends; the
 * order never changes. The waiting events have a bound: events beyond it are dropped, and `platform.logsDropped` tells
 * how many as soon as a delivery has made room. A frozen environment delivers nothing, and time does not count in it.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Batch, Batcher } from "./Batcher.ts"
import * as Batchers from "./Batcher.ts"
import type { Gate } from "./Gate.ts"
import { sleepAwake } from "./Gate.ts"
import * as Projection from "./Projection.ts"
import type { Sender } from "./Sender.ts"
import { DeliveryFailed } from "./Sender.ts"
import type { Subscription } from "./Subscription.ts"
import type { TelemetryEvent } from "./TelemetryEvent.ts"
import { kindOf } from "./TelemetryEvent.ts"

/** Bytes of events that wait for one subscription, the batch on its way included. */
export const maxPendingBytes = 16 * 1_048_576

/** Time limit for an answer, ms. */
export const answerLimitMs = 5000

/** Between two attempts, ms: the first, doubled each time up to the last. */
const firstBackOffMs = 100
const lastBackOffMs = 1000

/** The reason that the real service gives for dropped events (docs/protocol.md#states-in-platform-events). */
export const slowConsumer = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."

export interface Lost {
  readonly records: number
  readonly bytes: number
  readonly reason: string
}

/** A batch as it leaves. A fault can cut a batch into several, and add records and whole batches. */
export interface Parcel extends Batch {
  /** Records that a fault has added; `records` does not count them. */
  readonly extra: number
  /** The first attempt breaks off. */
  readonly isBroken: boolean
}

export interface Subscriber {
  /** Takes an event, if the subscription names its kind and the schema version has the event. */
  readonly offer: (event: TelemetryEvent) => void
  /** Ends the batch that is being collected. */
  readonly flush: () => void
  /** Waits until nothing is on its way. */
  readonly idle: Effect.Effect<void>
  /** Delivers as long as it runs. */
  readonly deliver: Effect.Effect<never>
  /** The environment has ended: reports the events that never arrived. */
  readonly end: () => void
}

export interface SubscriberOptions {
  readonly subscription: Subscription
  readonly sender: Sender
  readonly gate: Gate
  readonly now: () => number
  /** Runs the timer of the batch, and stops the timer before it. */
  readonly runTimer: (timer: Effect.Effect<void>) => void
  /** The batch as it leaves: faults change it here. */
  readonly parcelsOf: (batch: Batch) => ReadonlyArray<Parcel>
  readonly onDelivered: (parcel: Parcel, status: number | undefined) => void
  readonly onFailed: (batch: Batch, problem: string) => void
  readonly onLost: (lost: Lost) => void
}

/** The item of an event in a batch. */
export const itemOf = (event: TelemetryEvent, encoded: Projection.Encoded): Batchers.Item => ({
  ...encoded,
  isLossReport: event.type === "platform.logsDropped",
  line: event.type === "function" || event.type === "extension" ? event.text : undefined
})

export const make = (options: SubscriberOptions): Subscriber => {
  const { gate, now, onDelivered, onFailed, onLost, parcelsOf, runTimer, sender, subscription } = options
  const { maxBytes, maxItems, schemaVersion, timeoutMs, types } = subscription
  const batcher: Batcher = Batchers.make({ maxItems, maxBytes, cuts: subscription.destination.protocol === "HTTP" })
  /** Closed batches whose delivery has not begun. */
  const ready: Array<Batch> = []
  const isReady = Latch.makeUnsafe(false)
  const isIdle = Latch.makeUnsafe(true)
  /** Events of the closed batches, the batch on its way included. */
  let waiting = { records: 0, bytes: 0 }
  let lost = { records: 0, bytes: 0 }

  const close = (batch: Batch | undefined): void => {
    if (batch === undefined) return
    waiting = { records: waiting.records + batch.records, bytes: waiting.bytes + batch.bytes }
    ready.push(batch)
    isReady.openUnsafe()
    isIdle.closeUnsafe()
  }
  const flush = (): void => close(batcher.close())

  const offer = (event: TelemetryEvent): void => {
    if (!types.includes(kindOf(event))) return
    const encoded = Projection.encode(event, schemaVersion)
    if (encoded === undefined) return
    if (waiting.bytes + batcher.bytes() + encoded.bytes > maxPendingBytes) {
      lost = { records: lost.records + 1, bytes: lost.bytes + encoded.bytes }
      return
    }
    const wasEmpty = batcher.bytes() === 0
    const full = batcher.add(itemOf(event, encoded))
    full.forEach(close)
    // Each batch has its own time, from its first event on.
    if (batcher.bytes() > 0 && (wasEmpty || full.length > 0)) {
      runTimer(Effect.andThen(Effect.sleep(timeoutMs), Effect.sync(flush)))
    } else if (batcher.bytes() === 0) runTimer(Effect.void)
  }

  const tellLost = (): void => {
    if (lost.records === 0) return
    const { bytes: droppedBytes, records: droppedRecords } = lost
    onLost({ ...lost, reason: slowConsumer })
    lost = { records: 0, bytes: 0 }
    offer({ at: now(), type: "platform.logsDropped", droppedBytes, droppedRecords, reason: slowConsumer })
  }

  const answerLimit = Effect.gen(function* () {
    for (;;) {
      yield* gate.released
      if (yield* sleepAwake(gate, answerLimitMs)) {
        return yield* new DeliveryFailed({ problem: `no answer within ${answerLimitMs} ms` })
      }
    }
  })

  const deliverParcel = Effect.fnUntraced(function* (parcel: Parcel) {
    let isBroken = parcel.isBroken
    for (let backOffMs = firstBackOffMs; ;) {
      yield* gate.released
      const sending = isBroken && sender.sendHalf !== undefined ? sender.sendHalf(parcel) : sender.send(parcel)
      isBroken = false
      const sent = yield* Effect.result(sender.isAnswered ? Effect.raceFirst(sending, answerLimit) : sending)
      if (Result.isSuccess(sent)) {
        waiting = { ...waiting, records: waiting.records - parcel.records }
        return onDelivered(parcel, sent.success ?? undefined)
      }
      onFailed(parcel, sent.failure.problem)
      backOffMs = (yield* sleepAwake(gate, backOffMs)) ? Math.min(backOffMs * 2, lastBackOffMs) : firstBackOffMs
    }
  })

  return {
    offer,
    flush,
    idle: isIdle.await,
    deliver: Effect.gen(function* () {
      for (;;) {
        const batch = ready.shift()
        if (batch === undefined) {
          isReady.closeUnsafe()
          isIdle.openUnsafe()
          yield* isReady.await
          continue
        }
        for (const parcel of parcelsOf(batch)) yield* deliverParcel(parcel)
        waiting = { ...waiting, bytes: waiting.bytes - batch.bytes }
        tellLost()
      }
    }),
    end: () => {
      if (lost.records > 0) onLost({ ...lost, reason: slowConsumer })
      flush()
      if (waiting.records > 0) onLost({ ...waiting, reason: "the environment ended before it was delivered" })
    }
  }
}
