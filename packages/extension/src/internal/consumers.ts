import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Deadline from "../Deadline.ts"
import { logFailure } from "../FailurePolicy.ts"
import type { TelemetryEvent } from "../TelemetryEvent.ts"
import type { Open } from "../TelemetryReceiver.ts"
import { type TelemetryBatch, type TelemetrySink, TelemetrySinkError } from "../TelemetrySink.ts"
import type { Bounds, Queue } from "./queue.ts"

/** Who gets the records, seen by what decides when. */
export interface Flushable {
  readonly queue: Queue
  /** Records in the queue, and those that were taken from it but are not delivered yet. */
  readonly waiting: () => number
  /** When everything that waited was last delivered, epoch milliseconds. */
  readonly lastFlushAt: () => number
  /** Delivers everything that waits; false where that did not work out. Only one runs at a time. */
  readonly flush: Effect.Effect<boolean>
  /** Completes when nothing is being delivered. */
  readonly settled: Effect.Effect<void>
  /** Counts what waits as unsent, for good. */
  readonly giveUp: Effect.Effect<void>
}

/** How a sink is sent to. */
export interface SendOptions {
  readonly batch: Bounds
  readonly timeoutMillis: number
  readonly retry: Schedule.Schedule<unknown, TelemetrySinkError>
}

const everything: Bounds = { maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }

interface Unsent {
  readonly batch: TelemetryBatch
  readonly records: number
}

/** Takes batches from a queue of its own and sends them in order; a batch leaves when the sink took it or refused it for good. */
export const ofSink = Effect.fnUntraced(function* (open: Open, sink: TelemetrySink, options: SendOptions) {
  let unsent: Unsent | undefined
  let hasFailed = false
  let sequence = 0
  let lastFlushAt = yield* Clock.currentTimeMillis
  // A snapshot of the environment may be restored many times, hence the time in the id.
  const origin = Math.floor((yield* Random.next) * 2 ** 48).toString(36)
  const { count, queue } = open(sink.name, ({ records }) => records + (unsent?.records ?? 0))
  const lock = yield* Semaphore.make(1)

  const nextBatch = Effect.map(Clock.currentTimeMillis, (now) => {
    if (unsent !== undefined || queue.records === 0) return unsent
    const { events } = queue.take(options.batch)
    const id = `${origin}-${now.toString(36)}-${sequence++}`
    unsent = { batch: { id, events }, records: events.length }
    return unsent
  })

  const once = (batch: TelemetryBatch) =>
    Effect.flatMap(Deadline.attempt(sink.export(batch), options.timeoutMillis), (exit) => {
      const isInterrupted =
        Option.isSome(exit) && Exit.isFailure(exit.value) && Cause.hasInterruptsOnly(exit.value.cause)
      if (Option.isSome(exit) && !isInterrupted) return exit.value
      const why = isInterrupted ? "it was interrupted from within" : `no result within ${options.timeoutMillis} ms`
      return Effect.fail(new TelemetrySinkError({ sink: sink.name, isRetryable: true, cause: new Error(why) }))
    })

  const settle = (what: "delivered" | "droppedBySink") => {
    count.add(what, unsent?.records ?? 0)
    unsent = undefined
  }

  const onFailure = (cause: Cause.Cause<TelemetrySinkError>) => {
    const error = Option.getOrUndefined(Cause.findErrorOption(cause))
    if (error?.isRetryable === true) {
      // Once per outage: a line per attempt would be telemetry of its own.
      const isNews = !hasFailed
      hasFailed = true
      return Effect.as(isNews ? Effect.logWarning(`${error.message}; it is kept and sent again`) : Effect.void, false)
    }
    const records = unsent?.records ?? 0
    settle("droppedBySink")
    const message = error?.message ?? `the sink ${sink.name} died of a defect`
    return Effect.as(logFailure(`${message}; ${records} records are dropped`, cause), true)
  }

  const send = (batch: TelemetryBatch) =>
    once(batch).pipe(
      Effect.retry({ schedule: options.retry, while: (error) => error.isRetryable }),
      Effect.map(() => {
        settle("delivered")
        hasFailed = false
        return true
      }),
      Effect.catchCauseIf((cause) => !Cause.hasInterruptsOnly(cause), onFailure),
      Effect.orDie
    )

  const flush: Effect.Effect<boolean> = Effect.gen(function* () {
    while (true) {
      const next = yield* nextBatch
      if (next === undefined) break
      if (!(yield* send(next.batch))) return false
    }
    lastFlushAt = yield* Clock.currentTimeMillis
    return true
  })

  const waiting = () => queue.records + (unsent?.records ?? 0)

  return {
    queue,
    waiting,
    lastFlushAt: () => lastFlushAt,
    flush: lock.withPermit(flush),
    settled: lock.withPermit(Effect.void),
    giveUp: Effect.sync(() => {
      const records = queue.take(everything).events.length + (unsent?.records ?? 0)
      unsent = undefined
      count.add("unsent", records)
    })
  } satisfies Flushable
})

// Small enough that a reader who stops in between has not been given much more than it used.
const pulled: Bounds = { maxRecords: 1000, maxBytes: 1024 * 1024 }

/**
 * A reader of a stream. A pull says "I am done with what I was given", as it does for the events of the lifecycle.
 * `close` is for when nobody will read any more.
 */
export const ofStream = (open: Open, openedAt = 0) => {
  const consumer = open("stream", ({ records }) => records)
  const { count, queue } = consumer
  const idle = Latch.makeUnsafe(false)
  const events: Stream.Stream<TelemetryEvent> = Stream.fromPull(
    Effect.succeed(
      Effect.suspend(() => {
        if (queue.records === 0) Latch.openUnsafe(idle)
        return Effect.flatMap(
          queue.when(() => queue.records > 0 || queue.isEnded),
          () => {
            Latch.closeUnsafe(idle)
            const next = queue.take(pulled).events
            if (!Arr.isReadonlyArrayNonEmpty(next)) return Cause.done()
            count.add("delivered", next.length)
            return Effect.succeed(next)
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
  const giveUp = Effect.sync(() => {
    count.add("unsent", queue.take(everything).events.length)
  })
  const close = Effect.andThen(
    giveUp,
    Effect.sync(() => {
      consumer.close()
      Latch.openUnsafe(idle)
    })
  )
  const flushable: Flushable = {
    queue,
    waiting: () => queue.records,
    lastFlushAt: () => lastFlushAt,
    flush,
    settled: Effect.asVoid(flush),
    giveUp
  }
  return { events, flushable, close }
}
