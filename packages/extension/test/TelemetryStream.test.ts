/** A program over the stream of telemetry: what it is given before the end, and what is counted where it ends itself. */
import {
  Extension,
  ExtensionTest,
  Telemetry,
  type TelemetryAccounting,
  TelemetryReceiver,
  TelemetryTest
} from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { runInTime, words } from "./support.ts"

const { invoke, journal, note } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

const layer = TelemetryReceiver.layer()

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

describe('a run that fails under "exit"', () => {
  const failing = { layer, onInvoke: () => Effect.delay(Effect.fail("no"), 10), onFailure: "exit" } as const

  it.effect("the program uses what has come before it is interrupted", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const telemetry = Telemetry.stream(
        Stream.runForEach(({ type }) => Effect.andThen(Effect.sleep("20 millis"), note(type))),
        { onAccounting }
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
        layer: Layer.merge(layer, finalizer),
        telemetry: Telemetry.stream(
          Stream.runForEach(() => stuck),
          { onAccounting }
        )
      })
      yield* runInTime(Effect.onExit(run, () => note("done")))
      assert.deepStrictEqual((yield* words).slice(-2), ["finalizer", "done"])
      const exitAt = (yield* journal).find((entry) => entry._tag === "ExitError")?.at ?? 0
      assert.isAtMost(((yield* journal).at(-1)?.at ?? Infinity) - exitAt, 1000)
      assert.isDefined(consumer(), "the accounting has its time")
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1)])))
  )
})
