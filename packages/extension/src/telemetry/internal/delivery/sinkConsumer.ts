/** A sink as a consumer of records: batches, retries and rests. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import * as Deadline from "../../../Deadline.ts"
import { logFailure } from "../../../FailurePolicy.ts"
import type { TelemetryEvent } from "../../TelemetryEvent.ts"
import { type TelemetryBatch, type TelemetrySink, TelemetrySinkError } from "../../TelemetrySink.ts"
import { type Attempt, CurrentAttempt } from "./attempt.ts"
import { type Consumer, everything, itemsOf, type OpenQueue } from "./consumer.ts"
import type { Bounds } from "./queue.ts"
import * as SinkHealth from "./sinkHealth.ts"
import { CurrentUnwritable, measured } from "../record/encoding.ts"

/** How batches are sent to a sink. */
export interface SendOptions {
  readonly batch: Bounds
  readonly timeoutMillis: number
  readonly retry: Schedule.Schedule<unknown, TelemetrySinkError>
  /** How long a sink that keeps failing is left alone at most. */
  readonly longestRestMillis: number
}

/** A batch until the sink has taken it or it is given up. */
interface Unsent extends Attempt {
  readonly batch: TelemetryBatch
  health: SinkHealth.BatchHealth
  /** The events that the last attempt could not write, so that it sent the reason in their place. */
  unwritable: ReadonlySet<unknown>
}

const unsentOf = (batch: TelemetryBatch): Unsent => ({
  batch,
  health: SinkHealth.untried,
  unwritable: new Set(),
  rejected: 0,
  taken: undefined
})

/** Whether the backend took the batch, though an attempt was cut before it ended. */
const isTaken = ({ batch, taken }: Unsent) => taken === batch.id

/** The facts of a record that a log line may say: no content. */
const nameOf = (event: TelemetryEvent): string =>
  `a record of ${measured(event).bytes} bytes, type ${event.type}${"time" in event ? `, time ${event.time}` : ""}`

/**
 * Takes batches from the sink's queue and sends them in order. A batch leaves when the sink took it or refused it for good.
 * `sinkHealth` decides what follows from a failure.
 */
