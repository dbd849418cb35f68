/** The whole output of the mapping, as a backend reads it: by the official definitions, from both encodings. */
import * as Attributes from "@effect-lambda/otel/Attributes"
import * as Resource from "@effect-lambda/otel/Resource"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DecodedAttribute, decodeBoth, type DecodedValue } from "./support/decode.ts"
import * as Records from "./support/records.ts"

const resource = Resource.make({
  functionName: "checkout",
  functionVersion: "7",
  memorySize: 128,
  region: "us-east-1",
  accountId: "123456789012"
})

const phases = [{ name: "responseLatency", start: Records.at(200), durationMs: 30.003 }]
const failed = { status: "error", errorType: "Runtime.ExitError", spans: phases, tracing: Records.tracing }
const { logs, metrics, spans } = Records.fold(
  [
    Records.initStart(0),
    Records.initRuntimeDone(100),
    Records.initReport(150),
    Records.start(200, { functionArn: `${Records.arn}:live`, tracing: Records.tracing }),
    Records.log(210, { level: "ERROR", message: "no stock", order: { id: 7, lines: [1, null] } }),
    Records.event(Records.at(220), "platform.logsDropped", { droppedBytes: 9, droppedRecords: 3, reason: "slow" }),
    Records.runtimeDone(240, failed),
    Records.report(241)
  ],
  Records.context({ xrayParent: "parent" })
)

const textOf = (attributes: ReadonlyArray<DecodedAttribute>, key: string) =>
  attributes.find((each) => each.key === key)?.value.stringValue

describe("what a backend reads", () => {
  it.effect("spans: ids, parents, times and the error", () =>
    Effect.gen(function* () {
      const { items } = yield* decodeBoth.traces(resource, spans)
      assert.deepStrictEqual(
        items.map((span) => [span.name, span.kind, span.parentSpanId, span.startTimeUnixNano, span.endTimeUnixNano]),
        [
          ["init checkout", 1, Records.xrayParentId, Records.nanos(0), Records.nanos(150)],
          ["checkout", 2, Records.xrayParentId, Records.nanos(200), Records.nanos(240)],
          ["responseLatency", 1, Records.tracing.spanId, Records.nanos(200), Records.nanos(230.003)]
        ]
      )
      for (const { traceId } of items) assert.strictEqual(traceId, Records.xrayTraceId)
      assert.deepStrictEqual(
        items.map(({ status }) => status.code),
        [0, 2, 0]
      )
      const [, invocation] = items
      assert.strictEqual(invocation?.spanId, Records.tracing.spanId)
      assert.strictEqual(textOf(invocation!.attributes, "error.type"), "Runtime.ExitError")
      assert.strictEqual(textOf(invocation!.attributes, "cloud.resource_id"), `${Records.arn}:7`)
    })
  )

  it.effect("spans: a link, for a parent that is not ours", () =>
    Effect.gen(function* () {
      const given = Records.context({}, { header: Records.header })
      const { items } = yield* decodeBoth.traces(
        resource,
        Records.fold([Records.start(200), Records.runtimeDone(240)], given).spans
      )
      assert.deepStrictEqual(
        items.map(({ links, parentSpanId }) => [parentSpanId, links.map(({ spanId, traceId }) => [traceId, spanId])]),
        [["", [[Records.xrayTraceId, Records.xrayParentId]]]]
      )
    })
  )

  it.effect("logs: in the span of their invocation, and dropped records", () =>
    Effect.gen(function* () {
      const { items } = yield* decodeBoth.logs(resource, logs)
      assert.deepStrictEqual(
        items.map(({ severityText, spanId, traceId }) => [severityText, traceId, spanId]),
        [
          ["ERROR", Records.xrayTraceId, Records.tracing.spanId],
          ["WARN", "", ""]
        ]
      )
    })
  )

  it.effect("metrics: each with its points", () =>
    Effect.gen(function* () {
      const { items } = yield* decodeBoth.metrics(resource, metrics)
      const names = items.map(({ name }) => name)
      assert.includeMembers(names, ["faas.coldstarts", "faas.errors", "faas.invoke_duration", "faas.mem_usage"])
      assert.notInclude(names, "faas.invocations")
    })
  )
})

describe("a value that a backend reads", () => {
  const plain = (value: DecodedValue | null): unknown => {
    if (value?.kvlistValue !== undefined) {
      return Object.fromEntries(value.kvlistValue.values.map(({ key, value }) => [key, plain(value)]))
    }
    if (value?.arrayValue !== undefined) return value.arrayValue.values.map(plain)
    return value?.stringValue ?? value?.boolValue ?? value?.intValue ?? value?.doubleValue ?? null
  }

  const read = (value: unknown) => {
    const log = { timeUnixNano: "1", observedTimeUnixNano: "1", attributes: [], droppedAttributesCount: 0 }
    return Effect.map(decodeBoth.logs(resource, [{ ...log, body: Attributes.anyValue(value) }]), ({ items }) =>
      plain(items[0]?.body ?? null)
    )
  }

  it.effect.each<readonly [unknown, unknown]>([
    ["a\ud800b", "a\ufffdb"],
    [9_007_199_254_740_993n, "9007199254740993"],
    [-(2n ** 63n), "-9223372036854775808"],
    [2 ** 53, "9007199254740992"],
    [-7, "-7"],
    [1.5, 1.5],
    [1e300, 1e300],
    [true, true],
    [null, null],
    [
      { a: [null, { b: "c" }], d: {} },
      { a: [null, { b: "c" }], d: {} }
    ]
  ])("%s", ([value, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(value), expected)
    })
  )

  it.effect("nested in 1000 maps, with all that is in it", () =>
    Effect.gen(function* () {
      let value: unknown = "inside"
      for (let level = 0; level < 1000; level++) value = { in: value }
      assert.include(JSON.stringify(yield* read(value)), "inside")
    })
  )
})

describe("any log is the same from both encodings", () => {
  const Text = Schema.Union([
    Schema.String,
    Schema.Literals(["", "\ud800", "\udc00\ud800", "__proto__", "message", "level", "trace_id", "timestamp", "é€😀\0"])
  ])
  const Leaf = Schema.Union([Text, Schema.Finite, Schema.Int, Schema.Boolean, Schema.Null])
  const Deep = Schema.Union([Leaf, Schema.Array(Leaf), Schema.Record(Text, Schema.Union([Leaf, Schema.Array(Leaf)]))])
  const Number = Schema.Literals([
    "-0",
    "1.0",
    "1e400",
    "-1e400",
    "5e-324",
    "9007199254740993",
    "-9223372036854775809",
    "1e21"
  ])

  it.effect.prop(
    "as an object, as a line of text, and with a number of any size",
    [Schema.Record(Text, Deep), Number],
    ([record, number]) =>
      Effect.gen(function* () {
        const line = `${JSON.stringify(record).slice(0, -1)}${Object.keys(record).length === 0 ? "" : ","}"number":${number}}`
        const records = [record, JSON.parse(line), line]
        const { logs } = Records.fold(records.map((each, index) => Records.log(index, each)))
        const { items } = yield* decodeBoth.logs(resource, logs)
        assert.lengthOf(items, records.length)
      }),
    { arbitrary: { runs: 20 } }
  )
})
