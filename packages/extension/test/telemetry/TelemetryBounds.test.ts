/** The costs of telemetry in a long run: attempts, questions to the strategy, fibers, memory. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import { memory, runInTime, types } from "../support.ts"

const { delay, invoke, shutdown } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

const sinkOf = (attempt: () => Effect.Effect<unknown, string>) =>
  TelemetrySink.make({ name: "sink", export: () => Effect.asVoid(attempt()) })

describe("attempts", () => {
  const full = Array.from({ length: 30 }, (_, n) => log(String(n)))
  const busy = ExtensionTest.layer([
    invoke({ timeout: "11 minutes", delivers: [delivery([start("request-1"), ...full])] }),
    delay("1 second"),
    shutdown()
  ])

  /** How often a sink is tried, or a strategy asked, in ten minutes with a queue that is full. */
  const count = (strategy: FlushStrategy.FlushStrategy, batch: { maxRecords: number; maxAge: string | number }) =>
    Effect.gen(function* () {
      let attempts = 0
      let questions = 0
      const counting: FlushStrategy.FlushStrategy = {
        ...strategy,
        decide: (situation) => {
          questions++
          return strategy.decide(situation)
        }
      }
      const sink = sinkOf(() => {
        attempts++
        return Effect.fail("no")
      })
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            queue: { maxRecords: 20 },
            sink,
            strategy: counting,
            batch: {
              maxRecords: batch.maxRecords,
              maxAge: typeof batch.maxAge === "number" ? batch.maxAge : "5 seconds"
            },
            retry: Schedule.recurs(0)
          }),
          onInvoke: () => Effect.sleep("10 minutes")
        })
      )
      return { attempts, questions }
    })

  it.effect("a sink that fails at once is not tried in a hot loop", () =>
    Effect.gen(function* () {
      const { attempts } = yield* count(FlushStrategy.continuous, { maxRecords: 10, maxAge: 5000 })
      assert.isAtLeast(attempts, 15)
      assert.isAtMost(attempts, 100)
    }).pipe(Effect.provide(busy))
  )

  it.effect("nor if records are to be sent at once", () =>
    Effect.gen(function* () {
      const { attempts } = yield* count(FlushStrategy.endOfInvocation, { maxRecords: 10, maxAge: 0 })
      assert.isAtLeast(attempts, 15)
      assert.isAtMost(attempts, 100)
    }).pipe(Effect.provide(busy))
  )

  it.effect("a strategy that always keeps is not asked in a hot loop", () =>
    Effect.gen(function* () {
      const keep: FlushStrategy.FlushStrategy = {
        name: "keep",
        mayBeFrozenWhileSending: true,
        needsInvocations: false,
        tickMillis: Infinity,
        decide: () => "keep"
      }
      const { attempts, questions } = yield* count(keep, { maxRecords: 10, maxAge: 5000 })
      assert.isAtMost(questions, 200)
      assert.isAtMost(attempts, 60, "at SHUTDOWN it is sent all the same")
    }).pipe(Effect.provide(busy))
  )
})

describe("thousands of invocations", () => {
  /** Fibers and memory after the first and after all invocations. */
  const measure = (
    count: number,
    telemetry: Telemetry.Telemetry<never, TelemetryTransport.TelemetryTransport>,
    script: (n: number) => ExtensionTest.Step = (n) =>
      invoke({ delivers: [delivery([start(`request-${n}`), log("a"), runtimeDone(`request-${n}`)])] })
  ) =>
    Effect.gen(function* () {
      const seen: Array<{ fibers: number; bytes: number }> = []
      const marks = new Set([count / 10, count])
      let fibers = 0
      const run = Extension.run({
        telemetry,
        onInvoke: ({ requestId }) =>
          marks.has(Number(requestId.slice(8)))
            ? Effect.sync(() => seen.push({ fibers, bytes: memory() }))
            : Effect.void
      })
      yield* runInTime(run).pipe(
        Effect.provideService(Metric.FiberRuntimeMetrics, {
          recordFiberStart: () => fibers++,
          recordFiberEnd: () => fibers--
        }),
        Effect.provide(ExtensionTest.layer([...Array.from({ length: count }, (_, n) => script(n + 1)), shutdown()]))
      )
      const [first, last] = seen
      assert.isDefined(first)
      assert.isDefined(last)
      return { fibers: [first.fibers, last.fibers] as const, grownBy: last.bytes - first.bytes }
    })

  it.effect.each([
    FlushStrategy.endOfInvocation,
    FlushStrategy.endOfInvocationPipelined,
    FlushStrategy.continuous,
    FlushStrategy.periodic(),
    FlushStrategy.adaptive()
  ])("under $name leave no fibers and no memory behind", (strategy) =>
    Effect.gen(function* () {
      const { fibers, grownBy } = yield* measure(
        2000,
        Telemetry.make({ types, sink: sinkOf(() => Effect.void), strategy, grace: 0 })
      )
      assert.isAtMost(fibers[1], fibers[0] + 5)
      // The journal of the test grows by half a kilobyte an invocation, and V8 takes some for its code.
      assert.isBelow(grownBy, 4 * 1024 * 1024)
    })
  )

  it.effect.each([FlushStrategy.endOfInvocationPipelined, FlushStrategy.continuous])(
    "under $name with a sink that hangs leave no fibers behind",
    (strategy) =>
      Effect.gen(function* () {
        const { fibers } = yield* measure(
          1000,
          Telemetry.make({ types, sink: sinkOf(() => Effect.never), strategy, batch: { maxRecords: 1 } })
        )
        assert.isAtMost(fibers[1], fibers[0] + 5)
      })
  )

  it.effect("with many sinks leave no ended flushes behind", () =>
    Effect.gen(function* () {
      // Forty flushes an invocation: kept, they would weigh 4 MiB.
      const sinks = Array.from({ length: 40 }, (_, n) =>
        TelemetrySink.make({ name: `sink ${n}`, export: () => Effect.void })
      )
      const { grownBy } = yield* measure(
        500,
        Telemetry.make({ types, sink: Effect.all(sinks), strategy: FlushStrategy.endOfInvocationPipelined, grace: 0 })
      )
      assert.isBelow(grownBy, 2 * 1024 * 1024)
    })
  )
})
