/** Telemetry in a run that does not go smoothly: what hangs, dies, ends early, or comes at a bad time. */
import {
  Extension,
  FlushStrategy,
  Telemetry,
  type TelemetryAccounting,
  TelemetryReceiver,
  TelemetrySink
} from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { capturedLogs, runInTime, settableClock, words } from "../support.ts"

const { delay, invoke, journal, note, shutdown } = ExtensionTest
const { delivery, log, report, runtimeDone, start } = TelemetryTest

const layer = TelemetryReceiver.layer()
const stuck = Effect.uninterruptible(Effect.never)

const sinkOf = (attempt: (batch: TelemetrySink.TelemetryBatch) => Effect.Effect<unknown, string>, name = "sink") =>
  TelemetrySink.make({ name, export: (batch) => Effect.asVoid(attempt(batch)) })

/** Keeps what it takes. */
const keeping = (name = "sink") => {
  const taken: Array<string> = []
  const sink = sinkOf(({ events }) => Effect.sync(() => taken.push(...events.map(({ type }) => type))), name)
  return { sink, taken }
}

const invocation = (n: number) =>
  invoke({
    timeout: "10 seconds",
    delivers: [
      delivery([start(`request-${n}`), log(`line ${n}`)]),
      delivery([runtimeDone(`request-${n}`)], { after: "100 millis" })
    ]
  })

const accounted = () => {
  let last: TelemetryAccounting.TelemetryAccounting | undefined
  return {
    onAccounting: (accounting: TelemetryAccounting.TelemetryAccounting) =>
      Effect.sync(() => {
        last = accounting
      }),
    consumer: (index = 0) => last?.consumers[index]
  }
}

const at = (entries: ReadonlyArray<ExtensionTest.Entry>, tag: ExtensionTest.Entry["_tag"]) =>
  entries.filter((entry) => entry._tag === tag).map((entry) => entry.at)

const noteAt = (entries: ReadonlyArray<ExtensionTest.Entry>, text: string) =>
  entries.find((entry) => entry._tag === "Note" && entry.text === text)?.at

describe("a program over the stream", () => {
  it.effect("that ends with the stream does not hold the end of the process", () =>
    Effect.gen(function* () {
      const run = Extension.run({ layer, telemetry: Telemetry.stream(Stream.runDrain) })
      yield* runInTime(Effect.andThen(run, note("done")))
      // The time in which nothing more came, and no more.
      assert.strictEqual(noteAt(yield* journal, "done"), 200)
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ delivers: [delivery([report("request-1")])] })])))
  )

  it.effect("that ends early is not waited for, and later invocations do not wait for it", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.stream((events) => Stream.runHead(events), { onAccounting })
        })
      )
      assert.deepStrictEqual(at(yield* journal, "Next"), [0, 0, 0, 0])
      assert.deepInclude(consumer(), { waiting: 0, unsent: 0 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), invocation(3), shutdown()])))
  )

  it.effect("that fails is not waited for", () =>
    Effect.gen(function* () {
      yield* runInTime(
        Extension.run({
          layer,
          onDefect: "continue",
          telemetry: Telemetry.stream((events) => Stream.runForEach(events, () => Effect.fail("no")))
        })
      )
      assert.deepStrictEqual(at(yield* journal, "Next"), [0, 0, 0])
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), shutdown()])))
  )
})

