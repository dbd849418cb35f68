/** Lines of text in protobuf: the same bytes as Effect writes of their log records. */
import { assert, it } from "@effect/vitest"
import type { TelemetryEvent } from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as Schema from "effect/Schema"
import { Mapper } from "../src/internal/mapper.ts"
import * as units from "../src/internal/units.ts"
import * as Resource from "../src/Resource.ts"
import * as Records from "./support/records.ts"

const other = "0b5f1c9e-2c8d-4c0e-9a58-3f6d1e7c4b2a"
const head = (id: string, level: string) => `2026-11-03T12:00:00.000Z\t${id}\t${level}\t`

const Head = Schema.Literals([
  "",
  head(Records.requestId, "INFO"),
  head(Records.requestId, "ERROR"),
  head(other, "INFO"),
  // A word that is no level.
  head(Records.requestId, "order"),
  head(other, "order"),
  head("undefined", "WARN"),
  "[WARNING]\t"
])
const Tail = Schema.Literals(["", "\n", "\r\n", "\ud800", "é€😀", "{}", "a".repeat(3000)])

const Line = Schema.Struct({
  kind: Schema.Literal("line"),
  head: Head,
  text: Schema.String,
  tail: Tail,
  type: Schema.Literals(["function", "function", "extension"]),
  time: Schema.Literals([Records.at(1), Records.at(1), Records.at(2), Records.at(3000), "2026-11-03T12:00:00Z", "soon"])
})
const Fields = Schema.Struct({
  kind: Schema.Literal("fields"),
  level: Schema.Literals(["INFO", "ERROR"]),
  message: Schema.String,
  isText: Schema.Boolean
})
const Platform = Schema.Struct({
  kind: Schema.Literals(["start", "report"]),
  requestId: Schema.Literals([Records.requestId, other])
})

type Step = typeof Line.Type | typeof Fields.Type | typeof Platform.Type

const eventOf = (step: Step): TelemetryEvent => {
  switch (step.kind) {
    case "line":
      return Records.event(step.time, step.type, step.head + step.text + step.tail)
    case "fields": {
      const record = { level: step.level, message: step.message, requestId: Records.requestId }
      return Records.log(1, step.isText ? JSON.stringify(record) : record)
    }
    case "start":
      return Records.start(0, { requestId: step.requestId })
    case "report":
      return Records.report(2, { requestId: step.requestId })
  }
}

const { schemaUrl } = Resource
const resource = { attributes: [], droppedAttributesCount: 0 }
const scope = { name: "test", version: "1" }

it.effect.prop(
  "any lines, among records of other kinds",
  [Schema.Array(Schema.Union([Line, Line, Fields, Platform]))],
  ([steps]) =>
    Effect.gen(function* () {
      const serialization = yield* OtlpSerialization.OtlpSerialization
      const mapper = new Mapper({
        settings: Records.context().settings,
        temporality: "delta",
        factsOf: () => ({}),
        prepare: undefined
      })
      const events = steps.map(eventOf)
      mapper.arrived(events, 1_800_000_000_000)
      const logs = events.filter(({ type }) => type === "function" || type === "extension")
      const writing = { signal: "logs", serialization, isJson: false, resource: () => resource, scope, mapper } as const
      const [unit] = units.unitsOf(logs, writing)
      const logRecords = logs.flatMap((event) => mapper.logOf(event) ?? [])
      assert.lengthOf(logRecords, logs.length)
      if (unit === undefined) return assert.lengthOf(logs, 0)
      const expected = serialization.logs({
        resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords, schemaUrl }], schemaUrl }]
      })
      assert(expected._tag === "Uint8Array", "a body in memory")
      assert.deepStrictEqual(Buffer.from(unit.bytes()).toString("hex"), Buffer.from(expected.body).toString("hex"))
    }).pipe(Effect.provide(OtlpSerialization.layerProtobuf)),
  { arbitrary: { runs: 300 } }
)
