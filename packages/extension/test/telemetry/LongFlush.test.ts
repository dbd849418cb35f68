/** A flush that holds an invocation for long is said once an episode, with how long it was and what to do, and counted. */
import { Extension, ExtensionMetrics, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { capturedLogs, runInTime, types } from "../support.ts"

const { delivery, log, runtimeDone, start } = TelemetryTest

const invocations = (count: number) => [
  ...Array.from({ length: count }, (_, n) =>
    ExtensionTest.invoke({
      timeout: "10 seconds",
      delivers: [delivery([start(`request-${n}`), log(`line ${n}`), runtimeDone(`request-${n}`)])]
    })
  ),
  ExtensionTest.shutdown()
]

/** Runs as many invocations as there are times, and lets the flush of each one take so long. */
const run = (times: ReadonlyArray<number>, options: Telemetry.FlushOptions = {}) =>
  Effect.gen(function* () {
    const { layer: logs, messages } = capturedLogs()
    const before = (yield* Metric.value(ExtensionMetrics.longFlushes)).count
    let flushes = 0
    const sink = TelemetrySink.make({ name: "slow", export: () => Effect.sleep(times[flushes++] ?? 0) })
    yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink, ...options }) })).pipe(
      Effect.provide(logs)
    )
    return {
      said: messages.flatMap(
        (message) => /^Warn: a flush of telemetry held the invocation for (\d+) ms/.exec(message)?.[1] ?? []
      ),
      counted: (yield* Metric.value(ExtensionMetrics.longFlushes)).count - before
    }
  }).pipe(Effect.provide(ExtensionTest.layer(invocations(times.length))))

const short = (count: number) => Array.from({ length: count }, () => 200)

it.effect("200 ms are nothing to say", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* run([200, 0, 200, 100]), { said: [], counted: 0 })
  })
)

it.effect("more is said once while it goes on, with how long the first one was, and counted each time", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* run([201, 500, 1900, ...short(9), 300]), { said: ["201"], counted: 4 })
  })
)

it.effect("after ten short ones in a row the next long one is another episode", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* run([400, ...short(10), 300]), { said: ["400", "300"], counted: 2 })
  })
)

it.effect("the budget of a flush bounds it", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* run([5000], { flushTimeout: "250 millis" }), { said: ["250"], counted: 1 })
    assert.deepStrictEqual(yield* run([5000], { flushTimeout: "150 millis" }), { said: [], counted: 0 })
  })
)

it.effect("a strategy that sends beside the function holds nothing", () =>
  Effect.gen(function* () {
    const strategy = FlushStrategy.endOfInvocationPipelined
    assert.deepStrictEqual(yield* run([500, 500], { strategy }), { said: [], counted: 0 })
  })
)
