/** Init, restore, managed instances, and what never ends: a test for each row of the mapping that is about them. */
import { assert, describe, it } from "@effect/vitest"
import * as Records from "./support/records.ts"

const { context, fold, nanos, requestId } = Records
const cold = [Records.initStart(0), Records.initRuntimeDone(100), Records.initReport(150)]
const warm = [Records.start(200), Records.runtimeDone(240), Records.report(241)]
const internal = 1
const server = 2

const shown = (spans: ReturnType<typeof fold>["spans"]) =>
  spans.map(({ endTimeUnixNano, name, startTimeUnixNano, status }) => [
    name,
    startTimeUnixNano,
    endTimeUnixNano,
    status.code
  ])

describe("an on-demand init", () => {
  it("is an INTERNAL span in the trace of the first invocation, beside it under the same parent", () => {
    const given = context({ xrayParent: "parent" })
    const { spans } = fold([...cold, Records.start(200, { tracing: Records.tracing }), Records.runtimeDone(240)], given)
    assert.deepStrictEqual(shown(spans), [
      ["init checkout", nanos(0), nanos(150), 0],
      ["checkout", nanos(200), nanos(240), 0]
    ])
    const [init, invocation] = spans
    assert.deepStrictEqual([init?.kind, init?.traceId], [internal, invocation?.traceId])
    assert.strictEqual(init?.parentSpanId, Records.xrayParentId)
    assert.strictEqual(invocation?.parentSpanId, Records.xrayParentId)
    assert.deepStrictEqual(Records.attributesOf(init!), {
      "effect_lambda.initialization_type": "on-demand",
      "effect_lambda.initialization_phase": "init",
      "effect_lambda.runtime_version": "nodejs:22.v1"
    })
  })

  it("is sent at SHUTDOWN if no invocation comes, in a trace without one", () => {
    const { spans } = fold(cold, context(), 10_000)
    assert.deepStrictEqual(shown(spans), [["init checkout", nanos(0), nanos(150), 0]])
    assert.strictEqual(spans[0]?.parentSpanId, undefined)
  })

  it("without an end is an error at SHUTDOWN", () => {
    const { spans } = fold([Records.initStart(0)], context(), 10_000)
    assert.deepStrictEqual(shown(spans), [["init checkout", nanos(0), nanos(10_000), 2]])
    assert.strictEqual(Records.attributesOf(spans[0]!)["error.type"], "unfinished")
  })

  it("that failed and was repeated in the first invocation is two spans of its trace", () => {
    const { spans } = fold([
      Records.initStart(0),
      Records.initReport(150, { status: "error", errorType: "Runtime.ExitError" }),
      Records.initStart(200, { phase: "invoke" }),
      Records.initRuntimeDone(290, { phase: "invoke" }),
      Records.initReport(300, { phase: "invoke" }),
      Records.start(310),
      Records.runtimeDone(320)
    ])
    assert.deepStrictEqual(shown(spans), [
      ["init checkout", nanos(0), nanos(150), 2],
      ["init checkout", nanos(200), nanos(300), 0],
      ["checkout", nanos(310), nanos(320), 0]
    ])
    assert.strictEqual(new Set(spans.map(({ traceId }) => traceId)).size, 1)
    assert.strictEqual(Records.attributesOf(spans[0]!)["error.type"], "Runtime.ExitError")
  })

  it("that failed twice makes the invocation an error, which its report ends", () => {
    const error = { status: "error", errorType: "Runtime.ExitError" }
    const { metrics, spans } = fold([
      Records.initStart(0),
      Records.initReport(150, error),
      Records.start(310),
      Records.report(320, error)
    ])
    assert.deepStrictEqual(shown(spans), [
      ["init checkout", nanos(0), nanos(150), 2],
      ["checkout", nanos(310), nanos(320), 2]
    ])
    assert.strictEqual(Records.sumsOf(metrics)["faas.errors"], 1)
  })

  it("without a start begins as long before its report as it took", () => {
    const { spans } = fold([Records.initReport(150), ...warm])
    assert.deepStrictEqual(shown(spans)[0], ["init checkout", nanos(0), nanos(150), 0])
  })

  it("has its phases as children", () => {
    const spans = [{ name: "load", start: Records.at(10), durationMs: 5 }]
    const all = fold([
      Records.initStart(0),
      Records.initRuntimeDone(100, { spans }),
      Records.initReport(150),
      ...warm
    ]).spans
    const load = all.find(({ name }) => name === "load")
    assert.strictEqual(load?.parentSpanId, all.find(({ name }) => name === "init checkout")?.spanId)
  })
})

