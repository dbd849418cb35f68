/**
 * The time that is left of the current invocation, or of the shutdown, and two
 * bounds that always hold.
 *
 * `Effect.timeout` waits until the loser has been interrupted, so an effect
 * that ignores interruption outlives the timeout. Before a Lambda deadline that
 * is not acceptable: {@link within} and {@link abandonAfter} leave such an
 * effect behind and continue.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ExtensionEvent } from "./ExtensionEvent.ts"
import * as ExtensionMetrics from "./ExtensionMetrics.ts"

/**
 * The deadline of the current invocation or of the shutdown. `Extension.run`
 * provides it to handlers.
 *
 * @category services
 * @since 0.1.0
 */
export class Deadline extends Context.Service<
  Deadline,
  {
    /** The deadline, Unix epoch milliseconds. */
    readonly epochMillis: number
  }
>()("@effect-lambda/extension/Deadline") {}

/**
 * The budget ran out before the effect had ended; the effect was abandoned.
 *
 * @category errors
 * @since 0.1.0
 */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>("@effect-lambda/extension/DeadlineExceeded")(
  "DeadlineExceeded",
  {
    /** The budget of the effect, in milliseconds. */
    budgetMillis: Schema.Finite
  }
) {
  override get message(): string {
    return `the effect did not end within its budget of ${Math.round(this.budgetMillis)} ms and was abandoned`
  }
}

/**
 * The deadline that is assumed if an INVOKE has no plausible one: Lambda's
 * default timeout.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultInvoke = Duration.seconds(3)

/**
 * The deadline that is assumed if a SHUTDOWN has no plausible one: the time
 * that Lambda gives external extensions.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultShutdown = Duration.seconds(2)

/**
 * The time before the deadline of a shutdown at which the process ends,
 * whatever still runs.
 *
 * @category constants
 * @since 0.1.0
 */
export const lastResort = Duration.millis(100)

const minute = 60_000
// A function runs 15 minutes at most; another minute allows for clocks that differ.
const longestInvoke = 16 * minute
const longestShutdown = minute

/**
 * The deadline of an event. A missing value, or a value that cannot be an epoch
 * time near now (AWS's own example shows 676051), is replaced by
 * {@link defaultInvoke} or {@link defaultShutdown} from now.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromEvent = (event: ExtensionEvent): Effect.Effect<Deadline["Service"]> =>
  Effect.map(Clock.currentTimeMillis, (now) => fromEventAt(event, now))

/** @internal */
export const fromEventAt = (event: ExtensionEvent, now: number): Deadline["Service"] => {
  const isShutdown = event.eventType === "SHUTDOWN"
  if (event.eventType !== "UNKNOWN") {
    const ahead = event.deadlineMs - now
    if (ahead >= -minute && ahead <= (isShutdown ? longestShutdown : longestInvoke)) {
      return { epochMillis: event.deadlineMs }
    }
  }
  return { epochMillis: now + Duration.toMillis(isShutdown ? defaultShutdown : defaultInvoke) }
}

/** @internal */
export const leftMillis = (deadline: Deadline["Service"]): Effect.Effect<number> =>
  Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, deadline.epochMillis - now))

/**
 * The time left until a deadline, never negative. The clock is read each time,
 * so the result is also right after a freeze.
 *
 * @category accessors
 * @since 0.1.0
 */
export const left = (deadline: Deadline["Service"]): Effect.Effect<Duration.Duration> =>
  Effect.map(leftMillis(deadline), Duration.millis)

/**
 * The time left of the current invocation, or of the shutdown.
 *
 * @category accessors
 * @since 0.1.0
 */
export const remaining: Effect.Effect<Duration.Duration, never, Deadline> = Effect.flatMap(Deadline, left)

/**
 * Runs an effect until it ends, `budgetMillis` have passed, or `stop`
 * completes. In the latter two cases (`None`) the effect has been told to stop,
 * and nothing waits for it any more.
 *
 * @internal
 */
