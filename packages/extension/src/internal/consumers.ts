import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { TelemetryEvent } from "../TelemetryEvent.ts"
import type { Open } from "../TelemetryReceiver.ts"
import * as ownLogs from "./ownLog.ts"
import type { OwnLog } from "./ownLog.ts"
import type { Bounds, Queue } from "./queue.ts"

export const everything: Bounds = { maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

/** A consumer of records, as the code that decides when to flush sees it. */
export interface Flushable {
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

// Small enough that a reader who stops in between has not been given much more than it used.
const pulled: Bounds = { maxRecords: 1000, maxBytes: 1024 * 1024 }

/**
 * A reader of a stream. A pull says "I am done with what I was given", as it does for the events of the lifecycle.
 *
 * `ended` says that the reader has stopped: later records are refused and counted as such. After `close` no record is
 * offered any more.
 */
export const ofStream = (open: Open, openedAt = 0, ownLog: OwnLog = ownLogs.none) => {
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
  const flushable: Flushable = {
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
  return { events, flushable, ended, close: Effect.sync(close) }
}
