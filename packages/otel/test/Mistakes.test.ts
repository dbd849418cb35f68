/** Mistakes seen in other mappings of Lambda's telemetry: each is decoded by the official definitions, from both encodings. */
import { TelemetryEvent } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logs from "../src/Logs.ts"
import * as Metrics from "../src/Metrics.ts"
import * as Resource from "../src/Resource.ts"
import { decodeBoth } from "./support/decode.ts"
import { received } from "./support/received.ts"

const time = "2026-11-20T12:00:00.123Z"
const timeNanos = "1795176000123000000"
const observedAt = 1_795_176_000_500
const requestId = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const trace = { traceId: "5759e988bd862e3fe1be46a994272793", spanId: "53995c3f42cd8ad8", flags: 1 }
const place: Logs.Place = { requestId, ...trace, observedAt }
const resource = Resource.make({
  functionName: "orders",
  functionVersion: "$LATEST",
  memorySize: 512,
  region: "eu-central-1",
  accountId: "123456789012"
})

/** The log records of a delivery as a backend reads them. */
const logsOf = Effect.fnUntraced(function* (...records: ReadonlyArray<unknown>) {
  return yield* logsOfText(JSON.stringify(records))
})

const logsOfText = Effect.fnUntraced(function* (body: string) {
  const events = yield* received(body)
  return yield* decodeBoth.logs(
    resource,
    events.flatMap((event) => Logs.of(event, place))
  )
})

const metricsOf = (...records: ReadonlyArray<unknown>) => {
  const events = records.map(TelemetryEvent.decode)
  return decodeBoth.metrics(
    resource,
    events.flatMap((event) => Metrics.of(event, { start: 1_795_175_999_000_000_000n, observedAt }))
  )
}

const function_ = (record: unknown) => ({ time, type: "function", record })

it.effect("1: a time that cannot be read costs no log of the batch, and not its own", () =>
  Effect.gen(function* () {
    const { items } = yield* logsOf(
      function_("a"),
      { time: "yesterday", type: "function", record: "b" },
      function_("c")
    )
    assert.deepStrictEqual(
      items.map(({ body, timeUnixNano }) => [body, timeUnixNano]),
      [
        [{ stringValue: "a" }, timeNanos],
        [{ stringValue: "b" }, "1795176000500000000"],
        [{ stringValue: "c" }, timeNanos]
      ]
    )
    assert.deepInclude(items[1]?.attributes ?? [], { key: "effect_lambda.time", value: { stringValue: "yesterday" } })
  })
)

it.effect("2: a JSON record without a message that is a text keeps all its fields", () =>
  Effect.gen(function* () {
    const { items } = yield* logsOf(function_({ level: "INFO", message: { a: [1, null] }, order: 7 }))
    assert.deepStrictEqual(items[0]?.body, {
      kvlistValue: {
        values: [
          { key: "level", value: { stringValue: "INFO" } },
          {
            key: "message",
            value: {
              kvlistValue: { values: [{ key: "a", value: { arrayValue: { values: [{ intValue: "1" }, {}] } } }] }
            }
          },
          { key: "order", value: { intValue: "7" } }
        ]
      }
    })
  })
)

it.effect("3: the memory of the function is an integer of bytes", () =>
  Effect.gen(function* () {
    const decoded = yield* logsOf(function_("a"))
    assert.deepInclude(decoded.resource, { key: "faas.max_memory", value: { intValue: "536870912" } })
  })
)

it.effect("4: used memory is in units of 1,048,576 bytes", () =>
  Effect.gen(function* () {
    const { items } = yield* metricsOf({
      time,
      type: "platform.report",
      record: { requestId, status: "success", metrics: { durationMs: 1, maxMemoryUsedMB: 100 } }
    })
    assert.deepStrictEqual([items[0]?.name, items[0]?.unit], ["faas.mem_usage", "By"])
    assert.deepInclude(items[0]?.histogram?.dataPoints[0], { sum: 104_857_600, min: 104_857_600, max: 104_857_600 })
  })
)

it.effect("5: a log has the trace of its invocation, and its own if it says one", () =>
  Effect.gen(function* () {
    const own = { trace_id: "0af7651916cd43dd8448eb211c80319c", span_id: "b7ad6b7169203331", trace_flags: "00" }
    const { items } = yield* logsOf(function_("a"), function_({ message: "b", ...own }))
    assert.deepStrictEqual(
      items.map(({ flags, spanId, traceId }) => [traceId, spanId, flags]),
      [
        [trace.traceId, trace.spanId, 1],
        [own.trace_id, own.span_id, 0]
      ]
    )
  })
)

