/** A program over the stream of telemetry: what it is given before the end, and what is counted if it ends itself. */
import { Extension, Telemetry } from "@effect-lambda/extension"
import * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import { runInTime, words, types } from "../support.ts"

const { delay, invoke, journal, note, shutdown } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

const invocation = (n: number) =>
  invoke({
    timeout: "10 seconds",
    delivers: [delivery([start(`request-${n}`), log("a"), log("b"), runtimeDone(`request-${n}`)])]
  })

const accounted = () => {
  let last: TelemetryAccounting.TelemetryAccounting | undefined
  return {
    onAccounting: (accounting: TelemetryAccounting.TelemetryAccounting) =>
      Effect.sync(() => {
        last = accounting
      }),
    consumer: () => last?.consumers[0]
  }
}

describe("a program that ends before the run", () => {
  const script = ExtensionTest.layer([invocation(1), delay("1 second"), invocation(2), shutdown()])

  it.effect("by a failure: its records in hand are unsent, later records are dropped, and all of them are lost", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const telemetry = Telemetry.stream(
        Stream.runForEach(({ type }) => (type === "platform.runtimeDone" ? Effect.die("no") : Effect.void)),
        { types, onAccounting }
      )
      yield* runInTime(Extension.run({ telemetry }))
      assert.deepInclude(consumer(), { offered: 8, delivered: 0, unsent: 4, droppedByQueue: 4, waiting: 0 })
    }).pipe(Effect.provide(script))
  )

  it.effect("by itself: it has used its records, and later records are not offered to it", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const telemetry = Telemetry.stream((events) => Stream.runDrain(Stream.take(events, 2)), { types, onAccounting })
      yield* runInTime(Extension.run({ telemetry }))
      assert.deepInclude(consumer(), { offered: 4, delivered: 4, unsent: 0, droppedByQueue: 0, waiting: 0 })
    }).pipe(Effect.provide(script))
  )

  it.effect.each([
    ["by a failure", () => Effect.fail("no")],
    ["by itself", () => Effect.void]
  ] as const)("%s: next is not held any more", ([, program]) =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ onDefect: "continue", telemetry: Telemetry.stream(program, { types }) }))
      const nexts = (yield* journal).filter((entry) => entry._tag === "Next").map((entry) => entry.at)
      assert.deepStrictEqual(nexts, [0, 0, 1000])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({ delivers: [delivery([start("request-1")])] }),
          delay("1 second"),
          invoke({ delivers: [delivery([start("request-2")])] }),
          shutdown()
        ])
      )
    )
  )

  it.effect("is done with its records only when it asks for more", () =>
    Effect.gen(function* () {
      const telemetry = Telemetry.stream(
        Stream.runForEach(() => Effect.sleep("1 second")),
        { types, flushTimeout: 0 }
      )
      const seen: Array<unknown> = []
      const delivered = Metric.withAttributes(TelemetryAccounting.delivered, { consumer: "stream" })
      const look = Effect.map(
        Effect.all([Metric.value(TelemetryAccounting.received), Metric.value(delivered)]),
        (states) => seen.push(states.map(({ count }) => count))
      )
      const onInvoke = () => Effect.forEach([1, 4], (seconds) => Effect.delay(look, `${seconds} seconds`))
      yield* runInTime(Extension.run({ telemetry, onInvoke }))
      assert.deepStrictEqual(seen, [
        [4, 0],
        [4, 4]
      ])
    }).pipe(
      Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )
})

describe("a program that is at work when next is due", () => {
  it.effect("also uses the records that come in the meantime before next is called", () =>
    Effect.gen(function* () {
      const telemetry = Telemetry.stream(
        Stream.runForEachArray((events) => Effect.delay(note(`used ${events.length}`), "300 millis")),
        { types }
      )
      yield* runInTime(Extension.run({ telemetry }))
      assert.deepStrictEqual((yield* words).slice(3, 9), [
        "INVOKE",
        "Delivered",
        "Delivered",
        "used 2",
        "used 1",
        "Next"
      ])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({
            delivers: [
              delivery([start("request-1"), runtimeDone("request-1")]),
              delivery([log("late")], { after: "100 millis" })
            ]
          }),
          shutdown()
        ])
      )
    )
  )
})

describe('a run that fails under "exit"', () => {
  const failing = { onInvoke: () => Effect.delay(Effect.fail("no"), 10), onFailure: "exit" } as const

  it.effect("the program uses the records that have come before it is interrupted", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const telemetry = Telemetry.stream(
        Stream.runForEach(({ type }) => Effect.andThen(Effect.sleep("20 millis"), note(type))),
        { types, onAccounting }
      )
      yield* runInTime(Extension.run({ ...failing, telemetry }))
      assert.deepStrictEqual((yield* words).slice(-4), [
        "platform.start",
        "function",
        "function",
        "platform.runtimeDone"
      ])
      assert.deepInclude(consumer(), { delivered: 4, unsent: 0 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1)])))
  )

  it.effect("a program and a finalizer that never end do not hold the process beyond its second", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const stuck = Effect.uninterruptible(Effect.never)
      const finalizer = Layer.effectDiscard(Effect.addFinalizer(() => Effect.andThen(note("finalizer"), stuck)))
      const run = Extension.run({
        ...failing,
        layer: finalizer,
        telemetry: Telemetry.stream(
          Stream.runForEach(() => stuck),
          { types, onAccounting }
        )
      })
      yield* runInTime(Effect.onExit(run, () => note("done")))
      assert.deepStrictEqual((yield* words).slice(-2), ["finalizer", "done"])
      const exitAt = (yield* journal).find((entry) => entry._tag === "ExitError")?.at ?? 0
      assert.isAtMost(((yield* journal).at(-1)?.at ?? Infinity) - exitAt, 1000)
      assert.deepInclude(consumer(), { delivered: 0, unsent: 4 }, "the accounting has its time")
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1)])))
  )
})
