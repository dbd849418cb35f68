/** The metrics of functions from records of the Telemetry API. */
import { TelemetryEvent } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Metrics from "../src/Metrics.ts"

const time = "2026-11-20T12:00:00.123Z"
const timeNanos = "1795176000123000000"
const start = 1_795_175_999_000_000_000n
const observedAt = 1_795_176_000_500
const requestId = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const MiB = 1_048_576

const eventOf = (type: string, record: object, at = time) => {
  const event = TelemetryEvent.decode({ time: at, type: `platform.${type}`, record })
  assert.strictEqual(event.type, `platform.${type}`)
  return event
}
const initStart = (initializationType: string) => eventOf("initStart", { initializationType, phase: "init" })
const runtimeDone = (status: string, durationMs = 120, at = time) =>
  eventOf("runtimeDone", { requestId, status, metrics: { durationMs, producedBytes: 2048 } }, at)
const report = (metrics: object = {}, others: object = { status: "success" }) =>
  eventOf("report", { requestId, metrics: { durationMs: 250, ...metrics }, ...others })

/** What is told apart of points: the name, the unit, and the value. */
const values = (metrics: ReadonlyArray<Metrics.Metric>) =>
  metrics.map(({ histogram, name, sum, unit }) => [
    name,
    unit,
    sum?.dataPoints[0]?.asInt ?? histogram?.dataPoints[0]?.sum
  ])

describe("each event gives its points", () => {
  const ends = (name: string, unit: string, durationMs: number) => [
    [name, unit, 1],
    ["faas.invoke_duration", "s", durationMs / 1000]
  ]
  const answer = ["effect_lambda.produced_bytes", "By", 2048]

  it.each<readonly [string, TelemetryEvent.TelemetryEvent, points: ReadonlyArray<unknown>]>([
    ["success", runtimeDone("success"), [...ends("faas.invocations", "{invocation}", 120), answer]],
    ["failure", runtimeDone("failure"), [...ends("faas.errors", "{error}", 120), answer]],
    ["error", runtimeDone("error"), [...ends("faas.errors", "{error}", 120), answer]],
    ["timeout", runtimeDone("timeout"), [...ends("faas.timeouts", "{timeout}", 120), answer]],
    ["a status of a later Lambda", runtimeDone("throttled"), [...ends("faas.errors", "{error}", 120), answer]],
    ["no metrics", eventOf("runtimeDone", { requestId, status: "success" }), [["faas.invocations", "{invocation}", 1]]],
    [
      "an answer of nothing",
      eventOf("runtimeDone", { requestId, status: "success", metrics: { durationMs: 1, producedBytes: 0 } }),
      [...ends("faas.invocations", "{invocation}", 1), ["effect_lambda.produced_bytes", "By", 0]]
    ],
    ["a cold start", initStart("on-demand"), [["faas.coldstarts", "{coldstart}", 1]]],
    ["provisioned concurrency", initStart("provisioned-concurrency"), []],
    ["SnapStart", initStart("snap-start"), []],
    ["managed instances", initStart("lambda-managed-instances"), []],
    [
      "the end of init",
      eventOf("initReport", { initializationType: "on-demand", phase: "init", metrics: { durationMs: 480.88 } }),
      [["faas.init_duration", "s", 0.48088]]
    ],
    ["a report", report({ maxMemoryUsedMB: 100 }), [["faas.mem_usage", "By", 100 * MiB]]],
    [
      "all of a report",
      report(
        { billedDurationMs: 251, memorySizeMB: 512, maxMemoryUsedMB: 100, restoreDurationMs: 300 },
        { status: "timeout", spans: [{ name: "extensionOverhead", start: time, durationMs: 0.003 }] }
      ),
      [
        ["faas.mem_usage", "By", 100 * MiB],
        ["effect_lambda.billed_duration", "s", 0.251],
        ["effect_lambda.restore_duration", "s", 0.3],
        ["effect_lambda.extension_overhead", "s", 0.000003]
      ]
    ],
    ["values that are null", report({ maxMemoryUsedMB: null, billedDurationMs: null }), []],
    [
      "dropped records",
      eventOf("logsDropped", { droppedBytes: 9, droppedRecords: 3, reason: "slow" }),
      [["effect_lambda.logs_dropped", "{record}", 3]]
    ],
    ["a start", eventOf("start", { requestId }), []],
    ["a log", TelemetryEvent.decode({ time, type: "function", record: "a" }), []],
    ["no event", TelemetryEvent.decode(7), []]
  ])("%s", (_, event, points) => assert.deepStrictEqual(values(Metrics.of(event, { start, observedAt })), points))

  it.each<readonly [string, TelemetryEvent.TelemetryEvent, points: ReadonlyArray<unknown>]>([
    ["its status", report({}, { status: "timeout" }), ends("faas.timeouts", "{timeout}", 250)],
    ["no status", report({}, {}), ends("faas.invocations", "{invocation}", 250)],
    ["an error and no status", report({}, { errorType: "A" }), ends("faas.errors", "{error}", 250)]
  ])("a report that ends an invocation, with %s", (_, event, points) => {
    assert.deepStrictEqual(values(Metrics.of(event, { start, observedAt, isEnd: true })), points)
  })
})