describe("a sink", () => {
  it.effect("that is interrupted from within is tried again, and another one goes on", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      let attempts = 0
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({
            sink: [
              sinkOf(() => (attempts++ < 6 ? Effect.interrupt : Effect.void), "interrupted"),
              sinkOf(() => Effect.sleep("300 millis"), "slow")
            ],
            onAccounting
          })
        })
      )
      assert.deepInclude(consumer(0), { delivered: 3, droppedBySink: 0 })
      assert.deepInclude(consumer(1), { delivered: 3 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])))
  )

  it.effect("whose failure cannot be printed loses its batch and nothing else", () =>
    Effect.gen(function* () {
      const unprintable = {
        get message(): string {
          throw new Error("no")
        },
        toJSON() {
          throw new Error("no")
        }
      }
      const { consumer, onAccounting } = accounted()
      const { layer: logs, messages } = capturedLogs()
      let attempts = 0
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({
            sink: TelemetrySink.make({
              name: "sink",
              isRetryable: () => false,
              export: () => (attempts++ === 0 ? Effect.fail(unprintable) : Effect.void)
            }),
            batch: { maxRecords: 2 },
            onAccounting
          }),
          onInvoke: (event) => note(`handled ${event.requestId}`)
        })
      ).pipe(Effect.provide(logs))
      assert.deepInclude(consumer(), { delivered: 4, droppedBySink: 2 })
      assert.include(yield* words, "handled request-2")
      assert.include(messages.join("\n"), "2 records are dropped")
      assert.notInclude(messages.join("\n"), "background failed")
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), shutdown()])))
  )

  it.effect("that ignores the end of its time and succeeds later: sent again with the same id, counted once", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const ids: Array<string> = []
      const sink = sinkOf(({ id }) => {
        ids.push(id)
        return ids.length === 1 ? Effect.uninterruptible(Effect.sleep("1500 millis")) : Effect.sleep("1 second")
      })
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({ sink, exportTimeout: "1200 millis", flushTimeout: "5 seconds", onAccounting })
        })
      )
      assert.strictEqual(ids.length, 2)
      assert.strictEqual(new Set(ids).size, 1)
      assert.deepInclude(consumer(), { offered: 3, delivered: 3 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])))
  )

  it.effect("that is at work when SHUTDOWN comes gets the same batch again", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const ids: Array<string> = []
      const sink = sinkOf(({ id }) => (ids.push(id) === 1 ? Effect.never : Effect.void))
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({ sink, strategy: FlushStrategy.endOfInvocationPipelined, onAccounting })
        })
      )
      assert.strictEqual(ids.length, 2)
      assert.strictEqual(new Set(ids).size, 1)
      assert.deepInclude(consumer(), { offered: 3, delivered: 3 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), delay("1 second"), shutdown()])))
  )

  it.effect("that is at work is waited for before next, also if no flush is due", () =>
    Effect.gen(function* () {
      // A full batch is sent beside the handler, and its request must not be frozen half-way.
      const sink = TelemetrySink.make({ name: "sink", export: () => Effect.delay(note("sent"), "500 millis") })
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({ sink, strategy: FlushStrategy.periodic("1 hour"), batch: { maxRecords: 2 } }),
          onInvoke: () => Effect.delay(note("handled"), "200 millis")
        })
      )
      assert.deepStrictEqual((yield* words).slice(3), [
        "INVOKE",
        "Delivered",
        "handled",
        "sent",
        "Next",
        "SHUTDOWN",
        "ExitAt"
      ])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([invoke({ delivers: [delivery([start("request-1"), log("a")])] }), shutdown()])
      )
    )
  )

  it.effect("never sees an id twice, also if a snapshot of the environment is restored many times", () =>
    Effect.gen(function* () {
      const ids: Array<string> = []
      const sink = sinkOf(({ id }) => Effect.sync(() => ids.push(id)))
      const restored = Extension.run({ layer, telemetry: Telemetry.make({ sink }) }).pipe(
        Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])),
        // As the snapshot left it.
        Random.withSeed("snapshot")
      )
      yield* runInTime(restored)
      yield* runInTime(restored)
      assert.strictEqual(ids.length, 2)
      assert.strictEqual(new Set(ids).size, 2)
    })
  )
})

describe("an invocation whose flush was abandoned", () => {
  it.effect("does not stop the sends of the next invocation in between", () =>
    Effect.gen(function* () {
      const sink = sinkOf(({ events }) =>
        Clock.currentTimeMillis.pipe(Effect.tap((now) => Effect.sync(() => sentAt.push([now, events.length]))))
      )
      const sentAt: Array<readonly [number, number]> = []
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink }) }))
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
        layer,
        telemetry: Telemetry.make({ sink, strategy }),
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
      const fiber = yield* Extension.run({ layer, telemetry: Telemetry.make({ sink }) }).pipe(
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
          layer: Layer.merge(layer, hanging),
          telemetry: Telemetry.make({ sink: sinkOf(() => stuck), onAccounting: () => stuck }),
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
      const run = Extension.run({ layer, telemetry: Telemetry.make({ sink }) })
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
        layer,
        telemetry: Telemetry.make({ sink, onAccounting }),
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
      const run = Extension.run({ layer: Layer.merge(layer, released), telemetry: Telemetry.make({ sink }) })
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
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink }) }))
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
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink }) }))
      assert.deepStrictEqual(taken, ["function"])
    }).pipe(
      Effect.provide(ExtensionTest.layer([delay("1 minute"), shutdown()], { history: [delivery([log("from init")])] }))
    )
  )
})