describe("any other init", () => {
  it.each(["provisioned-concurrency", "snap-start", "lambda-managed-instances", "of tomorrow"])(
    "%s: is sent with its report, in a trace without invocations, to which the first invocation has a link",
    (initializationType) => {
      const type = { initializationType }
      const before = [Records.initStart(0, type), Records.initRuntimeDone(100, type), Records.initReport(150, type)]
      const { metrics, spans } = fold(before)
      assert.deepStrictEqual(shown(spans), [["init checkout", nanos(0), nanos(150), 0]])
      assert.strictEqual(Records.sumsOf(metrics)["faas.coldstarts"], undefined)
      const second = { requestId: "00000000-0000-4000-8000-000000000002" }
      const [init, ...invocations] = fold([
        ...before,
        ...warm,
        Records.start(300, second),
        Records.report(400, second)
      ]).spans
      assert.deepStrictEqual(
        invocations.map(({ links }) => links.map(({ spanId }) => spanId)),
        [[init?.spanId], []]
      )
      assert.notStrictEqual(invocations[0]?.traceId, init?.traceId)
      assert.isFalse(Records.attributesOf(invocations[0]!)["faas.coldstart"])
    }
  )

  it("has a link to its own segment of X-Ray", () => {
    const type = { initializationType: "provisioned-concurrency" }
    const [init] = fold([
      Records.initStart(0, { ...type, tracing: Records.tracing }),
      Records.initReport(150, type)
    ]).spans
    assert.deepStrictEqual(
      init?.links.map(({ traceId }) => traceId),
      [Records.xrayTraceId]
    )
  })
})

describe("a restore", () => {
  const day = 86_400_000
  const snapshot = [
    Records.initStart(-day, { initializationType: "snap-start" }),
    Records.initReport(-day + 900, { initializationType: "snap-start" }),
    Records.restoreStart(0),
    Records.restoreRuntimeDone(80),
    Records.restoreReport(90)
  ]

  it("is a span in the trace of the invocation that it was made for; the init before it has a trace without one", () => {
    const { spans } = fold([...snapshot, ...warm])
    assert.deepStrictEqual(shown(spans), [
      ["init checkout", nanos(-day), nanos(-day + 900), 0],
      ["restore checkout", nanos(0), nanos(90), 0],
      ["checkout", nanos(200), nanos(240), 0]
    ])
    const [init, restore, invocation] = spans
    assert.strictEqual(restore?.traceId, invocation?.traceId)
    assert.notStrictEqual(init?.traceId, invocation?.traceId)
    assert.isFalse(Records.attributesOf(invocation!)["faas.coldstart"])
  })

  it("that was begun twice has its report for the second one", () => {
    const { spans } = fold(
      [Records.restoreStart(0), Records.restoreStart(50), Records.restoreReport(90)],
      context(),
      200
    )
    assert.deepStrictEqual(shown(spans), [
      ["restore checkout", nanos(0), nanos(200), 2],
      ["restore checkout", nanos(50), nanos(90), 0]
    ])
  })

  it("that failed is an error", () => {
    const failed = { status: "error", errorType: "Runtime.RestoreHookUserTimeout" }
    const { spans } = fold([Records.restoreStart(0), Records.restoreReport(90, failed)], context(), 100)
    assert.deepStrictEqual(shown(spans), [["restore checkout", nanos(0), nanos(90), 2]])
  })
})