it("a sum is a delta from the start to the time of the event", () => {
  const [invocations] = Metrics.of(runtimeDone("success"), { start, observedAt })
  assert.deepStrictEqual(invocations, {
    name: "faas.invocations",
    description: "Number of successful invocations",
    unit: "{invocation}",
    sum: {
      dataPoints: [{ attributes: [], startTimeUnixNano: String(start), timeUnixNano: timeNanos, asInt: 1 }],
      aggregationTemporality: 1,
      isMonotonic: true
    }
  })
})

it("a duration is a histogram in seconds with the bounds of the conventions, the least and the most", () => {
  const [, duration] = Metrics.of(runtimeDone("success", 120), { start, observedAt })
  assert.deepStrictEqual(duration?.histogram, {
    dataPoints: [
      {
        attributes: [],
        startTimeUnixNano: String(start),
        timeUnixNano: timeNanos,
        count: 1,
        sum: 0.12,
        min: 0.12,
        max: 0.12,
        explicitBounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
        bucketCounts: [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
      }
    ],
    aggregationTemporality: 1
  })
})

it.each([
  [0, 0],
  [5, 0],
  [5.001, 1],
  [10_000, 13],
  [10_000.001, 14],
  [900_000, 14]
])("%s ms are in bucket %s: a bound is in the bucket below it", (durationMs, bucket) => {
  const [, duration] = Metrics.of(runtimeDone("success", durationMs), { start, observedAt })
  assert.strictEqual(duration?.histogram?.dataPoints[0]?.bucketCounts?.indexOf(1), bucket)
})

it("memory has bounds from 16 MiB to 8 GiB", () => {
  const [memory] = Metrics.of(report({ maxMemoryUsedMB: 128 }), { start, observedAt })
  const [point] = memory?.histogram?.dataPoints ?? []
  assert.deepStrictEqual(
    point?.explicitBounds,
    [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192].map((size) => size * MiB)
  )
  assert.strictEqual(point?.bucketCounts?.indexOf(1), 3)
})

describe("times", () => {
  const windowOf = (at: string, from: bigint) => {
    const [metric] = Metrics.of(runtimeDone("success", 1, at), { start: from, observedAt })
    const [point] = metric?.sum?.dataPoints ?? []
    return [point?.startTimeUnixNano, point?.timeUnixNano]
  }

  it("an event before the start of the window has a window of no length", () => {
    assert.deepStrictEqual(windowOf(time, start + 10n ** 12n), [timeNanos, timeNanos])
  })

  it("a time that cannot be read is that of the observation", () => {
    assert.deepStrictEqual(windowOf("yesterday", start), [String(start), "1795176000500000000"])
  })
})

const later = "2026-11-20T12:00:01.000Z"
const laterNanos = "1795176001000000000"

describe("the points of a batch", () => {
  it("are one point of each metric: deltas are added, from the first start to the last time", () => {
    const merged = Metrics.merge([
      ...Metrics.of(runtimeDone("success", 200.2, later), { start: start + 5n, observedAt }),
      ...Metrics.of(runtimeDone("success", 100.1), { start, observedAt }),
      ...Metrics.of(runtimeDone("timeout", 3000), { start, observedAt })
    ])
    assert.deepStrictEqual(values(merged), [
      ["faas.invocations", "{invocation}", 2],
      ["faas.invoke_duration", "s", 3.3003],
      ["effect_lambda.produced_bytes", "By", 6144],
      ["faas.timeouts", "{timeout}", 1]
    ])
    const [invocations, duration] = merged
    assert.deepStrictEqual(invocations?.sum?.dataPoints, [
      { attributes: [], startTimeUnixNano: String(start), timeUnixNano: laterNanos, asInt: 2 }
    ])
    const [point] = duration?.histogram?.dataPoints ?? []
    assert.deepInclude(point, {
      count: 3,
      min: 0.1001,
      max: 3,
      startTimeUnixNano: String(start),
      timeUnixNano: laterNanos
    })
    assert.deepStrictEqual(point?.bucketCounts, [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0])
  })

  it("that are cumulative: the last one", () => {
    const [first, points] = Metrics.accumulate(
      Metrics.noTotals,
      Metrics.of(runtimeDone("success"), { start, observedAt })
    )
    const [, next] = Metrics.accumulate(first, Metrics.of(runtimeDone("success", 1, later), { start, observedAt }))
    assert.deepStrictEqual(Metrics.merge([...points, ...next]), next)
  })

  it.effect.prop(
    "have the same sums however the events are cut into batches",
    [Schema.NonEmptyArray(Schema.Natural), Schema.Natural],
    ([micros, cut]) =>
      Effect.sync(() => {
        const all = micros.map((micro) =>
          Metrics.of(runtimeDone("success", (micro % 900_000_000) / 1000), { start, observedAt })
        )
        const at = cut % all.length
        const batches = [all.slice(0, at), all.slice(at)].map((batch) => Metrics.merge(batch.flat()))
        assert.deepStrictEqual(Metrics.merge(batches.flat()), Metrics.merge(all.flat()))
      })
  )

  it("nothing is nothing", () => assert.deepStrictEqual(Metrics.merge([]), []))
})

describe("cumulative points", () => {
  const deltas = [
    Metrics.of(runtimeDone("success", 100), { start, observedAt }),
    Metrics.of(report({ maxMemoryUsedMB: 64 }), { start: start + 1n, observedAt }),
    Metrics.of(runtimeDone("success", 200, later), { start: start + 2n, observedAt })
  ]

  it("have all since the first start, and come for what changed", () => {
    let totals = Metrics.noTotals
    const points = deltas.map((each) => {
      const [next, changed] = Metrics.accumulate(totals, each)
      totals = next
      return changed
    })
    assert.deepStrictEqual(points.map(values), [
      [
        ["faas.invocations", "{invocation}", 1],
        ["faas.invoke_duration", "s", 0.1],
        ["effect_lambda.produced_bytes", "By", 2048]
      ],
      [["faas.mem_usage", "By", 64 * MiB]],
      [
        ["faas.invocations", "{invocation}", 2],
        ["faas.invoke_duration", "s", 0.3],
        ["effect_lambda.produced_bytes", "By", 4096]
      ]
    ])
    const [invocations, duration] = points[2] ?? []
    assert.deepStrictEqual(invocations?.sum, {
      dataPoints: [{ attributes: [], startTimeUnixNano: String(start), timeUnixNano: laterNanos, asInt: 2 }],
      aggregationTemporality: 2,
      isMonotonic: true
    })
    assert.strictEqual(duration?.histogram?.aggregationTemporality, 2)
    assert.deepInclude(duration?.histogram?.dataPoints[0], { count: 2, min: 0.1, max: 0.2 })
  })

  it("the sums before are not changed", () => {
    const [first = []] = deltas
    const [totals] = Metrics.accumulate(Metrics.noTotals, first)
    const before = structuredClone([...totals])
    Metrics.accumulate(totals, first)
    assert.deepStrictEqual([...totals], before)
    assert.strictEqual(Metrics.noTotals.size, 0)
  })
})
