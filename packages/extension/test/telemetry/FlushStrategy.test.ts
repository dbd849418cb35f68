/** The decisions of the strategies, from random situations; and what adaptive does to a run. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { runInTime, types } from "../support.ts"

const { adaptive, continuous, endOfInvocation, endOfInvocationPipelined, periodic } = FlushStrategy
const { delay, invoke, note, shutdown } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const minute = 60_000
const moments = ["invoked", "invocationDone", "tick"] as const

const common = { moment: Schema.Literals(moments), waiting: integer(0, 100_000), isBatchDue: Schema.Boolean }

/** Times within an hour, the last flush and the invocations before now or, if the clock was set back, after it. */
const Situation = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      ...common,
      now: integer(0, 60 * minute),
      lastFlushAt: integer(0, 60 * minute),
      invokedAt: Schema.Array(integer(0, 60 * minute)).check(Schema.isMaxLength(FlushStrategy.remembered))
    })
  ),
  (situation): FlushStrategy.Situation => ({
    ...situation,
    invokedAt: situation.invokedAt.toSorted((one, other) => one - other)
  })
)

describe.each([endOfInvocation, endOfInvocationPipelined])("$name", ({ decide }) => {
  it.prop("awaits runtimeDone at the end of every invocation, and at no other moment", [Situation], ([situation]) => {
    assert.strictEqual(decide(situation) === "awaitRuntimeDone", situation.moment === "invocationDone")
  })

  it.prop("sends in between exactly when a batch is due", [Situation], ([situation]) => {
    const sends = decide(situation) === "send"
    assert.strictEqual(sends, situation.moment === "tick" && situation.isBatchDue)
  })
})

describe("the properties of a strategy", () => {
  it("only those that call next while they send may be frozen while sending", () => {
    const mayBe = [endOfInvocation, endOfInvocationPipelined, periodic(), adaptive(), continuous].filter(
      ({ mayBeFrozenWhileSending }) => mayBeFrozenWhileSending
    )
    assert.deepStrictEqual(mayBe, [endOfInvocationPipelined, continuous])
  })

  it("strategies that follow the end of invocations need invocations", () => {
    const need = [endOfInvocation, endOfInvocationPipelined, periodic(), adaptive(), continuous].filter(
      ({ needsInvocations }) => needsInvocations
    )
    assert.deepStrictEqual(
      need.map(({ name }) => name),
      ["endOfInvocation", "endOfInvocationPipelined", "adaptive"]
    )
  })
})

describe("continuous", () => {
  it.prop("sends whenever a batch is due, and never awaits", [Situation], ([situation]) => {
    assert.strictEqual(continuous.decide(situation), situation.isBatchDue ? "send" : "keep")
  })
})

const every = 10_000

describe("periodic", () => {
  it("sends every ten seconds if nothing else is said", () => {
    const at = (now: number) =>
      periodic().decide({ moment: "invocationDone", now, waiting: 1, isBatchDue: false, lastFlushAt: 0, invokedAt: [] })
    assert.deepStrictEqual([at(9999), at(10_000), periodic().tickMillis], ["keep", "send", 10_000])
  })

  const Step = Schema.Struct({ ...common, forward: integer(0, 30_000), back: Schema.NullOr(integer(0, 60 * minute)) })

  it.prop(
    "over a run of moments never awaits, and keeps a while, but not for long",
    [Schema.Array(Step)],
    ([steps]) => {
      const { decide } = periodic(every)
      let now = 100 * minute
      let lastFlushAt = now
      let isSetBack = false
      for (const { back, forward, ...rest } of steps) {
        now += forward
        if (back !== null && back > 0) {
          now -= back
          isSetBack = true
        }
        const decision = decide({ ...rest, now, lastFlushAt, invokedAt: [] })
        const isForced = rest.moment === "tick" && rest.isBatchDue
        assert.notStrictEqual(decision, "awaitRuntimeDone")
        if (decision === "keep") {
          assert.isFalse(isForced, "a batch that is due is sent")
          assert.isBelow(now - lastFlushAt, every)
          assert.isAtLeast(now, lastFlushAt, "a clock that was set back does not stop the flushes")
          continue
        }
        if (!isForced && !isSetBack) assert.isAtLeast(now - lastFlushAt, every)
        lastFlushAt = now
        isSetBack = false
      }
    }
  )
})

