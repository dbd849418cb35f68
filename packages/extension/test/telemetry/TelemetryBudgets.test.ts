/** Telemetry in a run whose time is short or jumps: flushes that are cut off, clocks that are set back, ends. */
import { Extension, FlushStrategy, Telemetry } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { runInTime, settableClock, words, types } from "../support.ts"
import { sinkOf, invocation, accounted, at, noteAt } from "./sessions.ts"

const { delay, invoke, journal, note, shutdown } = ExtensionTest
const { delivery, log, report, start } = TelemetryTest

const stuck = Effect.uninterruptible(Effect.never)

/** Keeps what it takes. */
const keeping = (name = "sink") => {
  const taken: Array<string> = []
  const sink = sinkOf(({ events }) => Effect.sync(() => taken.push(...events.map(({ type }) => type))), name)
  return { sink, taken }
}

describe("an invocation whose flush was abandoned", () => {
  it.effect("does not stop the sends of the next invocation in between", () =>
    Effect.gen(function* () {
      const sink = sinkOf(({ events }) =>
        Clock.currentTimeMillis.pipe(Effect.tap((now) => Effect.sync(() => sentAt.push([now, events.length]))))
      )
      const sentAt: Array<readonly [number, number]> = []
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink }) }))
      // The second invocation begins at 59,800 and its records are five seconds old then.
      assert.deepStrictEqual(sentAt, [
        [5000, 1],
        [64_800, 2]
      ])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({ timeout: "1 minute", delivers: [delivery([start("request-1")])] }),
          invoke({ timeout: "1 minute", delivers: [delivery([start("request-2"), log("a")])] }),
          shutdown()
        ])
      )
    )
  )
})

describe("a clock that is set back", () => {
  const withJump = (strategy: FlushStrategy.FlushStrategy) =>
    Effect.gen(function* () {
      const { clock, set } = yield* settableClock
      const { sink, taken } = keeping()
      const fiber = yield* Extension.run({
        telemetry: Telemetry.make({ types, sink, strategy }),
        onInvoke: () => Effect.sleep("1 minute")
      }).pipe(Effect.provideService(Clock.Clock, clock), Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("1 second")
      set(-3_600_000)
      yield* TestClock.adjust("20 seconds")
      const inBetween = taken.length
      yield* TestClock.adjust("1 hour")
      assert.isDefined(fiber.pollUnsafe())
      return { inBetween, taken }
    })

  it.effect.each([
    FlushStrategy.endOfInvocation,
    FlushStrategy.endOfInvocationPipelined,
    FlushStrategy.continuous,
    FlushStrategy.periodic(),
    FlushStrategy.adaptive()
  ])("does not stop $name", (strategy) =>
    Effect.gen(function* () {
      const { inBetween } = yield* withJump(strategy)
      assert.strictEqual(inBetween, 2, "old records are sent")
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({ timeout: "15 minutes", delivers: [delivery([start("request-1"), log("a")])] }),
          shutdown()
        ])
      )
    )
  )

  it.effect("while SHUTDOWN waits for the last records costs only that wait", () =>
    Effect.gen(function* () {
      const { clock, set } = yield* settableClock
      const { sink, taken } = keeping()
      yield* TestClock.adjust("2 hours")
      const fiber = yield* Extension.run({ telemetry: Telemetry.make({ types, sink }) }).pipe(
        Effect.provideService(Clock.Clock, clock),
        Effect.andThen(note("done")),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("50 millis")
      set(-3_600_000)
      yield* TestClock.adjust("1750 millis")
      assert.isDefined(fiber.pollUnsafe())
      assert.deepStrictEqual(taken, ["function", "platform.report"])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          shutdown({ delivers: [delivery([log("a")]), delivery([report("request-1")], { after: "300 millis" })] })
        ])
      )
    )
  )
})

