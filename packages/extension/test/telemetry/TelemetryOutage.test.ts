/** A backend that is down, for a while or for one batch: what it costs the function, what is kept, what the log says. */
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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime, settableClock } from "../support.ts"

const { delay, invoke, journal, shutdown } = ExtensionTest
const { delivery, log, runtimeDone } = TelemetryTest

/** One invocation with one line, every second. */
const everySecond = (invocations: number, timeout: Duration.Input = "10 seconds") =>
  Array.from({ length: invocations }, (_, index) => [
    invoke({
      timeout,
      delivers: [delivery([log(`line ${index}`), runtimeDone(`request-${index + 1}`)])]
    }),
    delay("1 second")
  ]).flat()

interface Outage {
  readonly invocations: number
  readonly timeout?: Duration.Input
  readonly export: (
    batch: { readonly lines: ReadonlyArray<string>; readonly id: string },
    now: number
  ) => Effect.Effect<void, string>
  readonly retryAfter?: Duration.Input
  readonly options?: Omit<Telemetry.Options<never, never>, "sink">
}

const live = ({ export: send, invocations, options, retryAfter, timeout }: Outage) =>
  Effect.gen(function* () {
    const attempts: Array<number> = []
    const taken: Array<string> = []
    const { layer: logs, messages } = capturedLogs()
    let accounting: TelemetryAccounting.TelemetryAccounting | undefined
    const sink = TelemetrySink.make({
      name: "backend",
      retryAfter: () => retryAfter,
      export: ({ events, id }) =>
        Effect.gen(function* () {
          const lines = events.flatMap((event) => (event.type === "function" ? [String(event.record).trim()] : []))
          const now = yield* Clock.currentTimeMillis
          attempts.push(now)
          yield* send({ id, lines }, now)
          taken.push(...lines)
        })
    })
    yield* runInTime(
      Extension.run({
        layer: TelemetryReceiver.layer(),
        telemetry: Telemetry.make({
          sink,
          grace: 0,
          quiet: 0,
          ...options,
          onAccounting: (last) =>
            Effect.sync(() => {
              accounting = last
            })
        })
      }).pipe(Effect.provide(logs))
    )
    const entries = yield* journal
    const invoked = entries.filter((entry) => entry._tag === "Event" && entry.event.eventType === "INVOKE")
    const nexts = entries.filter(({ _tag }) => _tag === "Next").slice(1)
    return {
      attempts,
      taken,
      /** How long next was held after each event. */
      held: invoked.map(({ at }, index) => (nexts[index]?.at ?? Number.NaN) - at),
      said: messages.filter((message) => !/telemetry: |a flush of telemetry held/.test(message)),
      longFlushes: messages.filter((message) => message.includes("a flush of telemetry held")),
      sink: accounting?.consumers[0],
      lines: Array.from({ length: invocations }, (_, index) => `line ${index}`)
    }
  }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(invocations, timeout), shutdown()])))