export const ofSink = Effect.fnUntraced(function* (open: OpenQueue, sink: TelemetrySink, options: SendOptions) {
  // The oldest first; more than one batch only while others are tried beside it.
  let unsent: Array<Unsent> = []
  /** Whether a batch passed in this flush. */
  let hasProgress = false
  let health = SinkHealth.healthy
  let isRefusing = false
  /** Records that the queue had refused when the sink last took a batch. */
  let refusedKnown = 0
  let isFullSaid = false
  let isUnwritableSaid = false
  let sequence = 0
  let lastFlushAt = yield* Clock.currentTimeMillis
  /** The time from which on the backend wants another attempt. */
  let askedAt = 0
  let isEnding = false
  // A snapshot of the environment may be restored many times, hence the time in the id.
  const origin = Math.floor((yield* Random.next) * 2 ** 48).toString(36)
  const inBatches = () => unsent.reduce((sum, { batch }) => sum + batch.events.length, 0)
  const items = (events: ReadonlyArray<TelemetryEvent>) => itemsOf(sink, events)
  const itemsInBatches = () => unsent.reduce((sum, { batch }) => sum + items(batch.events), 0)
  const { count, queue } = open(sink.name, ({ events }) => items(events) + itemsInBatches(), sink)
  const lock = yield* Semaphore.make(1)

  /** The batch at this place, or the last one before it. */
  const batchAt = (index: number) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      while (unsent.length <= index && queue.records > 0) {
        const batch = { id: `${origin}-${now.toString(36)}-${sequence++}`, events: queue.take(options.batch) }
        unsent.push(unsentOf(batch))
      }
      return unsent[Math.min(index, unsent.length - 1)]
    })

  const leave = ({ batch }: Unsent) => {
    hasProgress = true
    unsent = unsent.filter((each) => each.batch !== batch)
  }

  /** A record that was not written is lost, though the sink took the reason. */
  const delivered = (taken: Unsent) => {
    leave(taken)
    const records = items(taken.batch.events)
    const unwritten = taken.unwritable.size
    const lost = Math.min(unwritten + taken.rejected, records)
    count.add("delivered", records - lost)
    count.add("droppedBySink", lost)
    if (unwritten === 0 || isUnwritableSaid) return Effect.void
    isUnwritableSaid = true
    return Effect.logError(
      `the sink ${sink.name} could not write ${unwritten} records as JSON, since the program changed them: ` +
        `it sent the reason in their place, and further ones are only counted`
    )
  }

  const drop = (unsent: Unsent, why: string, cause: Cause.Cause<unknown>) => {
    leave(unsent)
    const records = items(unsent.batch.events)
    count.add("droppedBySink", records)
    // The log has one line until the sink takes a batch again: with the type `extension` each line is a record of the next batch.
    const isNews = !isRefusing
    isRefusing = true
    return isNews
      ? logFailure(`${why}; ${records} records are dropped, and further records are only counted`, cause)
      : Effect.void
  }

  /** A body of half the size may pass: the batch is two from now on, each with an id that stays. */
  const split = (whole: Unsent) => {
    hasProgress = true
    const { events, id } = whole.batch
    const middle = Math.ceil(events.length / 2)
    const halves = [events.slice(0, middle), events.slice(middle)].map((events, index) =>
      unsentOf({ id: `${id}.${index + 1}`, events })
    )
    unsent = unsent.flatMap((each) => (each === whole ? halves : [each]))
    return Effect.void
  }

  /** A record of the batch is the cause: only that one is dropped. */
  const narrow = (unsent: Unsent, error: TelemetrySinkError, cause: Cause.Cause<unknown>) => {
    const [event, ...others] = unsent.batch.events
    if (event === undefined || others.length > 0) return split(unsent)
    return error.isTooLarge === true
      ? drop(unsent, `${error.message}; too large by itself: ${nameOf(event)}`, cause)
      : drop(unsent, `${error.message}; the record at fault: ${nameOf(event)}`, cause)
  }

  const succeeded = Effect.suspend(() => {
    const { failedAt, failures } = health
    health = SinkHealth.healthy
    isRefusing = false
    refusedKnown = queue.refused
    isFullSaid = false
    return failures > 0
      ? Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.logInfo(
            `the sink ${sink.name} takes batches again, after ${Duration.format(Duration.millis(Math.max(0, now - failedAt)))}`
          )
        )
      : Effect.void
  })

  /** Notes that the first batch met a failure that may pass. True if the batch is dropped, since others pass. */
  const failed = (first: Unsent, error: TelemetrySinkError): Effect.Effect<boolean> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (first.health.othersPass) {
        return Effect.as(drop(first, `${error.message}, but takes others`, Cause.fail(error)), true)
      }
      askedAt = now + (error.retryAfterMillis ?? 0)
      first.health = SinkHealth.batchAfterFailure(first.health, error.retryAfterMillis)
      health = SinkHealth.afterFailure(health, now, options.longestRestMillis, error.retryAfterMillis)
      // The log has one line per outage: a line per attempt would become telemetry itself.
      return Effect.as(
        health.failures === 1 ? Effect.logWarning(`${error.message}; it is kept and sent again`) : Effect.void,
        false
      )
    })

  const late = (why: string) => new TelemetrySinkError({ sink: sink.name, isRetryable: true, cause: new Error(why) })

  const once = (unsent: Unsent) => {
    const unwritable = new Set<unknown>()
    const attempt = Effect.suspend(() => {
      unsent.unwritable = unwritable
      unwritable.clear()
      unsent.rejected = 0
      return sink
        .export(unsent.batch)
        .pipe(Effect.provideService(CurrentUnwritable, unwritable), Effect.provideService(CurrentAttempt, unsent))
    })
    const limited = Effect.flatMap(Deadline.attempt(attempt, options.timeoutMillis), (exit) => {
      if (isTaken(unsent)) return Effect.void
      const isInterrupted =
        Option.isSome(exit) && Exit.isFailure(exit.value) && Cause.hasInterruptsOnly(exit.value.cause)
      if (Option.isSome(exit) && !isInterrupted) return exit.value
      return Effect.fail(
        late(isInterrupted ? "the sink interrupted itself" : `no result within ${options.timeoutMillis} ms`)
      )
    })
    return Effect.suspend(() => (isTaken(unsent) ? Effect.void : limited))
  }

  /** Gives `undefined` if the batch is taken or refused for good, and otherwise the failure. */
  const send = (unsent: Unsent, attempt: Effect.Effect<void, TelemetrySinkError>) =>
    attempt.pipe(
      Effect.andThen(Effect.suspend(() => delivered(unsent))),
      Effect.andThen(succeeded),
      Effect.as(undefined),
      Effect.catchCauseIf(
        (cause) => !Cause.hasInterruptsOnly(cause),
        (cause) => {
          const error = Option.getOrUndefined(Cause.findErrorOption(cause))
          const consequence = SinkHealth.consequence(error)
          if (error === undefined || consequence === "drop") {
            return Effect.as(drop(unsent, error?.message ?? `the sink ${sink.name} died of a defect`, cause), undefined)
          }
          return consequence === "keep" ? Effect.succeed(error) : Effect.as(narrow(unsent, error, cause), undefined)
        }
      ),
      Effect.orDie
    )

  const retried = (unsent: Unsent) =>
    send(
      unsent,
      Effect.retry(once(unsent), {
        schedule: options.retry,
        while: SinkHealth.isRetriedNow
      })
    )

  /** Whether another batch passes; each call tries the next one. */
  const probe = Effect.fnUntraced(function* (first: Unsent) {
    const other = yield* batchAt(SinkHealth.probePlace(first.health))
    if (other === undefined || other === first) return false
    const othersPass = (yield* send(other, once(other))) === undefined
    first.health = { ...first.health, othersPass }
    return othersPass
  })

  const flushNow: Effect.Effect<boolean> = Effect.gen(function* () {
    hasProgress = false
    while (true) {
      const first = yield* batchAt(0)
      if (first === undefined) break
      const plan = SinkHealth.plan(first.health)
      if (plan === "probeThenOnce") yield* probe(first)
      const error = yield* plan === "retry" ? retried(first) : send(first, once(first))
      if (error === undefined) continue
      first.health = { ...first.health, wasCut: false }
      const isUnclear = plan === "onceThenProbe" || plan === "probeThenOnce"
      if (isUnclear && !first.health.othersPass && (yield* probe(first))) continue
      if (!(yield* failed(first, error))) return false
    }
    lastFlushAt = yield* Clock.currentTimeMillis
    return true
  })

  const sayFull = Effect.suspend(() => {
    if (queue.refused === refusedKnown || isFullSaid) return Effect.void
    isFullSaid = true
    return Effect.logWarning(
      `the queue of the sink ${sink.name} is full: more telemetry comes than it takes; the newest records are dropped and ` +
        `counted, ${queue.refused - refusedKnown} so far`
    )
  })

  const isResting = (now: number) => SinkHealth.isResting(health, now, options.longestRestMillis)

  const flush = Effect.andThen(
    sayFull,
    Effect.flatMap(Clock.currentTimeMillis, (now) => (isResting(now) ? Effect.succeed(false) : flushNow))
  )

  // A sink that rests is tried once more. The backend may say again when to come.
  const flushAtEnd = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (isEnding && now < askedAt) return Effect.succeed(false)
    isEnding = true
    return flushNow
  })

  return {
    queue,
    waiting: () => queue.records + inBatches(),
    lastFlushAt: () => lastFlushAt,
    flush: lock.withPermit(flush),
    flushNow: lock.withPermit(flushAtEnd),
    overdue: (hadWholeTime) =>
      Effect.suspend((): Effect.Effect<unknown> => {
        const [first] = unsent
        // A sink that is only slow has no outage.
        if (first === undefined || hasProgress || isTaken(first)) return Effect.void
        // If the invocation had almost ended, the cut says nothing about the batch.
        first.health = { ...first.health, wasCut: true, othersPass: first.health.othersPass && hadWholeTime }
        return failed(first, late("the attempt was not done when next was due"))
      }),
    isResting,
    settled: lock.withPermit(Effect.void),
    giveUp: Effect.andThen(
      Effect.suspend(() => Effect.forEach(unsent.filter(isTaken), delivered)),
      Effect.sync(() => {
        count.add("unsent", items(queue.take(everything)) + itemsInBatches())
        unsent = []
      })
    )
  } satisfies Consumer
})
