/** A failed asynchronous invocation: Lambda repeats it under the same request id, here in the same environment. */
import { Extension, type ExtensionEvent, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { runInTime, types } from "../support.ts"

const { delay, invoke, journal, note, shutdown } = ExtensionTest
const { delivery, report, runtimeDone, start } = TelemetryTest

const telemetry = Telemetry.make({
  types,
  sink: TelemetrySink.make({ name: "sink", export: () => Effect.void }),
  grace: 0
})

const attempt = (...delivers: ReadonlyArray<TelemetryTest.Delivery>) =>
  invoke({ requestId: "same", timeout: "10 seconds", delivers })

/** The start of the second attempt; each attempt starts at another time. */
const again = start("same", { time: "2026-01-01T00:01:01.000Z" })

const first = attempt(delivery([start("same")]), delivery([runtimeDone("same")], { after: "1 second" }))

/** The two attempts, a minute apart; the second one is received at 61,000 ms. */
const script = (...second: ReadonlyArray<TelemetryTest.Delivery>) =>
  ExtensionTest.layer([first, delay("1 minute"), attempt(...second), shutdown()])

const nexts = Effect.map(journal, (entries) =>
  entries.filter((entry) => entry._tag === "Next").map((entry) => entry.at)
)

describe("the second attempt", () => {
  it.effect.each([
    [
      "is waited for as the first one is",
      [delivery([report("same"), again]), delivery([runtimeDone("same")], { after: "2 seconds" })]
    ],
    [
      "is waited for where its start comes after the event",
      [delivery([again], { after: "500 millis" }), delivery([runtimeDone("same")], { after: "2 seconds" })]
    ],
    [
      "is waited for where the end of the first one comes again",
      [
        delivery([runtimeDone("same")]),
        delivery([runtimeDone("same"), again], { after: "500 millis" }),
        delivery([runtimeDone("same")], { after: "2 seconds" })
      ]
    ]
  ] as const)("%s", ([, second]) =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ telemetry }))
      assert.deepStrictEqual(yield* nexts, [0, 1000, 63_000])
    }).pipe(Effect.provide(script(...second)))
  )

  it.effect.each([
    ["the records of the first one", "1100 millis"],
    ["them after the event of the second one", "61050 millis"]
  ] as const)("stays the same attempt if Lambda delivers %s twice", ([, after]) =>
    Effect.gen(function* () {
      const onInvoke = () => Effect.onInterrupt(Effect.sleep("900 millis"), () => note("abandoned"))
      yield* runInTime(Extension.run({ telemetry, onInvoke }))
      assert.deepStrictEqual(yield* nexts, [0, 1000, 64_000])
      assert.isFalse((yield* journal).some((entry) => entry._tag === "Note"))
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          attempt(
            delivery([start("same"), runtimeDone("same", { status: "error" })], { after: "1 second" }),
            delivery([start("same"), runtimeDone("same", { status: "error" })], { after })
          ),
          delay("1 minute"),
          attempt(delivery([again], { after: "100 millis" }), delivery([runtimeDone("same")], { after: "3 seconds" })),
          shutdown()
        ])
      )
    )
  )

  it.effect("is not waited for if it had ended before the event came", () =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ telemetry }))
      assert.deepStrictEqual(yield* nexts, [0, 1000, 61_000])
    }).pipe(Effect.provide(script(delivery([report("same"), again, runtimeDone("same")]))))
  )

  it.effect("that crashes ends its handler, whatever the first one did", () =>
    Effect.gen(function* () {
      yield* runInTime(
        Extension.run({
          telemetry,
          onInvoke: () => Effect.onInterrupt(Effect.sleep("5 seconds"), () => note("abandoned"))
        })
      )
      const abandoned = (yield* journal).filter((entry) => entry._tag === "Note").map((entry) => entry.at)
      // The first handler takes its five seconds.
      assert.deepStrictEqual(abandoned, [67_000])
      assert.deepStrictEqual(yield* nexts, [0, 5000, 67_000])
    }).pipe(
      Effect.provide(
        script(delivery([again]), delivery([runtimeDone("same", { status: "failure" })], { after: "2 seconds" }))
      )
    )
  )

  it.effect("is waited for if the first attempt was not waited for", () =>
    Effect.gen(function* () {
      // As adaptive does when invocations become rare.
      const strategy: FlushStrategy.FlushStrategy = {
        ...FlushStrategy.endOfInvocation,
        decide: (situation) =>
          situation.invokedAt.length < 2 ? "keep" : FlushStrategy.endOfInvocation.decide(situation)
      }
      const sink = TelemetrySink.make({ name: "sink", export: () => Effect.void })
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink, strategy, grace: 0 }) }))
      assert.deepStrictEqual(yield* nexts, [0, 0, 62_000])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          attempt(delivery([start("same"), runtimeDone("same")])),
          delay("1 minute"),
          attempt(delivery([again], { after: "500 millis" }), delivery([runtimeDone("same")], { after: "2 seconds" })),
          shutdown()
        ])
      )
    )
  )

  it.effect("a program that asks twice gets the same answer, and none of an earlier attempt", () =>
    Effect.gen(function* () {
      const receiver = yield* TelemetryReceiver.make({ types })
      const onEvent = Effect.fnUntraced(function* (event: ExtensionEvent.ExtensionEvent) {
        if (event.eventType !== "INVOKE") return
        yield* receiver.awaitRuntimeDone(event)
        yield* receiver.awaitRuntimeDone(event)
        yield* note("done")
      })
      const events = Extension.events({ onRegistered: receiver.subscribe })
      yield* runInTime(Stream.runForEach(events, onEvent))
      const done = (yield* journal).filter((entry) => entry._tag === "Note").map((entry) => entry.at)
      assert.deepStrictEqual(done, [1000, 63_000])
    }).pipe(Effect.provide(script(delivery([again]), delivery([runtimeDone("same")], { after: "2 seconds" }))))
  )
})