/** Nothing is missing, nothing comes twice, and only the batch that nobody answered may come after its successor. */
const assertWhole = ({
  lines,
  taken
}: {
  readonly lines: ReadonlyArray<string>
  readonly taken: ReadonlyArray<string>
}) => {
  const order = taken.map((line) => lines.indexOf(line))
  assert.deepStrictEqual(
    order.toSorted((a, b) => a - b),
    [...lines.keys()]
  )
  assert.isAtMost(order.filter((line, index) => line < (order[index - 1] ?? 0)).length, 1)
}

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
      // The first rest is over when the third invocation ends.
      assert.deepStrictEqual(held.slice(0, 5), [2000, 2000, 2000, 0, 2000])
      // 1, 2, 4, 8, 16, 32 and then 60 seconds of rest.
      const costly = held.filter((millis) => millis > 0)
      assert.isAtMost(costly.length, 17)
      assert.deepStrictEqual([...new Set(costly)], [2000])
      assertWhole({ taken, lines })
      assert.deepInclude(sink, { droppedByQueue: 0, droppedBySink: 0, unsent: 0 })
      assert.lengthOf(said, 2)
      assert.match(said[0]!, /^Warn.*backend did not take a batch: it was not done when next was due; it is kept/)
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
      // It rested when the outage was over.
      const [before = 0, last = 0] = attempts.filter((_, index) => (attempts[index + 1] ?? Infinity) > 50_000)
      assert.isAbove(last - before, 16_000)
    })
  )

  it.effect("whose clock is set back does not rest for as long", () =>
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
      const telemetry = Telemetry.make({ sink, strategy: FlushStrategy.continuous, batch: { maxAge: "1 second" } })
      yield* runInTime(Extension.run({ layer: TelemetryReceiver.layer(), telemetry }))
      assert.lengthOf(attempts, 5)
      assert.isAtMost(attempts[4]! - attempts[3]!, 1000)
    }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(1), delay("1 minute"), shutdown()])))
  )
})

describe("a batch that is refused for ever", () => {
  it.effect.each<[string, Effect.Effect<void, string>]>([
    ["with 500", Effect.fail("answered 500")],
    ["by silence", Effect.never]
  ])("%s: dropped when others pass, and named; the others lose nothing", ([, refusal]) =>
    Effect.gen(function* () {
      const { lines, said, sink, taken } = yield* live({
        invocations: 300,
        export: ({ lines }) => (lines.includes("line 7") ? refusal : Effect.void)
      })
      const missing = lines.filter((line) => !taken.includes(line))
      assert.deepStrictEqual(missing, ["line 7"])
      assert.deepInclude(sink, { droppedBySink: 2, unsent: 0 })
      assert.lengthOf(
        said.filter((message) => /^Error.*but takes others; 2 records are dropped, further/.test(message)),
        1
      )
    })
  )

  it.effect.each<[string, Effect.Effect<void, string>]>([
    ["with 500", Effect.fail("answered 500")],
    ["by silence", Effect.never]
  ])("%s, two after each other: both are dropped, and nothing else", ([, refusal]) =>
    Effect.gen(function* () {
      const { lines, sink, taken } = yield* live({
        invocations: 300,
        export: ({ lines }) => (lines.includes("line 7") || lines.includes("line 8") ? refusal : Effect.void),
        options: { batch: { maxRecords: 2 } }
      })
      assert.deepStrictEqual(
        lines.filter((line) => !taken.includes(line)),
        ["line 7", "line 8"]
      )
      assert.deepInclude(sink, { droppedBySink: 4, unsent: 0 })
    })
  )

  it.effect.each<[string, number, Duration.Input]>([
    ["takes 1.2 s for each", 1200, "10 seconds"],
    ["takes 200 ms for each, of 300 that an invocation has left", 200, "500 millis"]
  ])("is not what a healthy one is, after an outage, where the backend %s", ([, millis, timeout]) =>
    Effect.gen(function* () {
      const { said, sink } = yield* live({
        invocations: 60,
        timeout,
        export: (_, now) => (now < 30_000 ? Effect.fail("answered 500") : Effect.sleep(millis))
      })
      assert.deepInclude(sink, { droppedBySink: 0 })
      assert.isAbove(sink?.delivered ?? 0, 100)
      assert.notInclude(said.join(), "dropped")
    })
  )

  it.effect("is not a batch that only comes at a bad time: the backend recovers between two attempts", () =>
    Effect.gen(function* () {
      let attempts = 0
      // Three flushes of four attempts fail; of the fourth flush all pass.
      const { lines, sink, taken } = yield* live({
        invocations: 60,
        export: () => (++attempts <= 12 ? Effect.fail("answered 500") : Effect.void)
      })
      assertWhole({ taken, lines })
      assert.deepInclude(sink, { droppedBySink: 0, unsent: 0 })
    })
  )
})

