/** A program over the stream of telemetry, as a consumer of records. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { TelemetryEvent } from "../../TelemetryEvent.ts"
import { type Consumer, everything, type OpenQueue } from "./consumer.ts"
import * as ownLogs from "./ownLog.ts"
import type { OwnLog } from "./ownLog.ts"
import type { Bounds } from "./queue.ts"

// Small enough that a reader who stops in between has not been given much more than it used.
const pulled: Bounds = { maxRecords: 1000, maxBytes: 1024 * 1024 }

/**
 * A reader of a stream. A pull says "I am done with what I was given", as it does for the events of the lifecycle.
 *
 * `ended` says that the reader has stopped: later records are refused and counted as such. After `close` no record is
 * offered any more.
 */
export const ofStream = (open: OpenQueue, openedAt = 0, ownLog: OwnLog = ownLogs.none) => {
  /** Given to the reader, which has not asked for more yet. */
  let inHand = 0
  const { close, count, queue } = open("stream", ({ records }) => records + inHand)
  const idle = Latch.makeUnsafe(false)
  const settle = (what: "delivered" | "unsent", waiting = 0) => {
    count.add(what, waiting + inHand)
    inHand = 0
  }
  const events: Stream.Stream<TelemetryEvent> = Stream.fromPull(
    Effect.succeed(
      Effect.suspend(() => {
        settle("delivered")
        if (queue.records === 0) Latch.openUnsafe(idle)
        return Effect.flatMap(
          Effect.andThen(
            ownLog.ended,
            queue.when(() => queue.records > 0 || queue.isEnded)
          ),
          () => {
            Latch.closeUnsafe(idle)
            const next = queue.take(pulled)
            if (!Arr.isReadonlyArrayNonEmpty(next)) return Cause.done()
            inHand += next.length
            return Effect.as(ownLog.begun, next)
          }
        )
      })
    )
  )

  let lastFlushAt = openedAt
  const flush = queue
    .when(() => queue.records === 0)
    .pipe(
      Effect.andThen(Latch.await(idle)),
      Effect.andThen(Clock.currentTimeMillis),
      Effect.map((now) => {
        lastFlushAt = now
        return true
      })
    )
  const giveUp = () => settle("unsent", queue.take(everything).length)
  const ended = (exit: Exit.Exit<unknown, unknown>) =>
    Effect.sync(() => {
      if (Exit.isSuccess(exit)) settle("delivered")
      giveUp()
      queue.end()
      Latch.openUnsafe(idle)
    })
  const consumer: Consumer = {
    queue,
    waiting: () => queue.records + inHand,
    lastFlushAt: () => lastFlushAt,
    flush,
    flushNow: flush,
    // The program's own pace.
    overdue: () => Effect.void,
    isResting: () => false,
    settled: Effect.asVoid(flush),
    giveUp: Effect.sync(giveUp)
  }
  return { events, consumer, ended, close: Effect.sync(close) }
}
