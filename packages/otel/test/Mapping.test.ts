/** Records as spans: a test for each row of the mapping that is a span, and for each mistake that others make with them. */
import * as TraceContext from "@effect-lambda/otel/TraceContext"
import { assert, describe, it } from "@effect/vitest"
import * as Records from "./support/records.ts"

const { arn, context, fold, header, nanos, requestId, tracing } = Records
const cold = [Records.initStart(0), Records.initRuntimeDone(100), Records.initReport(150)]
const warm = [Records.start(200), Records.runtimeDone(240), Records.report(241)]
const internal = 1
const server = 2

describe("start and runtimeDone", () => {
  it("are one SERVER span with the name of the function, from the start to runtimeDone", () => {
    const [span, ...others] = fold([
      Records.start(200, { functionArn: `${arn}:live`, tenantId: "tenant-1" }),
      Records.runtimeDone(240)
    ]).spans
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(span, {
      traceId: Records.derivedTraceId,
      spanId: TraceContext.deriveSpanId(requestId, Records.at(200)),
      parentSpanId: undefined,
      name: "checkout",
      kind: server,
      startTimeUnixNano: nanos(200),
      endTimeUnixNano: nanos(240),
      attributes: [
        { key: "faas.invocation_id", value: { stringValue: requestId } },
        { key: "faas.coldstart", value: { boolValue: false } },
        { key: "aws.lambda.invoked_arn", value: { stringValue: `${arn}:live` } },
        { key: "cloud.resource_id", value: { stringValue: `${arn}:7` } },
        { key: "cloud.account.id", value: { stringValue: "123456789012" } },
        { key: "effect_lambda.tenant_id", value: { stringValue: "tenant-1" } }
      ],
      droppedAttributesCount: 0,
      events: [],
      droppedEventsCount: 0,
      status: { code: 0 },
      links: [],
      droppedLinksCount: 0
    })
  })

  it.each<readonly [string, string | undefined, string | undefined]>([
    ["an alias becomes the version", `${arn}:live`, `${arn}:7`],
    ["a version stays", `${arn}:7`, `${arn}:7`],
    ["an ARN without either stays", arn, arn],
    ["no ARN, no resource", undefined, undefined]
  ])("cloud.resource_id: %s", (_, functionArn, expected) => {
    const [span] = fold(warm, context({}, { functionArn })).spans
    assert.strictEqual(Records.attributesOf(span!)["cloud.resource_id"], expected)
    assert.strictEqual(Records.attributesOf(span!)["aws.lambda.invoked_arn"], functionArn)
  })

  it.each<readonly [string, string | undefined, number, string | undefined]>([
    ["success", undefined, 0, undefined],
    ["error", "Runtime.ExitError", 2, "Runtime.ExitError"],
    ["failure", undefined, 2, "failure"],
    ["error", "", 2, "error"],
    ["timeout", undefined, 2, "timeout"],
    ["", undefined, 2, "_OTHER"],
    ["success", "Runtime.ExitError", 0, undefined],
    ["a status of tomorrow", undefined, 2, "a status of tomorrow"]
  ])("status %s with error type %s: code %d, error.type %s", (status, errorType, code, expected) => {
    const [span] = fold([
      Records.start(200),
      Records.runtimeDone(240, { status, ...(errorType !== undefined && { errorType }) })
    ]).spans
    assert.strictEqual(span!.status.code, code)
    assert.strictEqual(Records.attributesOf(span!)["error.type"], expected)
  })

  it("faas.coldstart is true for the first invocation after an on-demand init only", () => {
    const second = { requestId: "00000000-0000-4000-8000-000000000002" }
    const { spans } = fold([...cold, ...warm, Records.start(300, second), Records.runtimeDone(310, second)])
    const invocations = spans.filter(({ kind }) => kind === server)
    assert.deepStrictEqual(
      invocations.map((span) => Records.attributesOf(span)["faas.coldstart"]),
      [true, false]
    )
  })

  it("faas.coldstart is true for the first invocation only, also if its start was lost", () => {
    const second = { requestId: "00000000-0000-4000-8000-000000000002" }
    const { spans } = fold([
      ...cold,
      Records.runtimeDone(240),
      Records.start(300, second),
      Records.runtimeDone(310, second)
    ])
    assert.deepStrictEqual(
      spans.filter(({ kind }) => kind === server).map((span) => Records.attributesOf(span)["faas.coldstart"]),
      [true, false]
    )
  })

  it("a second attempt under the same request id, as Lambda makes it after a failure, has another id in the same trace", () => {
    const { spans } = fold([...warm, Records.start(60_200), Records.runtimeDone(60_240)])
    assert.lengthOf(spans, 2)
    assert.strictEqual(spans[0]?.traceId, spans[1]?.traceId)
    assert.notStrictEqual(spans[0]?.spanId, spans[1]?.spanId)
  })

  it("without a start, the span begins as long before runtimeDone as the function took", () => {
    const span = fold([...cold, Records.runtimeDone(240)]).spans.at(-1)
    assert.deepStrictEqual([span?.startTimeUnixNano, span?.endTimeUnixNano], [nanos(200), nanos(240)])
  })

  it("without a start, before the init of this environment, are of the one that was reset, and it has made the span", () => {
    const { metrics, spans } = fold([Records.runtimeDone(-240), Records.report(-239), ...cold])
    assert.deepStrictEqual(spans, [])
    assert.notProperty(Records.sumsOf(metrics), "faas.invocations")
  })
})

