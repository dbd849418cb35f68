import { Deadline, ExtensionMetrics } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { settableClock } from "./support.ts"

const invoke = (deadlineMs: number) =>
  ({ eventType: "INVOKE", deadlineMs, requestId: "r", invokedFunctionArn: "a" }) as const
const shutdown = (deadlineMs: number) => ({ eventType: "SHUTDOWN", deadlineMs, shutdownReason: "spindown" }) as const

// 2026-01-01
const now = 1_767_225_600_000

describe("fromEvent", () => {
  const table = [
    ["an invocation in 3 s", invoke(now + 3000), now + 3000],
    ["the longest invocation", invoke(now + 900_000), now + 900_000],
    ["a deadline that has just passed", invoke(now - 10), now - 10],
    ["AWS's example 676051", invoke(676_051), now + 3000],
    ["seconds instead of milliseconds", invoke(now / 1000 + 3), now + 3000],
    ["zero", invoke(0), now + 3000],
    ["negative", invoke(-1), now + 3000],
    ["a year ahead", invoke(now + 365 * 86_400_000), now + 3000],
    ["the largest number", invoke(Number.MAX_VALUE), now + 3000],
    ["a shutdown in 2 s", shutdown(now + 2000), now + 2000],
    ["a shutdown with an absurd deadline", shutdown(now + 900_000), now + 2000],
    ["a shutdown with AWS's example", shutdown(676_051), now + 2000],
    // The longest timeout of a function is 15 minutes; one more is for clocks that differ.
    ["an invocation in 16 minutes", invoke(now + 960_000), now + 960_000],
    ["an invocation in more than 16 minutes", invoke(now + 960_001), now + 3000],
    ["a deadline that passed a minute ago", invoke(now - 60_000), now - 60_000],
    ["a deadline that passed more than a minute ago", invoke(now - 60_001), now + 3000],
    ["a shutdown in a minute", shutdown(now + 60_000), now + 60_000],
    ["a shutdown in more than a minute", shutdown(now + 60_001), now + 2000]
  ] as const

  for (const [name, event, expected] of table) {
    it.effect(name, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now)
        assert.strictEqual((yield* Deadline.fromEvent(event)).epochMillis, expected)
      })
    )
  }

  it.effect.prop("the budget is never negative and never longer than 16 minutes", [Schema.Finite], ([deadlineMs]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      const left = yield* Deadline.left(yield* Deadline.fromEvent(invoke(deadlineMs)))
      assert.isAtLeast(Duration.toMillis(left), 0)
      assert.isAtMost(Duration.toMillis(left), 960_000)
    })
  )
})

describe("a bound that binds", () => {
  const stubborn = [
    ["an uninterruptible effect", Effect.uninterruptible(Effect.never)],
    ["a slow onInterrupt", Effect.onInterrupt(Effect.never, () => Effect.sleep("1 hour"))],
    [
      "a slow finalizer",
      Effect.scoped(
        Effect.andThen(
          Effect.addFinalizer(() => Effect.never),
          Effect.never
        )
      )
    ]
  ] as const

  for (const [name, effect] of stubborn) {
    it.effect(`${name} is abandoned after exactly its budget, and counted`, () =>
      Effect.gen(function* () {
        const before = (yield* Metric.value(ExtensionMetrics.abandoned)).count
        const fiber = yield* Effect.forkChild(
          Effect.exit(
            Effect.provideService(Deadline.within(effect, "200 millis"), Deadline.Deadline, { epochMillis: 1000 })
          )
        )
        yield* TestClock.adjust("799 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        const exit = yield* Fiber.join(fiber)
        assert.deepStrictEqual(exit, Exit.fail(new Deadline.DeadlineExceeded({ budgetMillis: 800 })))
        assert.strictEqual((yield* Metric.value(ExtensionMetrics.abandoned)).count - before, 1)
      })
    )
  }

  it.effect("its work before the first wait counts", () =>
    Effect.gen(function* () {
      const { clock, set } = yield* settableClock
      const busy = Effect.andThen(
        Effect.sync(() => set(100)),
        Effect.never
      )
      const fiber = yield* Effect.forkChild(Effect.exit(Deadline.abandonAfter(busy, "150 millis")), {
        startImmediately: true
      }).pipe(Effect.provideService(Clock.Clock, clock))
      yield* TestClock.adjust("49 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
    })
  )

  it.effect("an effect that ends in time keeps its result, failure and defect", () =>
    Effect.gen(function* () {
      const bounded = <A, E>(effect: Effect.Effect<A, E>) => Effect.exit(Deadline.abandonAfter(effect, "1 second"))
      assert.deepStrictEqual(yield* bounded(Effect.succeed(1)), Exit.succeed(1))
      assert.deepStrictEqual(yield* bounded(Effect.fail("no")), Exit.fail("no"))
      assert.deepStrictEqual(yield* bounded(Effect.die("bug")), Exit.die("bug"))
    })
  )

  it.effect("without time left the effect is abandoned at its first wait", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.exit(
          Effect.provideService(Deadline.within(Effect.never, "1 second"), Deadline.Deadline, { epochMillis: 10 })
        )
      )
      yield* TestClock.adjust(0)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
    })
  )

  it.effect("interrupting the caller tells the effect to stop", () =>
    Effect.gen(function* () {
      let isInterrupted = false
      const effect = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          isInterrupted = true
        })
      )
      const fiber = yield* Effect.forkChild(Deadline.abandonAfter(effect, "1 hour"), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* Effect.yieldNow
      assert.isTrue(isInterrupted)
    })
  )
})
