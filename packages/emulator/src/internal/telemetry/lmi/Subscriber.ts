/**
 * The subscription of a managed instance, as AWS's emulator keeps it (docs/protocol.md#telemetry-on-managed-instances):
 * one batch on its way, and no second try. A batch that does not get through is lost, and so is a batch that is full
 * while another is on its way. `platform.logsDropped` tells every subscriber of both.
 *
 * Two mistakes of AWS's are not repeated: a lost batch of nothing but such reports causes no further report, and the
 * report of a loss blocks no other delivery.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import * as Wire from "../../wire/Wire.ts"
import type { Batch } from "../Batcher.ts"
import * as Batchers from "../Batcher.ts"
import * as Projection from "../Projection.ts"
import { DeliveryFailed } from "../Sender.ts"
import type { Parcel, Subscriber, SubscriberOptions } from "../Subscriber.ts"
import { answerLimitMs, itemOf } from "../Subscriber.ts"
import { kindOf } from "../TelemetryEvent.ts"

const slowerConsumer = "Some logs were dropped because the downstream consumer is slower than the logs production rate"

export const make = (options: Omit<SubscriberOptions, "gate" | "now">): Subscriber => {
  const { onDelivered, onFailed, onLost, parcelsOf, runTimer, sender, subscription } = options
  const { maxBytes, maxItems, schemaVersion, timeoutMs, types } = subscription
  const batcher = Batchers.make({ maxItems, maxBytes, cuts: false })
  const isReady = Latch.makeUnsafe(false)
  const isIdle = Latch.makeUnsafe(true)
  let onItsWay: Batch | undefined
  /** The batch that is collected has had its time, and leaves when the one before has arrived. */
  let isOverdue = false

  const send = (batch: Batch | undefined): void => {
    isOverdue = false
    if (batch === undefined) return
    onItsWay = batch
    isIdle.closeUnsafe()
    isReady.openUnsafe()
  }

  const lose = ({ bytes, isLossReport, records }: Batch, reason: string): void => {
    if (!isLossReport && records > 0) onLost({ records, bytes, reason })
  }

  const flush = (): void => {
    if (onItsWay === undefined) send(batcher.close())
    else isOverdue = true
  }

  const attempt = (parcel: Parcel) => {
    const late = new DeliveryFailed({ problem: `no answer within ${answerLimitMs} ms` })
    const sending = parcel.isBroken && sender.sendHalf !== undefined ? sender.sendHalf(parcel) : sender.send(parcel)
    return Effect.timeoutOrElse(sending, { duration: answerLimitMs, orElse: () => Effect.fail(late) })
  }

  return {
    flush,
    idle: isIdle.await,
    offer: (event) => {
      if (!types.includes(kindOf(event))) return
      const encoded = Projection.encode(event, schemaVersion, Wire.goEscaped)
      if (encoded === undefined) return
      const wasEmpty = batcher.bytes() === 0
      const full = batcher.add(itemOf(event, encoded))
      if (wasEmpty && full.length === 0) runTimer(Effect.andThen(Effect.sleep(timeoutMs), Effect.sync(flush)))
      for (const batch of full) {
        runTimer(Effect.void)
        if (onItsWay === undefined) send(batch)
        else {
          isOverdue = false
          lose(batch, slowerConsumer)
        }
      }
    },
    deliver: Effect.gen(function* () {
      for (;;) {
        yield* isReady.await
        isReady.closeUnsafe()
        const batch = onItsWay
        if (batch === undefined) continue
        for (const parcel of parcelsOf(batch)) {
          const sent = yield* Effect.result(attempt(parcel))
          if (Result.isSuccess(sent)) onDelivered(parcel, sent.success ?? undefined)
          else {
            onFailed(parcel, sent.failure.problem)
            lose(parcel, `could not send events: ${sent.failure.problem}`)
          }
        }
        onItsWay = undefined
        if (isOverdue) send(batcher.close())
        if (onItsWay === undefined) isIdle.openUnsafe()
      }
    }),
    end: () => {
      const last = batcher.close()
      for (const { bytes, records } of [onItsWay, last].filter((batch) => batch !== undefined)) {
        onLost({ records, bytes, reason: "the environment ended before it was delivered" })
      }
    }
  }
}
