/** Log records in protobuf: the same bytes as by Effect. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { LogsData } from "effect/observability/OtlpLogger"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as Schema from "effect/Schema"
import * as Attributes from "../src/Attributes.ts"
import type { LogRecord } from "../src/Logs.ts"
import { layerProtobuf } from "./support/logsLayer.ts"

const bytesBy = (data: LogsData, layer: Layer.Layer<OtlpSerialization.OtlpSerialization>) =>
  Effect.map(OtlpSerialization.OtlpSerialization, ({ logs }) => {
    const body = logs(data)
    assert(body._tag === "Uint8Array", "a body in memory")
    assert.strictEqual(body.contentType, "application/x-protobuf")
    return Buffer.from(body.body).toString("hex")
  }).pipe(Effect.provide(layer))

const assertSame = Effect.fnUntraced(function* (data: LogsData) {
  assert.strictEqual(yield* bytesBy(data, layerProtobuf), yield* bytesBy(data, OtlpSerialization.layerProtobuf))
})

const least: LogRecord = {
  timeUnixNano: "0",
  observedTimeUnixNano: "18446744073709551615",
  attributes: [],
  droppedAttributesCount: 0
}
const resource = { attributes: Attributes.entries({ "service.name": "orders" }), droppedAttributesCount: 0 }
const scope = { name: "a" }
const dataOf = (...logRecords: ReadonlyArray<LogRecord>): LogsData => ({
  resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [...logRecords] }] }]
})

describe("the same bytes", () => {
  const values: ReadonlyArray<unknown> = [
    "",
    "a",
    "a".repeat(200),
    "a".repeat(201),
    "ä€😀",
    `${"a".repeat(199)}ä`,
    "a".repeat(100_000),
    0,
    127,
    128,
    -1,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    9_007_199_254_740_993n,
    -(2n ** 63n),
    2n ** 63n - 1n,
    1.5,
    Number.NaN,
    -Infinity,
    true,
    false,
    null,
    [],
    {},
    [[], [1, [null, "a"]], {}],
    { a: { b: { c: [{ d: 1 }] } } }
  ]

  it.effect.each(
    values.map(
      (value) => [typeof value === "bigint" ? `${value}n` : JSON.stringify(value).slice(0, 40), value] as const
    )
  )("%s", ([, value]) =>
    assertSame(
      dataOf({ ...least, body: Attributes.anyValue(value), attributes: Attributes.entries({ value, "": value }) })
    )
  )

  it.effect("all fields, several records, scopes and resources", () => {
    const whole: LogRecord = {
      ...least,
      timeUnixNano: "1795176000123000000",
      severityNumber: 17,
      severityText: "ERROR",
      body: { bytesValue: new Uint8Array([1, 2, 3]) },
      attributes: Attributes.entries({ a: 1 }),
      droppedAttributesCount: 300,
      flags: 1,
      traceId: "5759e988bd862e3fe1be46a994272793",
      spanId: "53995c3f42cd8ad8"
    }
    const scopes = [
      {
        scope: { name: "a", version: "1", attributes: Attributes.entries({ b: 2 }), droppedAttributesCount: 1 },
        logRecords: [whole, least]
      },
      { scope, schemaUrl: "https://opentelemetry.io/schemas/1.44.0", logRecords: [] }
    ]
    return assertSame({
      resourceLogs: [
        { resource: { ...resource, droppedAttributesCount: 2 }, scopeLogs: scopes, schemaUrl: "b" },
        { resource, scopeLogs: [] }
      ]
    })
  })

  it.effect("nothing", () => assertSame({ resourceLogs: [] }))

  const Value = Schema.Union([Schema.String, Schema.Finite, Schema.Int, Schema.Boolean, Schema.Null])
  const Nested = Schema.Union([Value, Schema.Array(Value), Schema.Record(Schema.String, Schema.Array(Value))])

  it.effect.prop(
    "of any records",
    [Schema.Array(Schema.Record(Schema.String, Nested)), Nested],
    ([records, body]) =>
      assertSame(
        dataOf(
          ...records.map((each) => ({
            ...least,
            body: Attributes.anyValue(body),
            attributes: Attributes.entries(each)
          }))
        )
      ),
    { arbitrary: { runs: 200 } }
  )
})
