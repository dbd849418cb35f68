/** A backend that is down for a while: what it costs the function, what is kept, what the log says. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime, settableClock, types } from "../support.ts"
import { everySecond, live, assertWhole } from "./outages.ts"

const { delay, shutdown } = ExtensionTest

const minute = 60_000

const until = (end: number, failure: Effect.Effect<void, string>) => (_: unknown, now: number) =>
  now < end ? failure : Effect.void

describe("a backend that says when to come again", () => {
  const busy = { invocations: 100, export: until(50_000, Effect.fail("busy")) }

  it.effect("is asked then, and not before: no retries, no cost in between", () =>
    Effect.gen(function* () {
      const { attempts, held, lines, said, taken } = yield* live({ ...busy, retryAfter: "20 seconds" })
      assert.deepStrictEqual(attempts.slice(0, 4), [0, 20_000, 40_000, 60_000])
      assert.deepStrictEqual(new Set(held), new Set([0]))
      assert.lengthOf(said, 2)
      assertWhole({ taken, lines })
    })
  )

  it.effect("is not obeyed for longer than longestRest", () =>
    Effect.gen(function* () {
      const { attempts } = yield* live({ ...busy, retryAfter: "1 day", options: { longestRest: "30 seconds" } })
      assert.deepStrictEqual(attempts.slice(0, 3), [0, 30_000, 60_000])
    })
  )

  it.effect.each([
    ["1 second", [0, 1000, 2000, 3000]],
    ["1 day", [0, 2000]]
  ] as const)("is tried at SHUTDOWN, and then when it says: in %s", ([retryAfter, expected]) =>
    Effect.gen(function* () {
      const { attempts, sink } = yield* live({ invocations: 2, export: () => Effect.fail("busy"), retryAfter })
      assert.deepStrictEqual<ReadonlyArray<number>>(attempts, expected)
      assert.deepInclude(sink, { delivered: 0, droppedBySink: 0, waiting: 0, unsent: 4 })
    })
  )

  it.effect("rests longer if it keeps failing", () =>
    Effect.gen(function* () {
      const { attempts } = yield* live({ ...busy, retryAfter: "1 second" })
      assert.deepStrictEqual(attempts.slice(0, 6), [0, 1000, 2000, 4000, 8000, 16_000])
    })
  )
})

describe("a backend that hangs for ten minutes", () => {
  const outage = { invocations: 900, export: until(10 * minute, Effect.never) }

  it.effect("costs the function two flushes and then one a minute at most; nothing is lost", () =>
    Effect.gen(function* () {
      const { held, lines, said, sink, taken } = yield* live(outage)
      // The first rest has ended when the third invocation ends.
      assert.deepStrictEqual(held.slice(0, 5), [2000, 2000, 2000, 0, 2000])
      // 1, 2, 4, 8, 16, 32 and then 60 seconds of rest.
      const costly = held.filter((millis) => millis > 0)
      assert.isAtMost(costly.length, 17)
      assert.deepStrictEqual([...new Set(costly)], [2000])
      assertWhole({ taken, lines })
      assert.deepInclude(sink, { droppedByQueue: 0, droppedBySink: 0, unsent: 0 })
      assert.lengthOf(said, 2)
      assert.match(
        said[0]!,
        /^Warn.*backend did not take a batch: the attempt was not done when next was due; it is kept/
      )
      assert.match(said[1]!, /^Info.*backend takes batches again, after 1[01]m/)
    })
  )

  it.effect("is tried every time if the options say so", () =>
    Effect.gen(function* () {
      const { held, taken, lines } = yield* live({ ...outage, invocations: 300, options: { longestRest: 0 } })
      assert.isAtLeast(held.filter((millis) => millis === 2000).length, 195)
      assertWhole({ taken, lines })
    })
  )

  it.effect("is tried at SHUTDOWN in any case", () =>
    Effect.gen(function* () {
      const { attempts, lines, taken } = yield* live({ invocations: 60, export: until(50_000, Effect.never) })
      assertWhole({ taken, lines })
      // The sink rested when the outage ended.
      const [before = 0, last = 0] = attempts.filter((_, index) => (attempts[index + 1] ?? Infinity) > 50_000)
      assert.isAbove(last - before, 16_000)
    })
  )

  it.effect("causes no rest as long as the time by which the clock is set back", () =>
    Effect.gen(function* () {
      const { clock, set } = yield* settableClock
      let attempts = 0
      const { lines, taken } = yield* live({
        invocations: 60,
        export: () => {
          attempts++
          if (attempts === 3) set(-24 * 60 * minute)
          return attempts <= 3 ? Effect.never : Effect.void
        },
        options: { longestRest: "2 seconds" }
      }).pipe(Effect.provideService(Clock.Clock, clock))
      assertWhole({ taken, lines })
    })
  )
})

describe("a backend that answers 500 for ten minutes", () => {
  it.effect.each([FlushStrategy.endOfInvocation, FlushStrategy.endOfInvocationPipelined, FlushStrategy.periodic()])(
    "$name: is not tried in vain all the time, and gets everything afterwards, in order",
    (strategy) =>
      Effect.gen(function* () {
        const { attempts, held, lines, said, sink, taken } = yield* live({
          invocations: 900,
          export: until(10 * minute, Effect.fail("answered 500")),
          options: { strategy }
        })
        // Each flush has four attempts.
        assert.isAtMost(attempts.filter((at) => at < 10 * minute).length, 17 * 4)
        assert.isAtMost(held.filter((millis) => millis > 0).length, 17)
        assert.deepStrictEqual(taken, lines)
        assert.deepInclude(sink, { droppedBySink: 0, unsent: 0 })
        assert.lengthOf(said, 2)
      })
  )
})

describe("a backend that is down for one flush", () => {
  it.effect("gets the batch soon, also if nothing follows it and no next is held", () =>
    Effect.gen(function* () {
      const attempts: Array<number> = []
      const sink = TelemetrySink.make({
        name: "backend",
        export: () =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            attempts.push(now) <= 4 ? Effect.fail("answered 500") : Effect.void
          )
      })
      const telemetry = Telemetry.make({
        types,
        sink,
        strategy: FlushStrategy.continuous,
        batch: { maxAge: "1 second" }
      })
      yield* runInTime(Extension.run({ telemetry }))
      assert.lengthOf(attempts, 5)
      assert.isAtMost(attempts[4]! - attempts[3]!, 1000)
    }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(1), delay("1 minute"), shutdown()])))
  )
})

describe("a backend that hangs while invocations leave less time than a flush", () => {
  it.effect("also rests, and is named", () =>
    Effect.gen(function* () {
      const { held, said } = yield* live({
        invocations: 10,
        timeout: "1 second",
        export: () => Effect.never
      })
      // The first rest has ended when the third invocation ends.
      assert.deepStrictEqual(held.slice(0, 5), [800, 800, 800, 0, 800])
      assert.lengthOf(
        said.filter((message) => /^Warn.*the attempt was not done when next was due/.test(message)),
        1
      )
    })
  )
})

describe("a backend that refuses for good", () => {
  it.effect("is named once and not for every batch, and again after it has taken one", () =>
    Effect.gen(function* () {
      let batches = 0
      const sink = TelemetrySink.make({
        name: "backend",
        isRetryable: () => false,
        export: () => (++batches === 10 ? Effect.void : Effect.fail("answered 401"))
      })
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink }) }).pipe(Effect.provide(logs)))
      const errors = messages.filter((message) => message.startsWith("Error"))
      assert.deepStrictEqual(errors, [
        "Error: the sink backend did not take a batch: answered 401; 2 records are dropped, and further records are only counted",
        "Error: the sink backend did not take a batch: answered 401; 2 records are dropped, and further records are only counted"
      ])
    }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(20), shutdown()])))
  )
})

describe("a queue that is full", () => {
  it.effect("is said once an outage, while it lasts, with how much is lost", () =>
    Effect.gen(function* () {
      let now = 0
      const sink = TelemetrySink.make({
        name: "backend",
        export: () =>
          Effect.flatMap(Clock.currentTimeMillis, (millis) => {
            now = millis
            const isDown = (now > 10_000 && now < 200_000) || (now > 300_000 && now < 500_000)
            return isDown ? Effect.fail("answered 500") : Effect.void
          })
      })
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, queue: { maxRecords: 20 }, sink })
        }).pipe(Effect.provide(logs))
      )
      const full = messages.filter((message) => message.includes("more telemetry comes than it takes"))
      assert.lengthOf(full, 2)
      for (const message of full)
        assert.match(message, /^Warn: the queue of the sink backend is full: .*, [1-9]\d* so far$/)
    }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(600), shutdown()])))
  )
})

describe("a backend that is slow", () => {
  it.effect("is no outage: the log says how long it holds invocations, and it is never left alone", () =>
    Effect.gen(function* () {
      const { lines, longFlushes, said, sink, taken } = yield* live({
        invocations: 30,
        // The time is enough for one of two batches of one record each.
        export: () => Effect.sleep("1500 millis"),
        options: { batch: { maxRecords: 1 } }
      })
      assert.deepStrictEqual(said, [])
      assert.lengthOf(longFlushes, 1)
      assert.include(longFlushes[0], "a flush of telemetry held the invocation for 2000 ms")
      assert.deepStrictEqual(taken, lines.slice(0, taken.length))
      assert.isAtLeast(sink?.delivered ?? 0, 30)
    })
  )
})