describe("the trace of an invocation", () => {
  it("is that of the record, whose span id is the span's, and the segment of Lambda is a link", () => {
    const other = context({}, { header: "Root=1-00000001-000000000000000000000001;Sampled=0" })
    const [span] = fold([Records.start(200, { tracing }), Records.runtimeDone(240)], other).spans
    assert.deepStrictEqual(
      [span?.traceId, span?.spanId, span?.parentSpanId],
      [Records.xrayTraceId, tracing.spanId, undefined]
    )
    assert.deepStrictEqual(
      span?.links.map(({ spanId, traceId }) => [traceId, spanId]),
      [[Records.xrayTraceId, Records.xrayParentId]]
    )
  })

  it("is that of the INVOKE event if the record has none, though it is not sampled", () => {
    const facts = { header: header.replace("Sampled=1", "Sampled=0") }
    const [span] = fold(warm, context({}, facts)).spans
    assert.deepStrictEqual([span?.traceId, span?.kind], [Records.xrayTraceId, server])
  })

  it("is derived from the request id without either, so there is a span with X-Ray off", () => {
    const [span] = fold(warm).spans
    assert.strictEqual(span?.traceId, Records.derivedTraceId)
    assert.deepStrictEqual(span?.links, [])
  })

  it("the segment of Lambda is the parent when that is asked for", () => {
    const [span] = fold(
      [Records.start(200, { tracing }), Records.runtimeDone(240)],
      context({ xrayParent: "parent" })
    ).spans
    assert.strictEqual(span?.parentSpanId, Records.xrayParentId)
    assert.deepStrictEqual(span?.links, [])
  })

  it.each(["Root=1-x", "", "Root=1-00000000-000000000000000000000000;Sampled=1"])(
    "is derived if the header is %j",
    (value) => {
      const [span] = fold([
        Records.start(200, { tracing: { ...tracing, value, spanId: "0" } }),
        Records.runtimeDone(240)
      ]).spans
      assert.strictEqual(span?.traceId, Records.derivedTraceId)
      assert.isTrue(TraceContext.isSpanId(span?.spanId ?? ""))
    }
  )

  it("has no spans if the sampler says so, and metrics all the same", () => {
    const { metrics, spans } = fold([...cold, ...warm], context({ isSampled: ({ isSampled }) => !isSampled }))
    assert.deepStrictEqual(spans, [])
    assert.strictEqual(Records.sumsOf(metrics)["faas.invocations"], 1)
  })
})

describe("the SERVER span of the function's SDK", () => {
  const sdk = { traceId: "0af7651916cd43dd8448eb211c80319c", parentSpanId: "b7ad6b7169203331" }

  it("has its trace adopted: there is one SERVER span, and ours is INTERNAL beside it", () => {
    const { spans } = fold([...cold, Records.start(200, { tracing }), Records.runtimeDone(240)], context({}, { sdk }))
    for (const span of spans) {
      assert.strictEqual(span.traceId, sdk.traceId)
      assert.strictEqual(span.parentSpanId, sdk.parentSpanId)
      assert.strictEqual(span.kind, internal)
    }
    assert.deepStrictEqual(
      spans.map(({ name }) => name),
      ["init checkout", "checkout"]
    )
    assert.deepStrictEqual(
      spans[1]?.links.map(({ spanId }) => spanId),
      [Records.xrayParentId]
    )
  })

  it("which is a root makes ours a root of the same trace", () => {
    const [span] = fold(warm, context({}, { sdk: { traceId: sdk.traceId } })).spans
    assert.deepStrictEqual([span?.traceId, span?.parentSpanId, span?.kind], [sdk.traceId, undefined, internal])
  })

  it("with the parent that X-Ray gave is the child of ours", () => {
    const facts = { sdk: { traceId: Records.xrayTraceId, parentSpanId: tracing.spanId } }
    const [span] = fold([Records.start(200, { tracing }), Records.runtimeDone(240)], context({}, facts)).spans
    assert.deepStrictEqual([span?.spanId, span?.parentSpanId, span?.kind], [tracing.spanId, undefined, internal])
  })

  it("with an id that is none is passed over", () => {
    const [span] = fold(warm, context({}, { sdk: { traceId: "0".repeat(32) } })).spans
    assert.deepStrictEqual([span?.traceId, span?.kind], [Records.derivedTraceId, server])
  })

  it.each([
    ["always", true, server],
    ["always", false, server],
    ["never", true, internal],
    ["never", false, internal],
    ["auto", true, internal],
    ["auto", false, server]
  ] as const)("serverSpan %s, SDK %s: the kind %d, in the SDK's trace if there is one", (serverSpan, hasSdk, kind) => {
    const [span] = fold(warm, context({ serverSpan }, hasSdk ? { sdk } : {})).spans
    assert.deepStrictEqual([span?.kind, span?.traceId], [kind, hasSdk ? sdk.traceId : Records.derivedTraceId])
  })
})

