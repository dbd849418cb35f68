/** How the time of an end is divided: at SHUTDOWN, after a failure, and while telemetry is awaited. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { runInTime, types } from "./support.ts"

const { invoke, journal, note, shutdown } = ExtensionTest
const { delivery, log, report } = TelemetryTest

const stuck = Effect.uninterruptible(Effect.never)
const taking = TelemetrySink.make({ name: "taking", export: () => Effect.void })
/** A report that hangs, and when it began. */
const hangingReport = () => {
  const began: Array<number> = []
  const onAccounting = () =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      began.push(now)
      return stuck
    })
  return { began, onAccounting }
}
const hanging = TelemetrySink.make({ name: "hanging", export: () => stuck })
const failing = { onFailure: "exit", onInvoke: () => Effect.fail("no") } as const

/** When the note was written, in milliseconds. */
const noteAt = (text: string) =>
  Effect.map(journal, (entries) => entries.find((entry) => entry._tag === "Note" && entry.text === text)?.at)

describe("at SHUTDOWN", () => {
  it.effect.each([
    [60_000, 59_300],
    [2000, 1300],
    // Less than two seconds: a quarter of the time is kept.
    [1000, 550]
  ])("with %d ms left onShutdown has until %d, and finalizers have half a second", ([timeout, releasedAt]) =>
    Effect.gen(function* () {
      const released = Layer.effectDiscard(Effect.addFinalizer(() => note("released")))
      yield* runInTime(Extension.run({ layer: released, onShutdown: () => stuck }))
      assert.strictEqual(yield* noteAt("released"), releasedAt)
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ timeout })])))
  )
})

describe("sending", () => {
  /** The times at which a sink is called. */
  const attempts = (attempt: Effect.Effect<void, string>, options: Telemetry.FlushOptions = {}) =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const sink = TelemetrySink.make({
        name: "sink",
        export: () =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            times.push(now)
            return attempt
          })
      })
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, ...options, sink, retry: Schedule.recurs(0) }) })
      )
      return times
    })

  it.effect("at SHUTDOWN, a sink that fails is tried again every 100 ms", () =>
    Effect.gen(function* () {
      const times = yield* attempts(Effect.fail("answered 500"), { quiet: "1 second" })
      assert.deepStrictEqual(times.slice(0, 4), [0, 100, 200, 300])
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ delivers: [delivery([log("a")])] })])))
  )

  it.effect("however short the age of a batch, a record waits 100 ms for others", () =>
    Effect.gen(function* () {
      const times = yield* attempts(Effect.void, { batch: { maxAge: 0 } })
      // A record comes every 10 ms.
      assert.deepStrictEqual(times.slice(0, 4), [100, 210, 320, 430])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({
            timeout: "1 minute",
            delivers: Array.from({ length: 100 }, (_, n) => delivery([log("x")], { after: n * 10 }))
          }),
          shutdown()
        ])
      )
    )
  )
})

describe("telemetry at SHUTDOWN", () => {
  // The margin takes 200 ms of the two seconds, the finalizers 500 ms: 1300 ms are left.
  const everyTen = Array.from({ length: 200 }, (_, n) => delivery([log("x")], { after: n * 10 + 5 }))

  it.effect("awaits more records for 40 % of its time, however many come", () =>
    Effect.gen(function* () {
      let received = 0
      const onAccounting = (accounting: { readonly received: number }) =>
        Effect.sync(() => {
          received = accounting.received
        })
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: taking, onAccounting }) }))
      // From 5 to 515 ms; the listener is closed at 520.
      assert.strictEqual(received, 52)
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ delivers: everyTen })])))
  )

  it.effect.each([
    [2000, 1150, 1300],
    // Less than 600 ms: a quarter of the time of telemetry is kept.
    [800, 300, 400],
    [400, 75, 100]
  ])("with %d ms left gives up a sink that hangs at %d, and the report about it at %d", ([timeout, reportedAt, end]) =>
    Effect.gen(function* () {
      const { began, onAccounting } = hangingReport()
      const released = Layer.effectDiscard(Effect.addFinalizer(() => note("released")))
      yield* runInTime(
        Extension.run({
          layer: released,
          telemetry: Telemetry.make({ types, sink: hanging, onAccounting })
        })
      )
      assert.deepStrictEqual([...began, yield* noteAt("released")], [reportedAt, end])
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ timeout, delivers: [delivery([report("request-1")])] })])))
  )
})

describe("after a failure", () => {
  const exitAt = Effect.map(journal, (entries) => entries.find((entry) => entry._tag === "ExitAt"))

  it.effect("the process ends with 1 two seconds later, whatever still runs", () =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ ...failing, onInvoke: () => Effect.delay(Effect.fail("no"), "300 millis") }))
      assert.deepInclude(yield* exitAt, { at: 300, epochMillis: 2300, code: 1 })
    }).pipe(Effect.provide(ExtensionTest.layer([invoke()])))
  )

  it.effect("a report that Lambda does not answer is given up after a second, and the two seconds begin then", () =>
    Effect.gen(function* () {
      const api = yield* ExtensionsApi.ExtensionsApi
      const silent = ExtensionsApi.ExtensionsApi.of({ ...api, exitError: () => stuck })
      yield* runInTime(Effect.provideService(Extension.run(failing), ExtensionsApi.ExtensionsApi, silent))
      assert.deepInclude(yield* exitAt, { at: 1000, epochMillis: 3000, code: 1 })
    }).pipe(Effect.provide(ExtensionTest.layer([invoke()])))
  )

  it.effect("a consumer of the stream that fails is given the same two seconds", () =>
    Effect.gen(function* () {
      yield* runInTime(Stream.runForEach(Extension.events(), () => Effect.fail("no")))
      assert.deepInclude(yield* exitAt, { at: 0, epochMillis: 2000, code: 1 })
    }).pipe(Effect.provide(ExtensionTest.layer([invoke()])))
  )

  it.effect(
    "telemetry has 700 ms of the second that is left, 150 of them for the report; finalizers have the rest",
    () =>
      Effect.gen(function* () {
        const finalizer = Effect.andThen(note("release"), Effect.never)
        const held = Layer.effectDiscard(Effect.addFinalizer(() => finalizer))
        const { began, onAccounting } = hangingReport()
        const run = Extension.run({
          ...failing,
          layer: held,
          telemetry: Telemetry.make({ types, sink: hanging, flushTimeout: 0, onAccounting })
        })
        yield* runInTime(Effect.onExit(run, () => note("over")))
        assert.deepStrictEqual([...began, yield* noteAt("release"), yield* noteAt("over")], [550, 700, 1000])
      }).pipe(Effect.provide(ExtensionTest.layer([invoke({ delivers: [delivery([log("a")])] })])))
  )
})

describe("telemetry that does not come", () => {
  it.effect("is awaited for two seconds three times in a row, and for 100 ms from then on", () =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: taking }) }))
      const polls = (yield* journal).flatMap((entry) => (entry._tag === "Next" ? [entry.at] : []))
      assert.deepStrictEqual(polls, [0, 2000, 4000, 6000, 6100, 6200])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([...Array.from({ length: 5 }, () => invoke({ timeout: "10 seconds" })), shutdown()])
      )
    )
  )
})
