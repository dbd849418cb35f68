/** The records of an init or a restore in any order: each is one span, and a cold start is counted once. */
import type { TelemetryEvent } from "@effect-lambda/extension/telemetry/TelemetryEvent"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Records from "./support/records.ts"

const { context, fold, nanos, requestId } = Records
const shutdown = 60_000
const second = { requestId: "00000000-0000-4000-8000-000000000002" }
const warm = [Records.start(400), Records.runtimeDone(440), Records.report(441)]
const next = [Records.start(500, second), Records.runtimeDone(540, second), Records.report(541, second)]

const permutations = <A>(values: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  values.length === 0
    ? [[]]
    : values.flatMap((value, index) => permutations(values.toSpliced(index, 1)).map((rest) => [value].concat(rest)))

/** Any order of these records. */
const anyOrder = (records: ReadonlyArray<TelemetryEvent>) =>
  Arbitrary.map(
    Arbitrary.array(Arbitrary.schema(Schema.Int), { minLength: records.length, maxLength: records.length }),
    (keys) => records.map((record, index) => ({ record, key: keys[index] ?? 0 })).toSorted((a, b) => a.key - b.key)
  )

const load = [{ name: "load", start: Records.at(10), durationMs: 5 }]

const init = (initializationType: string) => [
  Records.initStart(0, { initializationType }),
  Records.initRuntimeDone(100, { initializationType, spans: load }),
  Records.initReport(150, { initializationType })
]

const environmentsOf = (spans: ReturnType<typeof fold>["spans"]) =>
  spans.filter(({ name }) => /^(init|restore) /.test(name))

const coldOf = (spans: ReturnType<typeof fold>["spans"]) =>
  spans.flatMap((span) => {
    const attributes = Records.attributesOf(span)
    return attributes["faas.coldstart"] === true ? [attributes["faas.invocation_id"]] : []
  })

describe.each(["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"])(
  "an init, %s, whose three records come in any order",
  (initializationType) => {
    const isOnDemand = initializationType === "on-demand"

    it("before the first invocation is one span with the phases as its children", () => {
      for (const records of permutations(init(initializationType))) {
        const order = records.map(({ type }) => type).join()
        const { metrics, spans, state } = fold([...records, ...warm, ...next], context(), shutdown)
        const [span, ...others] = environmentsOf(spans)
        assert.deepStrictEqual(others, [], order)
        assert.deepStrictEqual([span?.startTimeUnixNano, span?.endTimeUnixNano], [nanos(0), nanos(150)], order)
        const phases = spans.filter(({ name }) => name === "load")
        assert.deepStrictEqual(
          phases.map(({ parentSpanId, traceId }) => [parentSpanId, traceId]),
          [[span?.spanId, span?.traceId]],
          order
        )
        const { "faas.coldstarts": count } = Records.sumsOf(metrics)
        assert.deepStrictEqual([count, coldOf(spans)], isOnDemand ? [1, [requestId]] : [undefined, []], order)
        assert.strictEqual(state.isManaged, initializationType === "lambda-managed-instances", order)
      }
    })

    it("around or after the first invocation is one span, and no cold start of the second invocation", () => {
      for (const records of permutations(init(initializationType))) {
        for (let before = 0; before <= records.length; before++) {
          for (const during of [
            [],
            ...records.slice(before).map((_, index) => records.slice(before, before + index + 1))
          ]) {
            const late = records.slice(before + during.length)
            const all = [...records.slice(0, before), warm[0]!, ...during, ...warm.slice(1), ...late, ...next]
            const order = all.map(({ type }) => type).join()
            const { metrics, spans } = fold(all, context(), shutdown)
            const ids = environmentsOf(spans).map(({ spanId }) => spanId)
            assert.lengthOf(ids, 1, order)
            assert.lengthOf(
              spans.filter(({ name, parentSpanId }) => name === "load" && parentSpanId === ids[0]),
              1,
              order
            )
            assert.strictEqual(Records.sumsOf(metrics)["faas.coldstarts"], isOnDemand ? 1 : undefined, order)
            assert.notInclude(coldOf(spans), second.requestId, order)
          }
        }
      }
    })
  }
)

it("an on-demand init is the same span in each order of its records", () => {
  const all = permutations(init("on-demand")).map((records) => fold([...records, ...warm]).spans)
  for (const spans of all) assert.deepStrictEqual(spans, all[0])
})

it("an on-demand init whose records come after its invocation is in the trace of that invocation", () => {
  const { spans } = fold([...warm, ...init("on-demand"), ...next], context(), shutdown)
  const [ofInit] = environmentsOf(spans)
  const ofInvocation = spans.find((span) => Records.attributesOf(span)["faas.invocation_id"] === requestId)
  assert.strictEqual(ofInit?.traceId, ofInvocation?.traceId)
})

it.each([
  ["while the first invocation runs: that one has a link to it", 1],
  ["after the first invocation: it has a link to that one", 3]
] as const)("a provisioned init whose records come %s", (_, count) => {
  const records = [...warm.slice(0, count), ...init("provisioned-concurrency"), ...warm.slice(count), ...next]
  const { spans } = fold(records, context(), shutdown)
  const [ofInit] = environmentsOf(spans)
  const [first, other] = spans.filter(({ kind }) => kind === 2)
  const linksOf = (span: typeof first) => span?.links.map(({ spanId }) => spanId)
  assert.deepStrictEqual(
    [linksOf(ofInit), linksOf(first), linksOf(other)],
    count === 1 ? [[], [ofInit?.spanId], []] : [[first?.spanId], [], []]
  )
})

describe("an init that failed, and is repeated in the first invocation", () => {
  const again = { phase: "invoke" }
  const records = [
    Records.initStart(0),
    Records.initRuntimeDone(100, { status: "error" }),
    Records.initReport(150, { status: "error" }),
    Records.initStart(200, again),
    Records.initRuntimeDone(290, again),
    Records.initReport(300, { ...again, metrics: { durationMs: 100 } })
  ]

  it.prop("is two spans and one cold start, in any order of the records", [anyOrder(records)], ([order]) => {
    const { metrics, spans } = fold([...order.map(({ record }) => record), ...warm, ...next], context(), shutdown)
    assert.sameDeepMembers(
      environmentsOf(spans).map(({ endTimeUnixNano, startTimeUnixNano, status }) => [
        startTimeUnixNano,
        endTimeUnixNano,
        status.code
      ]),
      [
        [nanos(0), nanos(150), 2],
        [nanos(200), nanos(300), 0]
      ]
    )
    assert.strictEqual(Records.sumsOf(metrics)["faas.coldstarts"], 1)
    assert.deepStrictEqual(coldOf(spans), [requestId])
  })

  it.prop(
    "is two spans and one cold start, also if the records of the invocation come among them",
    [anyOrder([...records, ...warm])],
    ([order]) => {
      const { metrics, spans } = fold([...order.map(({ record }) => record), ...next], context(), shutdown)
      assert.lengthOf(new Set(environmentsOf(spans).map(({ spanId }) => spanId)), 2)
      assert.lengthOf(environmentsOf(spans), 2)
      assert.strictEqual(Records.sumsOf(metrics)["faas.coldstarts"], 1)
      assert.notInclude(coldOf(spans), second.requestId)
    }
  )
})

it("restores one after the other are a span each with their own times, in any order of the records of each", () => {
  const restore = (at: number) =>
    permutations([Records.restoreStart(at), Records.restoreRuntimeDone(at + 80), Records.restoreReport(at + 90)])
  for (const [index, first] of restore(0).entries()) {
    for (const other of [restore(1000)[index], restore(1000).at(-1 - index)]) {
      const { spans } = fold([...first, ...(other ?? [])], context(), shutdown)
      assert.deepStrictEqual(
        spans.map(({ endTimeUnixNano, startTimeUnixNano }) => [startTimeUnixNano, endTimeUnixNano]),
        [0, 1000].map((at) => [nanos(at), nanos(at + 90)])
      )
    }
  }
})

it("a clock that is set back during init makes no second span", () => {
  const { spans } = fold([Records.initStart(1000), Records.initRuntimeDone(900), Records.initReport(950)], context(), 0)
  assert.lengthOf(spans, 1)
})

it.each([
  ["initRuntimeDone", (millis: number) => Records.initRuntimeDone(millis, { phase: "invoke" })],
  ["initReport", (millis: number) => Records.initReport(millis, { phase: "invoke" })],
  ["restoreReport", (millis: number) => Records.restoreReport(millis)]
] as const)("a thousand of %s without a start keep the state small, and are a span each", (_, make) => {
  const records = Array.from({ length: 1000 }, (_, index) => make(index))
  const { spans, state } = fold(records, context(), shutdown)
  assert.isAtMost(state.environments.length, 8)
  assert.lengthOf(new Set(spans.map(({ spanId }) => spanId)), 1000)
})