describe("the phases of runtimeDone", () => {
  const phases = [
    { name: "responseLatency", start: Records.at(200), durationMs: 30.003 },
    { name: "responseDuration", start: "2026-11-03T12:00:00.230003Z", durationMs: 0.5 },
    { name: "runtimeOverhead", start: "no time", durationMs: 9 }
  ]
  const overhead = { name: "extensionOverhead", start: Records.at(240), durationMs: 1 }

  it("are INTERNAL children, to the nanosecond; one without a time begins with its parent and is counted", () => {
    const { spans, state } = fold([
      Records.start(200),
      Records.runtimeDone(240, { spans: phases }),
      Records.report(241, { spans: [overhead] })
    ])
    const [parent, ...children] = spans
    assert.deepStrictEqual(
      children.map((span) => [span.name, span.kind, span.startTimeUnixNano, span.endTimeUnixNano]),
      [
        ["responseLatency", internal, nanos(200), nanos(230.003)],
        ["responseDuration", internal, nanos(230.003), nanos(230.503)],
        ["runtimeOverhead", internal, nanos(200), nanos(209)]
      ]
    )
    for (const child of children) {
      assert.deepStrictEqual([child.traceId, child.parentSpanId], [parent?.traceId, parent?.spanId])
    }
    assert.strictEqual(new Set(spans.map(({ spanId }) => spanId)).size, 4)
    assert.strictEqual(state.badTimes, 1)
  })
})

describe("times that cannot be read", () => {
  it.each<readonly [string, readonly [string, string], readonly [string, string]]>([
    ["the start's: by the duration", ["no time", Records.at(240)], [nanos(200), nanos(240)]],
    ["the end's: by the duration", [Records.at(200), "2026-13-99T99:99:99Z"], [nanos(200), nanos(240)]],
    ["both: by the time at which the record came", ["", "yesterday"], [nanos(3_599_960), nanos(3_600_000)]]
  ])("%s", (_, [startTime, endTime], expected) => {
    const { spans, state } = fold([
      Records.event(startTime, "platform.start", { requestId }),
      Records.event(endTime, "platform.runtimeDone", { requestId, status: "success", metrics: { durationMs: 40 } })
    ])
    assert.strictEqual(spans[0]?.startTimeUnixNano, expected[0])
    assert.strictEqual(spans[0]?.endTimeUnixNano, expected[1])
    assert.strictEqual(state.badTimes, expected[0] === nanos(200) ? 1 : 2)
  })

  it("keep the logs of the batch", () => {
    const { logs, state } = fold([Records.event("no time", "function", "one"), Records.log(1, "two")])
    assert.deepStrictEqual(
      logs.map(({ body }) => body?.stringValue),
      ["one", "two"]
    )
    assert.strictEqual(state.badTimes, 1)
  })

  it("of an end before the start make a span without a duration", () => {
    const [span] = fold([Records.start(200), Records.runtimeDone(100)]).spans
    assert.deepStrictEqual([span?.startTimeUnixNano, span?.endTimeUnixNano], [nanos(200), nanos(200)])
  })

  it("are never outside of what OTLP can hold, whatever duration a record has", () => {
    const metrics = { durationMs: 1e300 }
    const phases = [{ name: "\ud800", start: Records.at(200), durationMs: 1e300 }]
    const spans = fold([...cold, Records.runtimeDone(240, { metrics, spans: phases })]).spans.slice(-2)
    assert.deepStrictEqual(
      spans.map((span) => [span.name, span.startTimeUnixNano, span.endTimeUnixNano]),
      [
        ["checkout", "0", nanos(240)],
        ["\ufffd", nanos(200), String(2n ** 64n - 1n)]
      ]
    )
  })

  it("with microseconds and a zone are exact", () => {
    const [span] = fold([
      Records.event("2026-11-03T13:00:00.123456789+01:00", "platform.start", { requestId }),
      Records.runtimeDone(240)
    ]).spans
    assert.strictEqual(span?.startTimeUnixNano, String(BigInt(nanos(0)) + 123_456_789n))
  })
})
