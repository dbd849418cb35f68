/** Mistakes of others: an option that cannot be, a strategy or a report of the user's that throws, a record of a new shape, a program without INVOKE. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime, types } from "../support.ts"

const { delay, invoke, journal, shutdown } = ExtensionTest
const { body, delivery, log, runtimeDone, start } = TelemetryTest

const invocation = (n: number) =>
  invoke({
    timeout: "10 seconds",
    delivers: [
      delivery([start(`request-${n}`), log(`line ${n}`)]),
      delivery([runtimeDone(`request-${n}`)], { after: "100 millis" })
    ]
  })

/** Runs to the end: when next was called, how many records were taken and when, what the log says. */
const live = (
  options: Omit<Telemetry.Options<never, never>, "sink" | "types">,
  more: Extension.RunOptions = {},
  sendMillis = 0
) =>
  Effect.gen(function* () {
    const taken: Array<number> = []
    const sink = TelemetrySink.make({
      name: "sink",
      export: ({ events }) =>
        Effect.sleep(sendMillis).pipe(
          Effect.andThen(Clock.currentTimeMillis),
          Effect.map((now) => void taken.push(...events.map(() => now)))
        )
    })
    const { layer: logs, causes, messages } = capturedLogs()
    yield* runInTime(
      Extension.run({ ...more, telemetry: Telemetry.make({ types, sink, ...options }) }).pipe(Effect.provide(logs))
    )
    const nexts = (yield* journal).filter(({ _tag }) => _tag === "Next").map(({ at }) => at)
    return { causes, messages, nexts, taken }
  })

describe("an option", () => {
  const script = ExtensionTest.layer([invocation(1), shutdown()])

  it.effect.each<readonly [Omit<Telemetry.Options<never, never>, "sink" | "types">, string]>([
    [{ batch: { maxRecords: 0 } }, "the option batch.maxRecords is 0: it takes 1 or more"],
    [{ batch: { maxRecords: Number.NaN } }, "the option batch.maxRecords is NaN: it takes 1 or more"],
    [{ batch: { maxBytes: -1 } }, "the option batch.maxBytes is -1: it takes 1 or more"],
    [{ queue: { maxRecords: 0 } }, "the option queue.maxRecords is 0: it takes 1 or more"],
    [{ queue: { maxBytes: 0 } }, "the option queue.maxBytes is 0: it takes 1 or more"],
    [{ maxBodyBytes: 0 }, "the option maxBodyBytes is 0: it takes 1 or more"],
    [{ batch: { maxAge: -1 } }, "the option batch.maxAge is -1 ms: it takes no negative time"],
    [{ flushTimeout: "-3 seconds" }, "the option flushTimeout is -3000 ms: it takes no negative time"],
    [{ exportTimeout: -1 }, "the option exportTimeout is -1 ms: it takes no negative time"],
    [{ longestRest: -1 }, "the option longestRest is -1 ms: it takes no negative time"],
    [{ grace: -1 }, "the option grace is -1 ms: it takes no negative time"],
    [{ quiet: -1 }, "the option quiet is -1 ms: it takes no negative time"]
  ])("%j fails init: %s", ([options, why]) =>
    Effect.gen(function* () {
      const { causes, taken } = yield* live(options)
      assert.include(causes.join("\n"), why)
      assert.lengthOf(taken, 0)
    }).pipe(Effect.provide(script))
  )

  it.effect("at its smallest value still has its effect", () =>
    Effect.gen(function* () {
      const { messages, taken } = yield* live({ batch: { maxRecords: 1, maxBytes: 1, maxAge: 0 }, grace: 0, quiet: 0 })
      assert.lengthOf(taken, 3)
      assert.notInclude(messages.join("\n"), "init failed")
    }).pipe(Effect.provide(script))
  )
})

