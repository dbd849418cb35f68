/** Telemetry while the extension runs: when each consumer is flushed, and the drain at SHUTDOWN. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { Background } from "../../../Background.ts"
import * as Deadline from "../../../Deadline.ts"
import type { InvokeEvent } from "../../../ExtensionEvent.ts"
import * as ExtensionMetrics from "../../../ExtensionMetrics.ts"
import { logFailure } from "../../../FailurePolicy.ts"
import * as FlushStrategy from "../../FlushStrategy.ts"
import type { Registration } from "../../../Registration.ts"
import * as TelemetryAccounting from "../../TelemetryAccounting.ts"
import type { Receiver } from "../receive/receiver.ts"
import type { Consumer } from "./consumer.ts"
import type { Bounds } from "./queue.ts"
import type { TelemetrySession } from "../../../internal/lifecycle/runTelemetry.ts"

// The part of the time for shutdown that is kept to say which records could not be sent.
const reportReserveMillis = 150
// A flush that holds an invocation for longer is worth a word: it is billed, and the next invocation waits for it.
const longFlushMillis = 200
// After so many short ones in a row the next long flush is news again.
const shortFlushes = 10
// A sink that fails at once is not tried more often than this.
const shortestTickMillis = 100

export const batchBounds = ({ batch = {} }: FlushStrategy.FlushOptions): Bounds => ({
  maxRecords: batch.maxRecords ?? 1000,
  maxBytes: batch.maxBytes ?? 1024 * 1024
})

const logAccounting = (accounting: TelemetryAccounting.TelemetryAccounting) => {
  const line = TelemetryAccounting.line(accounting)
  const logged = TelemetryAccounting.lost(accounting) === 0 ? Effect.logInfo(line) : Effect.logWarning(line)
  return Effect.annotateLogs(logged, { "event.name": "lambda_extension.telemetry_accounting", accounting })
}

/**
 * Subscribes, and from then on decides when records are flushed. `last`: the last records of others than Lambda. `ended`: the
 * end of a program over the stream.
 */
