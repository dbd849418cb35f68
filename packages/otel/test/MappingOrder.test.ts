/** Records that come twice, late, or in another order, and values that Lambda never sends: each invocation is one span. */
import * as Mapping from "@effect-lambda/otel/Mapping"
import * as TraceContext from "@effect-lambda/otel/TraceContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Resource from "../src/Resource.ts"
import { decodeBoth } from "./support/decode.ts"
import * as Records from "./support/records.ts"

const { context, fold, header, nanos, requestId, tracing } = Records
const cold = [Records.initStart(0), Records.initRuntimeDone(100), Records.initReport(150)]
const start = Records.start(200)
const done = Records.runtimeDone(240)
const report = Records.report(241)
const managed = { initializationType: "lambda-managed-instances" }
const server = 2

describe("an invocation is one span and one outcome, whose records come in the order", () => {
  it.each<readonly [string, ReadonlyArray<ReturnType<typeof Records.event>>, from: number, to: number]>([
    ["start, runtimeDone, report", [...cold, start, done, report], 200, 240],
    ["runtimeDone, start, report", [...cold, done, start, report], 200, 240],
    ["runtimeDone, start", [...cold, done, start], 200, 240],
    ["report, start, runtimeDone", [...cold, report, start, done], 200, 240],
    ["report, runtimeDone, start", [...cold, report, done, start], 200, 240],
    ["start, report, runtimeDone", [...cold, start, report, done], 200, 241],
    ["start, start, runtimeDone", [...cold, start, start, done], 200, 240],
    ["start, runtimeDone, report, another report", [...cold, start, done, report, Records.report(242)], 200, 240],
    ["report, start, on managed instances", [Records.initStart(0, managed), report, start], 201, 241]
  ])("%s", (_, records, from, to) => {
    const { metrics, spans } = fold(records, context(), 1000)
    assert.deepStrictEqual(
      spans
        .filter(({ kind }) => kind === server)
        .map(({ endTimeUnixNano, startTimeUnixNano, status }) => [startTimeUnixNano, endTimeUnixNano, status.code]),
      [[nanos(from), nanos(to), 0]]
    )
    assert.strictEqual(Records.sumsOf(metrics)["faas.invocations"], 1)
    assert.isUndefined(Records.sumsOf(metrics)["faas.errors"])
  })

  it("runtimeDone, start: the logs after it are in that span, until the report", () => {
    const { logs, spans } = fold([...cold, done, start, Records.log(210, "a"), report, Records.log(250, "b")])
    assert.deepStrictEqual(
      logs.map(({ spanId }) => spanId),
      [spans.at(-1)?.spanId, undefined]
    )
  })

  it("start, runtimeDone, twice: a second attempt is in the trace that the SDK of the function has then", () => {
    const first = "0af7651916cd43dd8448eb211c80319c"
    const second = "4bf92f3577b34da6a3ce929d0e0e4736"
    let traceId = first
    const attempts = { ...context(), traceOf: () => ({ sdk: { traceId } }) }
    let [state] = Mapping.step(Mapping.initial, start, attempts)
    const traces = [done, report, Records.start(60_200), Records.runtimeDone(60_240)].flatMap((event) => {
      const [next, { spans }] = Mapping.step(state, event, attempts)
      state = next
      traceId = event === report ? second : traceId
      return spans.map((span) => span.traceId)
    })
    assert.deepStrictEqual(traces, [first, second])
  })

  it("start, runtimeDone, three times: an attempt whose SDK sent nothing is no part of the trace of the one before", () => {
    const [first, third] = [
      { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" },
      // The same trace and no parent: only the id tells that it is another span.
      { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "00f067aa0ba902b7" }
    ]
    let sdk = first
    const attempts = { ...context(), traceOf: () => ({ header, sdk }) }
    let [state] = Mapping.step(Mapping.initial, start, attempts)
    const step = (event: ReturnType<typeof Records.event>) => {
      const [next, signals] = Mapping.step(state, event, attempts)
      state = next
      return signals
    }
    const failed = step(Records.runtimeDone(240, { status: "error" })).spans
    step(Records.report(241))
    step(Records.start(60_200))
    const [line] = step(Records.log(60_210, "second")).logs
    const killed = step(Records.runtimeDone(60_240, { status: "timeout" })).spans
    step(Records.start(180_200))
    const before = step(Records.log(180_210, "third, before its SDK has sent its span")).logs
    sdk = third
    const last = step(Records.runtimeDone(180_240)).spans
    assert.deepStrictEqual(
      [failed, killed, last].flat().map(({ kind, traceId }) => [traceId, kind === server]),
      [
        [first.traceId, false],
        [Records.xrayTraceId, true],
        [third.traceId, false]
      ]
    )
    assert.strictEqual(line?.spanId, killed[0]?.spanId)
    assert.deepStrictEqual(
      [line, ...before].map((log) => log?.traceId),
      [Records.xrayTraceId, Records.xrayTraceId]
    )
  })

  it("runtimeDone without a start, and a start after it: a second attempt is a second span", () => {
    const { metrics, spans } = fold([...cold, done, Records.start(60_200), Records.runtimeDone(60_240)])
    assert.lengthOf(
      spans.filter(({ kind }) => kind === server),
      2
    )
    assert.strictEqual(Records.sumsOf(metrics)["faas.invocations"], 2)
  })
})

describe("an init that is repeated", () => {
  const again = { phase: "invoke" }
  const failed = [Records.initStart(0), Records.initReport(150, { status: "error" })]

  it("in the first invocation, since it failed or took too long, is one cold start", () => {
    const { metrics, spans } = fold([
      ...failed,
      Records.initStart(200, again),
      Records.initReport(300, again),
      Records.start(310),
      Records.runtimeDone(320)
    ])
    assert.strictEqual(Records.sumsOf(metrics)["faas.coldstarts"], 1)
    assert.lengthOf(
      spans.filter((span) => Records.attributesOf(span)["faas.coldstart"] === true),
      1
    )
  })

  it("after a reset is a cold start of its invocation", () => {
    const second = { requestId: "00000000-0000-4000-8000-000000000002" }
    const { metrics, spans } = fold([
      ...cold,
      start,
      Records.report(3200, { status: "timeout" }),
      Records.initStart(4000, again),
      Records.initReport(4100, again),
      Records.start(4200, second),
      Records.runtimeDone(4300, second)
    ])
    assert.strictEqual(Records.sumsOf(metrics)["faas.coldstarts"], 2)
    assert.deepStrictEqual(
      spans.filter(({ kind }) => kind === server).map((span) => Records.attributesOf(span)["faas.coldstart"]),
      [true, true]
    )
  })
})

it("a second environment gives its instance to what comes after it", () => {
  const first = fold(cold).state
  const { state } = fold([...cold, start, done, report, Records.restoreStart(500, { instanceId: "another" })])
  assert.notStrictEqual(first.instanceId, "another")
  assert.strictEqual(state.instanceId, "another")
})

describe("the header of X-Ray", () => {
  const traced = (value: string, sampler: "all" | "xray" = "all") =>
    fold(
      [Records.start(200, { tracing: { ...tracing, value } }), done],
      context(sampler === "all" ? {} : { isSampled: ({ isSampled }) => isSampled })
    ).spans

  it.each([
    ["with a root that is too short", header.replace("2793;", "279;")],
    ["with names in lower case", header.toLowerCase()],
    ["of signs alone", ";;;=;=a;Root"],
    ["of the W3C", `00-${Records.xrayTraceId}-${Records.xrayParentId}-01`]
  ])("%s is none: the trace is derived", (_, value) => {
    assert.strictEqual(traced(value)[0]?.traceId, Records.derivedTraceId)
  })

  it("with its lineage has the trace", () => {
    const value = header.replace("Sampled=1", "Sampled=0;Lineage=1:abcdef12:0")
    assert.strictEqual(traced(value)[0]?.traceId, Records.xrayTraceId)
  })

  it.each([
    ["Sampled=1", 1],
    ["Sampled=0", 0],
    ["Sampled=?", 1],
    ["Self=1", 1]
  ] as const)("%s: %d spans if the decision of X-Ray counts, which only 0 is against", (field, count) => {
    assert.lengthOf(traced(header.replace("Sampled=1", field), "xray"), count)
  })

  it.each(["link", "parent"] as const)("whose parent is the span itself makes no %s of it", (xrayParent) => {
    const value = header.replace(Records.xrayParentId, tracing.spanId)
    const records = [Records.start(200, { tracing: { ...tracing, value } }), done]
    const [span] = fold(records, context({ xrayParent })).spans
    assert.deepStrictEqual([span?.spanId, span?.parentSpanId, span?.links], [tracing.spanId, undefined, []])
  })
})

describe("numbers that no count can be cost no neighbour", () => {
  it.effect.each([
    [1.5, "2"],
    [-3, "0"],
    [1e300, "9007199254740991"]
  ] as const)("dropped records: %d", ([droppedRecords, expected]) =>
    Effect.gen(function* () {
      const dropped = Records.event(Records.at(210), "platform.logsDropped", {
        droppedBytes: 1,
        droppedRecords,
        reason: "x"
      })
      const { metrics } = fold([dropped, start, done])
      const resource = Resource.make({ functionName: "f", functionVersion: "1", memorySize: 128, region: "r" })
      const { items } = yield* decodeBoth.metrics(resource, metrics)
      assert.strictEqual(items[0]?.sum?.dataPoints[0]?.asInt, expected)
      assert.include(
        items.map(({ name }) => name),
        "faas.invocations"
      )
    })
  )

  it("memory beyond every number is left out", () => {
    const metrics = { durationMs: 1, maxMemoryUsedMB: 1e305 }
    assert.deepStrictEqual(
      fold([start, done, Records.report(241, { metrics })]).metrics.filter(({ name }) => name === "faas.mem_usage"),
      []
    )
  })

  it("a duration below zero makes no span that ends before it begins", () => {
    const [span] = fold([...cold, Records.runtimeDone(240, { metrics: { durationMs: -40 } })]).spans.slice(-1)
    assert.isTrue(BigInt(String(span?.startTimeUnixNano)) <= BigInt(String(span?.endTimeUnixNano)))
  })
})

it("a request id of any form has valid ids", () => {
  for (const id of ["", "a", "\ud800", requestId.toUpperCase(), "x".repeat(10_000)]) {
    const [span] = fold([Records.start(200, { requestId: id }), Records.runtimeDone(240, { requestId: id })]).spans
    assert.isTrue(TraceContext.isTraceId(span?.traceId ?? "") && TraceContext.isSpanId(span?.spanId ?? ""), id)
  }
})