export const attempt = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  budgetMillis: number,
  stop: Effect.Effect<unknown> = Effect.never
): Effect.Effect<Option.Option<Exit.Exit<A, E>>, never, R> =>
  // Nothing may interrupt between the fork and the wait: the fiber would have no owner.
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Clock.currentTimeMillis, (startedAt) =>
      Effect.flatMap(Effect.forkDetach(self, { startImmediately: true }), (fiber) => {
        // Most handlers never wait, and then there is nothing to race.
        const exit = fiber.pollUnsafe()
        if (exit !== undefined) return Effect.succeedSome(exit)
        return Effect.onInterrupt(restore(awaitWithin(fiber, budgetMillis, startedAt, stop)), () =>
          Effect.sync(() => fiber.interruptUnsafe())
        )
      })
    )
  )

const awaitWithin = Effect.fnUntraced(function* <A, E>(
  fiber: Fiber.Fiber<A, E>,
  budgetMillis: number,
  startedAt: number,
  stop: Effect.Effect<unknown>
) {
  // Up to its first wait the effect has run already: the first `fetch` of a process loads for 30 ms and more.
  const spent = Math.max(0, (yield* Clock.currentTimeMillis) - startedAt)
  const exit = yield* Effect.raceAllFirst([
    Effect.asSome(Fiber.await(fiber)),
    Effect.sleep(Math.max(0, budgetMillis - spent)).pipe(
      // After a freeze this timer fires before a waiting answer is read from the socket: one turn of the event loop first.
      Effect.andThen(Effect.yieldNow),
      Effect.map(() => Option.fromUndefinedOr(fiber.pollUnsafe()))
    ),
    Effect.as(stop, Option.none<Exit.Exit<A, E>>())
  ])
  if (Option.isNone(exit)) {
    fiber.interruptUnsafe()
    yield* Metric.update(ExtensionMetrics.abandoned, 1)
  }
  return exit
})

/**
 * Gives an effect the budget and abandons it after that: the effect is told to
 * stop, nothing waits for it, and {@link DeadlineExceeded} is returned at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const abandonAfter: {
  (budget: Duration.Input): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DeadlineExceeded, R>
  <A, E, R>(self: Effect.Effect<A, E, R>, budget: Duration.Input): Effect.Effect<A, E | DeadlineExceeded, R>
} = dual(
  2,
  <A, E, R>(self: Effect.Effect<A, E, R>, budget: Duration.Input): Effect.Effect<A, E | DeadlineExceeded, R> =>
    abandonAfterMillis(self, Duration.toMillis(budget))
)

const abandonAfterMillis = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  budgetMillis: number
): Effect.Effect<A, E | DeadlineExceeded, R> =>
  Effect.flatMap(
    attempt(self, budgetMillis),
    Option.match({
      onNone: (): Exit.Exit<A, E | DeadlineExceeded> => Exit.fail(new DeadlineExceeded({ budgetMillis })),
      onSome: (exit) => exit
    })
  )

/**
 * Gives an effect the time that is left until `reserve` before the deadline,
 * and abandons it after that.
 *
 * **Example** (A slice of the invocation for one upload)
 *
 * ```ts
 * import { Deadline } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 *
 * declare const upload: Effect.Effect<void>
 *
 * export const bounded = upload.pipe(
 *   Deadline.within("200 millis"),
 *   Effect.catchTag("DeadlineExceeded", (error) => Effect.logWarning(error.message))
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const within: {
  (
    reserve: Duration.Input
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DeadlineExceeded, R | Deadline>
  <A, E, R>(self: Effect.Effect<A, E, R>, reserve: Duration.Input): Effect.Effect<A, E | DeadlineExceeded, R | Deadline>
} = dual(2, <A, E, R>(self: Effect.Effect<A, E, R>, reserve: Duration.Input) =>
  Effect.gen(function* () {
    const left = yield* leftMillis(yield* Deadline)
    return yield* abandonAfterMillis(self, Math.max(0, left - Duration.toMillis(reserve)))
  })
)