describe("a batch that is under suspicion", () => {
  const everyTime = { longestRest: 0, batch: { maxRecords: 2 } }

  it.effect("is so after three flushes in a row, of four attempts each: then another one is tried", () =>
    Effect.gen(function* () {
      const tried: Array<string> = []
      yield* live({
        invocations: 6,
        export: ({ lines }) => {
          tried.push(...lines)
          return lines.includes("line 0") ? Effect.fail("answered 500") : Effect.void
        },
        options: everyTime
      })
      assert.deepStrictEqual(tried.slice(0, 15), [...Array.from({ length: 13 }, () => "line 0"), "line 1", "line 0"])
    })
  )

  it.effect.each<readonly [number, number]>([
    [8, 292],
    [9, 0]
  ])("is compared with others up to eight places behind it: of %d in a row, %d later ones pass", ([refused, passed]) =>
    Effect.gen(function* () {
      const isRefused = (line: string) => Number(line.slice(5)) < refused
      const { taken } = yield* live({
        invocations: 300,
        export: ({ lines }) => (lines.some(isRefused) ? Effect.fail("answered 500") : Effect.void),
        options: everyTime
      })
      assert.lengthOf(taken, passed)
    })
  )

  it.effect("keeps its place if the backend answered last, even if it was silent before", () =>
    Effect.gen(function* () {
      let attempts = 0
      // Three flushes are cut off; in the fourth one this batch and others get an answer.
      const { lines, taken } = yield* live({
        invocations: 12,
        export: () => (++attempts <= 3 ? Effect.never : attempts <= 6 ? Effect.fail("answered 500") : Effect.void),
        options: everyTime
      })
      assert.deepStrictEqual(taken, lines)
    })
  )

  it.effect("is not dropped if only the invocations leave it too little time", () =>
    Effect.gen(function* () {
      // Of each invocation 300 ms are left, and others pass in them.
      const { lines, sink, taken } = yield* live({
        invocations: 60,
        timeout: "500 millis",
        export: ({ lines }, now) =>
          now < 20_000 ? Effect.never : Effect.sleep(lines.includes("line 0") ? "400 millis" : "50 millis"),
        options: { longestRest: 0 }
      })
      assert.deepInclude(sink, { droppedBySink: 0, unsent: 0 })
      assert.sameMembers(taken, lines)
    })
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
      // The first rest is over when the third invocation ends.
      assert.deepStrictEqual(held.slice(0, 5), [800, 800, 800, 0, 800])
      assert.lengthOf(
        said.filter((message) => /^Warn.*it was not done when next was due/.test(message)),
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
      yield* runInTime(
        Extension.run({ layer: TelemetryReceiver.layer(), telemetry: Telemetry.make({ sink }) }).pipe(
          Effect.provide(logs)
        )
      )
      const errors = messages.filter((message) => message.startsWith("Error"))
      assert.deepStrictEqual(errors, [
        "Error: the sink backend did not take a batch: answered 401; 2 records are dropped, further ones only counted",
        "Error: the sink backend did not take a batch: answered 401; 2 records are dropped, further ones only counted"
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
          layer: TelemetryReceiver.layer({ queue: { maxRecords: 20 } }),
          telemetry: Telemetry.make({ sink })
        }).pipe(Effect.provide(logs))
      )
      const full = messages.filter((message) => message.includes("its queue is full"))
      assert.lengthOf(full, 2)
      for (const message of full)
        assert.match(message, /^Warn: more telemetry than the sink backend takes: .*, [1-9]\d* so far$/)
    }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(600), shutdown()])))
  )
})

describe("a backend that is slow", () => {
  it.effect("is no outage: the log says how long it holds invocations, and it is never left alone", () =>
    Effect.gen(function* () {
      const { lines, longFlushes, said, sink, taken } = yield* live({
        invocations: 30,
        // Of two batches of one record each there is time for one.
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
