/** The defaults of telemetry: when it is sent, and how long that may take. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { capturedLogs, runInTime, types } from "../support.ts"
import type { Default } from "./Default.ts"

const { delay, invoke, journal, note, shutdown } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

const stuck = Effect.uninterruptible(Effect.never)
const mebibyte = 1024 * 1024

/** An invocation whose function is done at once. */
const quickly = (n: number) =>
  invoke({ timeout: "10 seconds", delivers: [delivery([start(`request-${n}`), runtimeDone(`request-${n}`)])] })
const quick = quickly(1)

/** Runs with a sink that does this with each batch: when it was called, with how many records, and when next was called. */
const telemetry = (
  script: ReadonlyArray<ExtensionTest.Step>,
  attempt: Effect.Effect<void, string>,
  options: Partial<Telemetry.Options<never, never>> = {},
  retryAfter?: Duration.Input
) =>
  Effect.gen(function* () {
    const beganAt = yield* Clock.currentTimeMillis
    const attempts: Array<number> = []
    const sizes: Array<number> = []
    const sink = TelemetrySink.make({
      name: "sink",
      retryAfter: () => retryAfter,
      export: ({ events }) =>
        Effect.andThen(
          Effect.map(Clock.currentTimeMillis, (now) => {
            attempts.push(now - beganAt)
            sizes.push(events.length)
          }),
          attempt
        )
    })
    const { layer: logs, messages } = capturedLogs()
    const run = Extension.run({
      telemetry: Telemetry.make({ types, ...options, sink })
    }).pipe(Effect.provide(logs))
    yield* runInTime(Effect.andThen(run, note("over")))
    const entries = yield* journal
    return {
      attempts,
      sizes,
      messages,
      nexts: entries.flatMap(({ _tag, at }) => (_tag === "Next" ? [at - beganAt] : [])),
      overAt: entries.findLast(({ _tag }) => _tag === "Note")?.at
    }
  }).pipe(Effect.provide(ExtensionTest.layer(script)))

export const defaults: ReadonlyArray<Default> = [
  {
    module: "Telemetry",
    option: "strategy",
    standard: "`FlushStrategy.endOfInvocation`",
    shows: Effect.gen(function* () {
      const given = yield* telemetry([quick, shutdown()], Effect.void)
      const named = yield* telemetry([quick, shutdown()], Effect.void, { strategy: FlushStrategy.endOfInvocation })
      assert.deepStrictEqual([given.attempts, given.nexts], [named.attempts, named.nexts])
      assert.deepStrictEqual(given.attempts, [25])
    })
  },
  {
    module: "Telemetry",
    option: "batch",
    standard: "1000 records, 1 MiB, 5 seconds",
    shows: Effect.gen(function* () {
      const many = Array.from({ length: 1500 }, () => log("x"))
      const { sizes } = yield* telemetry([shutdown({ delivers: [delivery(many)] })], Effect.void)
      assert.deepStrictEqual(sizes, [1000, 500])
      // The frame of each record included, two are some bytes below a mebibyte, or above.
      const pair = (length: number) => Array.from({ length: 2 }, () => log("x".repeat(length)))
      const frame = JSON.stringify(log("")).length + 1
      const below = yield* telemetry([shutdown({ delivers: [delivery(pair(mebibyte / 2 - frame - 10))] })], Effect.void)
      const above = yield* telemetry([shutdown({ delivers: [delivery(pair(mebibyte / 2 - frame + 10))] })], Effect.void)
      assert.deepStrictEqual([below.sizes, above.sizes], [[2], [1, 1]])
      const long = invoke({ timeout: "15 minutes", delivers: [delivery([start("request-1"), log("old")])] })
      const old = yield* telemetry([long, shutdown()], Effect.void)
      assert.deepStrictEqual([old.attempts, old.sizes], [[5000], [2]])
    })
  },
  {
    module: "Telemetry",
    option: "flushTimeout",
    standard: "2 seconds",
    shows: Effect.gen(function* () {
      const { nexts } = yield* telemetry([quick, shutdown()], stuck, { grace: 0 })
      assert.deepStrictEqual(nexts, [0, 2000])
    })
  },
  {
    module: "Telemetry",
    option: "grace",
    standard: "25 milliseconds",
    shows: Effect.gen(function* () {
      const { nexts } = yield* telemetry([quick, shutdown()], Effect.void)
      assert.deepStrictEqual(nexts, [0, 25])
    })
  },
  {
    module: "Telemetry",
    option: "quiet",
    standard: "200 milliseconds",
    shows: Effect.gen(function* () {
      const { overAt } = yield* telemetry([shutdown()], Effect.void)
      assert.strictEqual(overAt, 200)
    })
  },
  {
    module: "Telemetry",
    option: "onAccounting",
    standard: "a line in the log",
    shows: Effect.gen(function* () {
      const { messages } = yield* telemetry([shutdown()], Effect.void)
      assert.lengthOf(messages, 1)
      assert.match(messages[0] ?? "", /^Info: telemetry: 0 received/)
    })
  },
  {
    module: "Telemetry",
    option: "exportTimeout",
    standard: "5 seconds",
    shows: Effect.gen(function* () {
      const options = { grace: 0, flushTimeout: "1 minute", retry: Schedule.recurs(1) } as const
      const script = [invoke({ timeout: "1 minute", delivers: [delivery([runtimeDone("request-1")])] }), shutdown()]
      const { attempts } = yield* telemetry(script, stuck, options)
      assert.deepStrictEqual(attempts.slice(0, 2), [0, 5000])
    })
  },
  {
    module: "Telemetry",
    option: "retry",
    standard: "three, after 100, 200 and 400 milliseconds",
    shows: Effect.gen(function* () {
      const { attempts } = yield* telemetry([quick, delay("1 minute"), shutdown()], Effect.fail("no"), { grace: 0 })
      assert.deepStrictEqual(
        attempts.filter((at) => at < 60_000),
        [0, 100, 300, 700]
      )
    })
  },
  {
    module: "Telemetry",
    option: "longestRest",
    standard: "1 minute",
    shows: Effect.gen(function* () {
      const everySecond = Array.from({ length: 100 }, (_, n) => [quickly(n + 1), delay("1 second")]).flat()
      const { attempts } = yield* telemetry([...everySecond, shutdown()], Effect.fail("busy"), { grace: 0 }, "1 day")
      assert.deepStrictEqual(attempts.slice(0, 2), [0, 60_000])
    })
  }
]