describe("metrics", () => {
  const events = [
    { time, type: "platform.initStart", record: { initializationType: "on-demand", phase: "init" } },
    {
      time,
      type: "platform.initReport",
      record: { initializationType: "on-demand", phase: "init", metrics: { durationMs: 480 } }
    },
    {
      time,
      type: "platform.runtimeDone",
      record: { requestId, status: "success", metrics: { durationMs: 1500, producedBytes: 7 } }
    },
    {
      time,
      type: "platform.report",
      record: {
        requestId,
        status: "success",
        metrics: { durationMs: 1600, billedDurationMs: 2080, maxMemoryUsedMB: 100, restoreDurationMs: 5 },
        spans: [{ name: "extensionOverhead", start: time, durationMs: 100 }]
      }
    },
    { time, type: "platform.logsDropped", record: { droppedBytes: 1, droppedRecords: 1, reason: "slow" } }
  ]

  it.effect("7: no point has the request id, or any other attribute of one invocation", () =>
    Effect.gen(function* () {
      const { items } = yield* metricsOf(...events)
      assert.lengthOf(items, 10)
      const points = items.flatMap(({ histogram, sum }) => [
        ...(histogram?.dataPoints ?? []),
        ...(sum?.dataPoints ?? [])
      ])
      assert.deepStrictEqual(
        points.flatMap(({ attributes = [] }) => attributes),
        []
      )
      assert.notInclude(JSON.stringify(items), requestId)
    })
  )

  it.effect("8: durations are in seconds", () =>
    Effect.gen(function* () {
      const { items } = yield* metricsOf(...events)
      assert.deepStrictEqual(
        items.filter(({ unit }) => unit === "s").map(({ histogram, name }) => [name, histogram?.dataPoints[0]?.sum]),
        [
          ["faas.init_duration", 0.48],
          ["faas.invoke_duration", 1.5],
          ["effect_lambda.billed_duration", 2.08],
          ["effect_lambda.restore_duration", 0.005],
          ["effect_lambda.extension_overhead", 0.1]
        ]
      )
      assert.notMatch(JSON.stringify(items), /"ms"|Ms"/)
    })
  )
})

it.effect("9: a body that is no JSON is a WARN with its text, and costs no neighbour", () =>
  Effect.gen(function* () {
    const { items } = yield* logsOfText(`[${JSON.stringify(function_("a"))},{"time":oops}]`)
    assert.deepStrictEqual(
      items.map(({ body, severityText }) => [body?.stringValue, severityText]),
      [
        ['{"time":oops}]', "WARN"],
        ["a", ""]
      ]
    )
    assert.match(items[0]?.attributes[0]?.value.stringValue ?? "", /^not JSON/)
  })
)

it.effect("11: integers beyond 2^53 are exact: in JSON, in a line of JSON, in a body, beyond 64 bits", () =>
  Effect.gen(function* () {
    const record = `{"message":"a","id":9007199254740993,"deep":[-9223372036854775808],"large":12345678901234567890123,"e":1e300}`
    const body = `{"id":9007199254740993}`
    const event = (json: string) => `{"time":"${time}","type":"function","record":${json}}`
    const { items } = yield* logsOfText(
      `[${event(record)},${event(JSON.stringify(record))},${event(body)},${event("9007199254740993")}]`
    )
    const attributes = [
      { key: "faas.invocation_id", value: { stringValue: requestId } },
      { key: "id", value: { intValue: "9007199254740993" } },
      { key: "deep", value: { arrayValue: { values: [{ intValue: "-9223372036854775808" }] } } },
      { key: "large", value: { stringValue: "12345678901234567890123" } },
      { key: "e", value: { doubleValue: 1e300 } }
    ]
    assert.deepStrictEqual(items[0]?.attributes, attributes)
    assert.deepStrictEqual(items[1]?.attributes, attributes)
    assert.deepStrictEqual(items[2]?.body, {
      kvlistValue: { values: [{ key: "id", value: { intValue: "9007199254740993" } }] }
    })
    assert.deepStrictEqual(items[3]?.body, { intValue: "9007199254740993" })
  })
)