describe("adaptive", () => {
  const { decide } = adaptive({ gap: "1 minute", every })
  const frequently = periodic(every)

  it.prop("is endOfInvocation until it remembers 20 invocations", [Situation, integer(0, 19)], ([situation, known]) => {
    const young = { ...situation, invokedAt: Array.from({ length: known }, () => situation.now) }
    assert.strictEqual(decide(young), endOfInvocation.decide(young))
  })

  it.prop(
    "from then on follows the mean distance of the last 20",
    [Situation, integer(0, 2 * minute), integer(0, minute)],
    ([situation, distance, since]) => {
      const invokedAt = Array.from({ length: FlushStrategy.remembered }, (_, n) => n * distance)
      const now = 19 * distance + since
      const known = { ...situation, invokedAt, now }
      const isRare = now / FlushStrategy.remembered >= minute
      assert.strictEqual(decide(known), (isRare ? endOfInvocation : frequently).decide(known))
    }
  )

  it.prop(
    "a clock that was set back makes no invocations frequent",
    [Situation, integer(1, 60 * minute)],
    ([situation, back]) => {
      const invokedAt = Array.from(
        { length: FlushStrategy.remembered },
        (_, n) => situation.now + back + n * 5 * minute
      )
      const known = { ...situation, invokedAt }
      assert.strictEqual(decide(known), endOfInvocation.decide(known))
    }
  )

  /** When each next was called, counted from the event before it, and what was sent between them. */
  const holds = (entries: ReadonlyArray<ExtensionTest.Entry>) => {
    const all: Array<{ held: number; sends: number }> = []
    let eventAt: number | undefined
    let sends = 0
    for (const entry of entries) {
      if (entry._tag === "Note") sends++
      if (entry._tag === "Event") eventAt = entry.at
      if (entry._tag !== "Next" || eventAt === undefined) continue
      all.push({ held: entry.at - eventAt, sends })
      sends = 0
    }
    return all
  }

  const script = (count: number, distance: number, from = 1) => [
    ...Array.from({ length: count }, (_, n) => [
      invoke({
        timeout: "10 seconds",
        delivers: [
          delivery([start(`request-${n + from}`), log("a")]),
          delivery([runtimeDone(`request-${n + from}`)], { after: "100 millis" })
        ]
      }),
      delay(distance)
    ]).flat(),
    shutdown()
  ]

  const run = Effect.gen(function* () {
    const sink = TelemetrySink.make({ name: "sink", export: () => Effect.delay(note("sent"), "30 millis") })
    yield* runInTime(
      Extension.run({
        telemetry: Telemetry.make({ types, sink, strategy: adaptive() }),
        onInvoke: () => Effect.sleep("100 millis")
      })
    )
    return holds(yield* ExtensionTest.journal)
  })

  it.effect("holds next for the flush of each of 25 rare invocations", () =>
    Effect.gen(function* () {
      // The handler and runtimeDone (100), the grace for late lines (25), the flush (30).
      assert.deepStrictEqual(
        yield* run,
        Array.from({ length: 25 }, () => ({ held: 155, sends: 1 }))
      )
    }).pipe(Effect.provide(ExtensionTest.layer(script(25, 2 * minute))))
  )

  it.effect("sends beside the function's work if invocations are frequent, and next waits for the handler only", () =>
    Effect.gen(function* () {
      const all = yield* run
      assert.deepStrictEqual(
        all.slice(0, 19),
        Array.from({ length: 19 }, () => ({ held: 155, sends: 1 }))
      )
      const frequent = all.slice(19)
      assert.strictEqual(frequent.length, 31)
      for (const { held } of frequent) assert.strictEqual(held, 100)
      // Every 20 seconds, and an invocation every 5.
      const sending = frequent.flatMap(({ sends }, index) => (sends > 0 ? [index] : []))
      assert.isAbove(sending.length, 5)
      for (const [index, at] of sending.slice(1).entries()) assert.strictEqual(at - sending[index]!, 4)
    }).pipe(Effect.provide(ExtensionTest.layer(script(50, 5000))))
  )

  it.effect("forgets the rare ones when invocations become frequent", () =>
    Effect.gen(function* () {
      const all = yield* run
      assert.strictEqual(all[0]?.held, 155)
      assert.strictEqual(all.at(-1)?.held, 100)
    }).pipe(Effect.provide(ExtensionTest.layer([...script(22, 140_000).slice(0, -1), ...script(24, 5000, 23)])))
  )
})