export const start = Effect.fnUntraced(function* (
  receiver: Receiver,
  options: FlushStrategy.FlushOptions,
  consumers: ReadonlyArray<Consumer>,
  registration: Registration,
  {
    ended = Effect.void,
    last = Effect.void
  }: { readonly ended?: Effect.Effect<unknown>; readonly last?: Effect.Effect<unknown> } = {}
) {
  const background = yield* Background
  // Managed instances have no invocations, and a program may not ask for them.
  const hasInvocations = registration.events.includes("INVOKE")
  const wanted = options.strategy ?? FlushStrategy.endOfInvocation
  const strategy = !hasInvocations && wanted.needsInvocations ? FlushStrategy.periodic() : wanted
  // A batch may be in flight only between an event and next, unless there is no next or the strategy allows more.
  const isGated = hasInvocations && !strategy.mayBeFrozenWhileSending
  const bounds = batchBounds(options)
  const maxAgeMillis = Duration.toMillis(options.batch?.maxAge ?? "5 seconds")
  const tickMillis = Math.max(shortestTickMillis, Math.min(maxAgeMillis, strategy.tickMillis))
  const flushMillis = Duration.toMillis(options.flushTimeout ?? "2 seconds")
  const graceMillis = Duration.toMillis(options.grace ?? "25 millis")
  const quietMillis = Duration.toMillis(options.quiet ?? "200 millis")
  const invokedAt: Array<number> = []
  let fibers: Array<Fiber.Fiber<unknown>> = []
  let isShutDown = false

  const isFull = ({ queue }: Consumer) =>
    queue.records >= bounds.maxRecords || queue.bytes >= bounds.maxBytes || queue.isHalfFull

  // A strategy may be the user's own.
  let isBroken = false
  const sayBroken = (defect: unknown) => {
    if (isBroken) return Effect.void
    isBroken = true
    return logFailure(
      `the strategy ${strategy.name} threw; endOfInvocation decides whenever it throws`,
      Cause.die(defect)
    )
  }

  const decide = (consumer: Consumer, moment: FlushStrategy.Situation["moment"]) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { queue } = consumer
      const waiting = consumer.waiting()
      const hasUnsentBatch = waiting > queue.records
      const age = queue.oldestAt === undefined ? 0 : now - queue.oldestAt
      // The age is below zero if the clock was set back: then it is unknown.
      const isOld = queue.records > 0 && (age >= maxAgeMillis || age < 0)
      const isBatchDue = hasUnsentBatch || isOld || isFull(consumer)
      const situation = { moment, now, waiting, isBatchDue, lastFlushAt: consumer.lastFlushAt(), invokedAt }
      try {
        return Effect.succeed(strategy.decide(situation))
      } catch (defect) {
        return Effect.as(sayBroken(defect), FlushStrategy.endOfInvocation.decide(situation))
      }
    })

  const watch = Effect.fnUntraced(function* (consumer: Consumer) {
    while (true) {
      yield* consumer.queue.when(() => consumer.waiting() > 0)
      yield* Effect.timeoutOption(
        consumer.queue.when(() => isFull(consumer)),
        tickMillis
      )
      const isFlushed = (yield* decide(consumer, "tick")) === "send" && (yield* consumer.flush)
      if (!isFlushed && isFull(consumer)) yield* Effect.sleep(tickMillis)
    }
  })

  const forkAll = (effects: ReadonlyArray<Effect.Effect<unknown>>) =>
    Effect.map(Effect.forEach(effects, background.fork), (forked) => {
      fibers = [...fibers.filter((fiber) => fiber.pollUnsafe() === undefined), ...forked]
    })

  const stopAll = Effect.sync(() => {
    for (const fiber of fibers) fiber.interruptUnsafe()
    fibers = []
  })

  // A flush also takes the records that come while it runs. A second flush beside it would only wait, and behind a sink that
  // hangs they would pile up.
  const flushing = new Set<Consumer>()
  const flushOnce = (consumer: Consumer) =>
    Effect.suspend(() => {
      if (flushing.has(consumer)) return Effect.void
      return Effect.ensuring(
        Effect.suspend(() => {
          flushing.add(consumer)
          return consumer.flush
        }),
        Effect.sync(() => flushing.delete(consumer))
      )
    })

  let isLongSaid = false
  let shortInARow = 0
  const noteFlush = (startedAt: number, wasDue: boolean) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const heldMillis = now - startedAt
      if (heldMillis <= longFlushMillis) {
        // If nothing was due (a sink rests, say), the short time is not that of a flush.
        if (wasDue) shortInARow++
        isLongSaid &&= shortInARow < shortFlushes
        return Effect.void
      }
      shortInARow = 0
      const isNews = !isLongSaid
      isLongSaid = true
      return Effect.andThen(
        Metric.update(ExtensionMetrics.longFlushes, 1),
        isNews
          ? Effect.logWarning(
              `a flush of telemetry held the invocation for ${heldMillis} ms, which is billed and delays the next one; further ` +
                "long ones are only counted. A shorter flushTimeout bounds it; the strategies periodic and " +
                "endOfInvocationPipelined hold less"
            )
          : Effect.void
      )
    })

  const invoked = Effect.fnUntraced(function* (event: InvokeEvent) {
    yield* receiver.invoked(event)
    invokedAt.push(yield* Clock.currentTimeMillis)
    if (invokedAt.length > FlushStrategy.remembered) invokedAt.shift()
    const decisions = yield* Effect.forEach(consumers, (consumer) => decide(consumer, "invoked"))
    yield* forkAll([
      ...consumers.filter((_, index) => decisions[index] === "send").map(flushOnce),
      ...(isGated ? consumers.map(watch) : [])
    ])
  })

  const beforeNext = Effect.fnUntraced(function* (event: InvokeEvent) {
    const now = yield* Clock.currentTimeMillis
    // A consumer that rests gains nothing from the wait for the function's end, and neither does a consumer that gets no more.
    const awake = consumers.filter(({ isResting, queue }) => !isResting(now) && !queue.isEnded)
    const decisions = yield* Effect.forEach(awake, (consumer) => decide(consumer, "invocationDone"))
    if (decisions.includes("awaitRuntimeDone")) {
      const done = yield* receiver.awaitRuntimeDone(event)
      // Lambda ends the environment now and says so at the next poll; the waiting records are sent then.
      if (Option.isSome(done) && done.value.record.status !== "success") return
      if (Option.isSome(done)) yield* Effect.sleep(graceMillis)
    }
    const due = awake.filter((_, index) => decisions[index] !== "keep")
    if (!isGated) return yield* forkAll(due.map(flushOnce))
    const late = new Set(consumers)
    const flushes = consumers.map((consumer) =>
      Effect.andThen(
        due.includes(consumer) ? consumer.flush : consumer.settled,
        Effect.sync(() => late.delete(consumer))
      )
    )
    const sayLate = (hadWholeTime: boolean) => Effect.forEach(late, ({ overdue }) => overdue(hadWholeTime))
    const startedAt = yield* Clock.currentTimeMillis
    yield* Deadline.attempt(Effect.all(flushes, { concurrency: "unbounded" }), flushMillis).pipe(
      Effect.andThen(Effect.suspend(() => sayLate(true))),
      Effect.onInterrupt(() => sayLate(false)),
      Effect.ensuring(noteFlush(startedAt, due.length > 0))
    )
  })

  const quiet = Effect.gen(function* () {
    let last = yield* Clock.currentTimeMillis
    while (true) {
      const now = yield* Clock.currentTimeMillis
      const lastArrival = yield* receiver.lastArrival
      last = Math.max(last, lastArrival)
      // A stub subscribed before anything listened: Lambda has tried, and waits longer and longer before it tries again.
      const isOwed = registration.subscription !== undefined && lastArrival === boundAt
      if (now - last >= quietMillis && !isOwed) return
      yield* Effect.sleep(isOwed ? quietMillis : last + quietMillis - now)
    }
  })

  // Until everything is delivered; the caller's budget ends it.
  const flushAll = Effect.forEach(
    consumers,
    ({ flushNow }) =>
      Effect.repeat(flushNow, { schedule: Schedule.spaced("100 millis"), until: (isFlushed) => isFlushed }),
    { concurrency: "unbounded", discard: true }
  )

  const drain = Effect.fnUntraced(function* (budgetMillis: number) {
    yield* Effect.forkChild(flushAll, { startImmediately: true })
    if (outcome._tag !== "NotSupported") yield* Effect.timeoutOption(quiet, budgetMillis * 0.4)
    yield* receiver.unbind
    const lastRecords = yield* Deadline.attempt(last, budgetMillis * 0.15)
    if (Option.isSome(lastRecords) && Exit.isFailure(lastRecords.value)) {
      yield* logFailure("the last records of a sink failed", lastRecords.value.cause)
    }
    yield* receiver.close
    yield* flushAll
    yield* ended
  })

  const shutdown = Effect.fnUntraced(function* (budgetMillis: number) {
    if (isShutDown) return
    isShutDown = true
    yield* stopAll
    const reserveMillis = Math.min(reportReserveMillis, budgetMillis / 4)
    yield* Deadline.attempt(drain(budgetMillis), budgetMillis - reserveMillis)
    yield* Effect.forEach(consumers, ({ giveUp }) => giveUp)
    const report = Effect.flatMap(receiver.accounting, options.onAccounting ?? logAccounting)
    const reported = yield* Deadline.attempt(report, reserveMillis)
    if (Option.isSome(reported) && Exit.isFailure(reported.value)) {
      yield* logFailure("onAccounting failed", reported.value.cause)
    }
  })

  const boundAt = yield* receiver.lastArrival
  const outcome = yield* receiver.subscribe(registration)
  if (outcome._tag === "NotSupported") {
    yield* Effect.logWarning(
      "this environment has no telemetry (a local emulator without it); the extension goes on without it"
    )
  }
  if (strategy.needsInvocations && !receiver.types.includes("platform")) {
    yield* Effect.logWarning(
      `the strategy ${strategy.name} waits for the end of the function's work, which only the type "platform" tells. ` +
        "Records that the function logs late are sent with the next invocation. Add it to the option types."
    )
  }
  if (!isGated) yield* forkAll(consumers.map(watch))
  return {
    invoked,
    functionFailed: receiver.functionFailed,
    beforeNext: (event) => Effect.ensuring(beforeNext(event), isGated ? stopAll : Effect.void),
    shutdown
  } satisfies TelemetrySession
})