describe("budgets", () => {
  it.effect(
    "a sink, onShutdown and a finalizer that hang: the run ends before its deadline, the process in any case",
    () =>
      Effect.gen(function* () {
        const hanging = Layer.effectDiscard(Effect.addFinalizer(() => stuck))
        const run = Extension.run({
          layer: hanging,
          telemetry: Telemetry.make({ types, sink: sinkOf(() => stuck), onAccounting: () => stuck }),
          onShutdown: () => stuck
        })
        yield* runInTime(Effect.andThen(run, note("done")))
        const entries = yield* journal
        const exitAt = entries.find((entry) => entry._tag === "ExitAt")
        assert.deepInclude(exitAt, { epochMillis: 1900, code: 0 })
        assert.isAtMost(noteAt(entries, "done") ?? Infinity, 1800)
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ delivers: [delivery([report("request-1")])] })])))
  )

  it.effect("a signal while next is held ends the wait, and waiting records are sent", () =>
    Effect.gen(function* () {
      const { sink, taken } = keeping()
      const run = Extension.run({ telemetry: Telemetry.make({ types, sink }) })
      const fiber = yield* Effect.forkChild(Effect.andThen(run, note("done")), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* words, ["Registered", "Subscribed", "Next", "INVOKE", "Delivered"])
      yield* ExtensionTest.terminate("SIGTERM")
      yield* TestClock.adjust("1 minute")
      assert.isDefined(fiber.pollUnsafe())
      assert.deepStrictEqual(taken, ["platform.start", "function"])
      assert.isAtMost(noteAt(yield* journal, "done") ?? Infinity, 4800)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({ timeout: "15 minutes", delivers: [delivery([start("request-1"), log("a")])] }),
          shutdown()
        ])
      )
    )
  )

  it.effect('a handler that fails under "exit": telemetry is flushed in the time of the finalizers', () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const { sink, taken } = keeping()
      const run = Extension.run({
        telemetry: Telemetry.make({ types, sink, onAccounting }),
        onFailure: "exit",
        onInvoke: () => Effect.fail("no")
      })
      assert.isTrue(Exit.isFailure(yield* runInTime(Effect.onExit(run, () => note("done")))))
      assert.deepStrictEqual(taken, ["platform.start", "function", "platform.runtimeDone"])
      assert.deepInclude(consumer(), { delivered: 3, waiting: 0, unsent: 0 })
      const entries = yield* journal
      assert.deepStrictEqual(at(entries, "ExitError"), [0])
      assert.isAtMost(noteAt(entries, "done") ?? Infinity, 1000)
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1)])))
  )

  it.effect("the run is interrupted while a sink hangs: everything is released, nothing goes on", () =>
    Effect.gen(function* () {
      let sending = 0
      const sink = sinkOf(() =>
        Effect.acquireUseRelease(
          Effect.sync(() => sending++),
          () => Effect.never,
          () => Effect.sync(() => sending--)
        )
      )
      const released = Layer.effectDiscard(Effect.addFinalizer(() => note("released")))
      const run = Extension.run({ layer: released, telemetry: Telemetry.make({ types, sink }) })
      const fiber = yield* Effect.forkChild(run, { startImmediately: true })
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(sending, 1)
      const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.isDefined(interrupted.pollUnsafe())
      assert.include(yield* words, "released")
      assert.strictEqual(sending, 0)
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])))
  )

  it.effect("SHUTDOWN after idle time waits for the last records as at any other time", () =>
    Effect.gen(function* () {
      const { sink, taken } = keeping()
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink }) }))
      assert.deepStrictEqual(taken.slice(-2), ["platform.runtimeDone", "platform.report"])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invocation(1),
          delay("1 minute"),
          shutdown({ delivers: [delivery([report("request-1")], { after: "100 millis" })] })
        ])
      )
    )
  )

  it.effect("SHUTDOWN without any INVOKE sends the records that came before", () =>
    Effect.gen(function* () {
      const { sink, taken } = keeping()
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink }) }))
      assert.deepStrictEqual(taken, ["function"])
    }).pipe(
      Effect.provide(ExtensionTest.layer([delay("1 minute"), shutdown()], { history: [delivery([log("from init")])] }))
    )
  )
})