describe("a strategy that throws", () => {
  it.effect("is named once, and endOfInvocation decides", () =>
    Effect.gen(function* () {
      let handled = 0
      const strategy: FlushStrategy.FlushStrategy = {
        ...FlushStrategy.endOfInvocation,
        name: "broken",
        decide: () => {
          throw new Error("a bug")
        }
      }
      const { messages, nexts, taken } = yield* live({ strategy }, { onInvoke: () => Effect.sync(() => handled++) })
      assert.deepStrictEqual(nexts, [0, 125, 250])
      assert.lengthOf(taken, 6)
      assert.strictEqual(handled, 2)
      const named = messages.filter((message) => message.includes("the strategy broken threw"))
      assert.lengthOf(named, 1)
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), shutdown()])))
  )
})

describe("an onAccounting that throws", () => {
  it.effect("is in the log", () =>
    Effect.gen(function* () {
      const onAccounting = () => {
        throw new Error("a bug")
      }
      const { messages } = yield* live({ onAccounting })
      assert.include(messages.join("\n"), "onAccounting failed")
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])))
  )
})

describe("a program without INVOKE", () => {
  it.effect("sends periodically, whatever strategy it has", () =>
    Effect.gen(function* () {
      const { taken } = yield* live({}, { events: ["SHUTDOWN"] })
      assert.lengthOf(taken, 2)
      assert.isAtMost(taken[0]!, 10_000)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([delay("30 minutes"), shutdown()], { history: [delivery([start("request-1"), log("a")])] })
      )
    )
  )
})

describe("a runtimeDone that cannot be decoded", () => {
  const withRecord = (record: unknown) =>
    ExtensionTest.layer([
      invoke({
        timeout: "15 minutes",
        delivers: [
          delivery([start("request-1")]),
          body(JSON.stringify([{ time: "t", type: "platform.runtimeDone", record }]), { after: "100 millis" })
        ]
      }),
      shutdown()
    ])

  it.effect.each([
    { requestId: "request-1", status: "success", metrics: { durationMs: "12" } },
    { requestId: "request-1", status: 7 },
    { requestId: "request-1" }
  ])("still ends the wait for it: %j", (record) =>
    Effect.gen(function* () {
      const { nexts, taken } = yield* live({})
      assert.deepStrictEqual(nexts, [0, 125])
      assert.lengthOf(taken, 2)
    }).pipe(Effect.provide(withRecord(record)))
  )

  it.effect("still says that the function failed: Lambda ends the environment, and nothing is awaited", () =>
    Effect.gen(function* () {
      const { nexts, taken } = yield* live({}, { onInvoke: () => Effect.never })
      assert.deepStrictEqual(nexts, [0, 100])
      assert.lengthOf(taken, 2)
    }).pipe(Effect.provide(withRecord({ requestId: "request-1", status: "timeout", spans: 3 })))
  )
})

describe("telemetry that does not come", () => {
  const silent = invoke({ timeout: "10 seconds" })

  it.effect("costs three invocations two seconds, and says so; then hardly anything, until it comes again", () =>
    Effect.gen(function* () {
      const { messages, nexts, taken } = yield* live({})
      assert.deepStrictEqual(nexts, [0, 2000, 4000, 6000, 6100, 6200, 6325, 8325])
      assert.lengthOf(taken, 3)
      const said = messages.filter((message) => message.includes("no telemetry of 3 invocations in a row"))
      assert.lengthOf(said, 1)
    }).pipe(
      Effect.provide(ExtensionTest.layer([silent, silent, silent, silent, silent, invocation(6), silent, shutdown()]))
    )
  )
})

describe("a SHUTDOWN that comes late, since a handler ran on", () => {
  it.effect.each([2000, 1000, 800, 600, 400])("with %d ms left, what waits is sent and accounted for", (millis) =>
    Effect.gen(function* () {
      let isAccounted = false
      const onAccounting = () =>
        Effect.sync(() => {
          isAccounted = true
        })
      const { taken } = yield* live({ onAccounting }, {}, 5)
      assert.lengthOf(taken, 2)
      assert.isTrue(isAccounted)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([shutdown({ timeout: millis, delivers: [delivery([start("request-1"), log("a")])] })])
      )
    )
  )
})