describe("an invocation without runtimeDone", () => {
  it("ends with its report after a reset, with the status of the report, and the report of another process is no span", () => {
    const { metrics, spans } = fold([Records.start(200), Records.report(3200, { status: "timeout" })])
    assert.deepStrictEqual(shown(spans), [["checkout", nanos(200), nanos(3200), 2]])
    assert.strictEqual(Records.attributesOf(spans[0]!)["error.type"], "timeout")
    assert.strictEqual(Records.sumsOf(metrics)["faas.timeouts"], 1)
    assert.deepStrictEqual(fold([Records.report(3200, { status: "timeout" })]).spans, [])
  })

  it("ends at SHUTDOWN as an error, and is counted as one", () => {
    const { metrics, spans } = fold([...cold, Records.start(200)], context(), 3000)
    assert.deepStrictEqual(shown(spans), [
      ["init checkout", nanos(0), nanos(150), 0],
      ["checkout", nanos(200), nanos(3000), 2]
    ])
    assert.strictEqual(spans[1]?.status.message, "the end of the invocation was not reported")
    assert.strictEqual(Records.sumsOf(metrics)["faas.errors"], 1)
  })

  it("ends when Lambda attempts it again", () => {
    const { metrics, spans } = fold([Records.start(200), Records.start(400), Records.runtimeDone(440)])
    assert.deepStrictEqual(shown(spans), [
      ["checkout", nanos(200), nanos(400), 2],
      ["checkout", nanos(400), nanos(440), 0]
    ])
    assert.deepStrictEqual(Records.sumsOf(metrics), { "faas.errors": 1, "faas.invocations": 1 })
  })

  it("is not ended twice by a runtimeDone that comes late", () => {
    const { metrics, spans } = fold([Records.start(200), Records.report(300), Records.runtimeDone(240)], context(), 500)
    assert.lengthOf(spans, 1)
    assert.deepStrictEqual(Records.sumsOf(metrics), { "faas.invocations": 1 })
  })
})

describe("managed instances", () => {
  const type = { initializationType: "lambda-managed-instances" }
  const init = [Records.initStart(0, type), Records.initReport(150, type)]
  const ids = Array.from({ length: 100 }, (_, index) => ({
    requestId: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`
  }))
  const reported = { metrics: { durationMs: 50 } }

  it("100 invocations at once are a span each, from the start to the report, and no log is under a wrong one", () => {
    const { logs, metrics, spans } = fold([
      ...init,
      ...ids.map((id, index) => Records.start(200 + index, id)),
      ...ids.toReversed().map(({ requestId }) => Records.log(320, { message: requestId, requestId })),
      Records.log(330, "a line without an id\n"),
      ...ids.map((id, index) => Records.report(400 + index, { ...id, ...reported }))
    ])
    const invocations = spans.filter(({ kind }) => kind === server)
    assert.deepStrictEqual(
      shown(invocations),
      ids.map((_, index) => ["checkout", nanos(200 + index), nanos(400 + index), 0])
    )
    const spanIds = new Map(invocations.map((span) => [Records.attributesOf(span)["faas.invocation_id"], span.spanId]))
    assert.strictEqual(spanIds.size, 100)
    assert.lengthOf(logs, 101)
    for (const { attributes, body, spanId } of logs.slice(0, 100)) {
      assert.strictEqual(spanId, spanIds.get(body?.stringValue))
      assert.strictEqual(Records.attributesOf({ attributes })["faas.invocation_id"], body?.stringValue)
    }
    assert.strictEqual(logs[100]?.traceId, undefined)
    assert.strictEqual(logs[100]?.spanId, undefined)
    assert.strictEqual(Records.sumsOf(metrics)["faas.invocations"], 100)
  })

  it("a report says the status, and its phases are children", () => {
    const phase = { name: "responseLatency", start: Records.at(200), durationMs: 5 }
    const spans = [phase, { ...phase, name: "extensionOverhead" }]
    const failed = Records.report(250, { ...reported, status: "error", errorType: "Runtime.ExitError", spans })
    const all = fold([...init, Records.start(200), failed]).spans
    assert.deepStrictEqual(shown(all).slice(1), [
      ["checkout", nanos(200), nanos(250), 2],
      ["responseLatency", nanos(200), nanos(205), 0]
    ])
  })

  it("a report whose start was lost is a span as well", () => {
    const { spans } = fold([...init, Records.report(250, reported)])
    assert.deepStrictEqual(shown(spans).slice(1), [["checkout", nanos(200), nanos(250), 0]])
  })
})

describe("a log", () => {
  it("is in the trace of the invocation that runs, until its report", () => {
    const { logs, spans } = fold([
      Records.log(100, "before"),
      Records.start(200),
      Records.log(210, "during"),
      Records.runtimeDone(240),
      Records.log(241, "after"),
      Records.report(242),
      Records.log(243, "between")
    ])
    const { spanId, traceId } = spans[0]!
    assert.deepStrictEqual(
      logs.map((each) => [each.body?.stringValue, each.traceId, each.spanId, each.flags]),
      [
        ["before", undefined, undefined, undefined],
        ["during", traceId, spanId, 1],
        ["after", traceId, spanId, 1],
        ["between", undefined, undefined, undefined]
      ]
    )
  })

  it("is in the trace of the function's SDK, as the span is", () => {
    const sdk = { traceId: "0af7651916cd43dd8448eb211c80319c" }
    const { logs, spans } = fold(
      [Records.start(200), Records.log(210, "x"), Records.runtimeDone(240)],
      context({}, { sdk })
    )
    assert.deepStrictEqual([logs[0]?.traceId, logs[0]?.spanId], [sdk.traceId, spans[0]?.spanId])
  })

  it("with an id that is of no invocation, such as that of an HTTP request, belongs to the invocation that runs", () => {
    const http = { requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", message: "GET /" }
    const { logs, spans } = fold([Records.start(200), Records.log(210, http), Records.runtimeDone(240)])
    assert.deepStrictEqual([logs[0]?.traceId, logs[0]?.spanId], [spans[0]?.traceId, spans[0]?.spanId])
    const attributes = Records.attributesOf(logs[0]!)
    assert.strictEqual(attributes["faas.invocation_id"], requestId)
    assert.strictEqual(attributes["requestId"], http.requestId)
  })

  it("with an id whose start was lost is in the trace of its INVOKE event", () => {
    const { logs } = fold([Records.log(210, { requestId, message: "x" })], context({}, { header: Records.header }))
    assert.deepStrictEqual([logs[0]?.traceId, logs[0]?.spanId], [Records.xrayTraceId, undefined])
  })

  it("that says another invocation is in the trace of that one", () => {
    const second = { requestId: "00000000-0000-4000-8000-000000000002" }
    const { logs, spans } = fold([
      ...warm,
      Records.start(300, second),
      Records.log(310, { requestId, message: "late" })
    ])
    assert.deepStrictEqual([logs[0]?.traceId, logs[0]?.spanId], [spans[0]?.traceId, spans[0]?.spanId])
  })
})

it("a record that comes again gives nothing, be it at once or after the whole batch", () => {
  const dropped = Records.event(Records.at(230), "platform.logsDropped", {
    droppedBytes: 9,
    droppedRecords: 3,
    reason: "slow"
  })
  const batch = [...cold, Records.start(200), dropped, Records.runtimeDone(240), Records.report(241)]
  const once = fold(batch, context(), 1000)
  const often = fold([...batch.flatMap((each) => [each, each]), ...batch, ...batch.toReversed()], context(), 1000)
  assert.deepStrictEqual(often.spans, once.spans)
  assert.deepStrictEqual(often.metrics, once.metrics)
  assert.deepStrictEqual(often.logs, once.logs)
  assert.strictEqual(Records.sumsOf(once.metrics)["effect_lambda.logs_dropped"], 3)
})

it("the windows of metrics do not overlap; that of a record that comes late is empty", () => {
  const second = { requestId: "00000000-0000-4000-8000-000000000002" }
  const third = { requestId: "00000000-0000-4000-8000-000000000003" }
  const late = [Records.start(190, second), Records.runtimeDone(210, second)]
  const { metrics } = fold([...cold, ...warm, ...late, Records.start(400, third), Records.runtimeDone(440, third)])
  const windows = metrics
    .flatMap(({ histogram, sum }) => [sum?.dataPoints ?? [], histogram?.dataPoints ?? []].flat())
    .map(
      ({ startTimeUnixNano, timeUnixNano }) =>
        [BigInt(String(startTimeUnixNano)), BigInt(String(timeUnixNano))] as const
    )
    .filter(([start, end]) => start !== end)
  assert.isAtLeast(windows.length, 5)
  for (const [start, end] of windows) {
    assert.isTrue(start < end)
    for (const [otherStart, otherEnd] of windows) {
      // Points of one record have one window.
      if (otherEnd !== end)
        assert.isTrue(otherEnd <= start || end <= otherStart, `${start} ${end} ${otherStart} ${otherEnd}`)
    }
  }
})
