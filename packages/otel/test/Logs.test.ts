/** Log records of OpenTelemetry from records of the Telemetry API. */
import { TelemetryEvent } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Attributes from "../src/Attributes.ts"
import * as Logs from "../src/Logs.ts"

const time = "2026-11-20T12:00:00.123Z"
const timeNanos = "1795176000123000000"
const observedAt = 1_795_176_000_500
const observedNanos = "1795176000500000000"
const id = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const otherId = "00000000-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const span = { traceId: "5759e988bd862e3fe1be46a994272793", spanId: "53995c3f42cd8ad8", flags: 1 }
const place: Logs.Place = { requestId: id, ...span, observedAt }

const function_ = (record: unknown) => TelemetryEvent.decode({ time, type: "function", record })
const recordOf = (event: TelemetryEvent.TelemetryEvent, where: Logs.Place = place) => {
  const [record, ...others] = Logs.of(event, where)
  assert.deepStrictEqual(others, [])
  assert.isDefined(record)
  return record
}
const text = (value: string) => ({ stringValue: value })
const attributes = (record: Logs.LogRecord) => new Map(record.attributes.map(({ key, value }) => [key, value]))

it("a line of text is the body, without its line break, in the span of the invocation that runs", () => {
  assert.deepStrictEqual(recordOf(function_("hello\n")), {
    timeUnixNano: timeNanos,
    observedTimeUnixNano: observedNanos,
    ...span,
    body: text("hello"),
    attributes: [{ key: "faas.invocation_id", value: text(id) }],
    droppedAttributesCount: 0
  })
})

it("Lambda's JSON: the message is the body, and what is not said elsewhere is an attribute", () => {
  const record = {
    timestamp: "2026-11-20T12:00:00.100Z",
    level: "WARN",
    requestId: id,
    message: "slow",
    order: { id: 7 }
  }
  assert.deepStrictEqual(recordOf(function_(record)), {
    timeUnixNano: "1795176000100000000",
    observedTimeUnixNano: observedNanos,
    severityText: "WARN",
    severityNumber: 13,
    ...span,
    body: text("slow"),
    attributes: [
      { key: "faas.invocation_id", value: text(id) },
      { key: "order", value: { kvlistValue: { values: [{ key: "id", value: { intValue: 7 } }] } } }
    ],
    droppedAttributesCount: 0
  })
})

it("a line of text that is JSON is read as the JSON is", () => {
  const record = { level: 30, time: 1, msg: "slow", timestamp: time, list: [1, null] }
  assert.deepStrictEqual(recordOf(function_(`${JSON.stringify(record)}\n`)), recordOf(function_(record)))
})

it("a record of an extension says so", () => {
  const record = recordOf(TelemetryEvent.decode({ time, type: "extension", record: "hello\n" }))
  assert.deepStrictEqual(attributes(record).get("effect_lambda.log_type"), text("extension"))
})

describe("severity: the number by the level, the text as written", () => {
  it.each<readonly [record: unknown, number: number | undefined, text: string | undefined]>([
    [{ level: "TRACE" }, 1, "TRACE"],
    [{ level: "debug" }, 5, "debug"],
    [{ level: "Information" }, 9, "Information"],
    [{ level: "WARNING" }, 13, "WARNING"],
    [{ level: "warn" }, 13, "warn"],
    [{ severity: "ERROR" }, 17, "ERROR"],
    [{ level: "FATAL" }, 21, "FATAL"],
    [{ level: "CRITICAL" }, 21, "CRITICAL"],
    [{ level: 10 }, 1, "10"],
    [{ level: 20 }, 5, "20"],
    [{ level: 30 }, 9, "30"],
    [{ level: 40 }, 13, "40"],
    [{ level: 50 }, 17, "50"],
    [{ level: "60" }, 21, "60"],
    [{ level: "notice" }, undefined, "notice"],
    [`${time}\t${id}\tfail\tboom\n`, 17, "fail"],
    ["[WARNING]\tslow\n", 13, "WARNING"],
    ["boom\n", undefined, undefined],
    [{ level: {} }, undefined, undefined],
    [{ level: ["ERROR"] }, undefined, undefined],
    [{ level: null }, undefined, undefined],
    [{ level: null, severity: "WARN" }, 13, "WARN"],
    [{ level: "", severity: "WARN" }, 13, "WARN"],
    [{ level: 35 }, 9, "35"],
    [{ level: 0 }, undefined, "0"],
    [{ level: -10 }, undefined, "-10"],
    [{ level: 70 }, undefined, "70"],
    [{ level: "\ud800" }, undefined, "\ufffd"]
  ])("%j", (record, number, written) => {
    const { severityNumber, severityText } = recordOf(function_(record))
    assert.deepStrictEqual([severityNumber, severityText], [number, written])
  })
})

describe("the body", () => {
  it.each<readonly [string, unknown, unknown, names: ReadonlyArray<string>]>([
    ["a message", { message: "a", n: 1 }, "a", ["n"]],
    ["the message of pino", { msg: "a", n: 1 }, "a", ["n"]],
    ["a message before one of pino", { msg: "a", message: "b" }, "b", ["msg"]],
    ["a message that is no text beside one of pino", { msg: "a", message: { b: 1 } }, "a", ["message"]],
    ["an empty message", { message: "", n: 1 }, "", ["n"]],
    ["no message: the whole record", { level: "INFO", n: 1, deep: { a: [1, "b", true, null, 1.5] } }, undefined, []],
    ["a message that is no text: the whole record", { message: { a: 1 }, n: 1 }, undefined, []],
    ["no fields", {}, undefined, []],
    ["a list", [1, { a: 2 }], undefined, []],
    ["a number", 7, undefined, []],
    ["null", null, undefined, []],
    ["text that only begins like JSON", '{"message":"a"', '{"message":"a"', []],
    ["a list as a line of text", "[1]", "[1]", []],
    ["JSON too deep to read, as a line of text", '{"a":'.repeat(2000), '{"a":'.repeat(2000), []],
    ["an empty line", "", "", []],
    ["a message that is null", { message: null, msg: "a" }, "a", ["message"]],
    ["a message that is a list", { message: ["a"], n: 1 }, undefined, []],
    ["JSON behind a mark of the order of bytes", '\ufeff{"message":"a"}', '\ufeff{"message":"a"}', []],
    ["a line of 256 KiB", "a".repeat(262_144), "a".repeat(262_144), []]
  ])("%s", (_, record, body, names) => {
    const log = recordOf(function_(record))
    assert.deepStrictEqual(log.body, Attributes.anyValue(body === undefined ? record : body))
    assert.deepStrictEqual([...attributes(log).keys()], ["faas.invocation_id", ...names])
  })
})

describe("the time: the record's if it has a zone and is near that of the event", () => {
  it.each<readonly [timestamp: unknown, nanos: string]>([
    ["2026-11-20T12:00:00Z", "1795176000000000000"],
    ["2026-11-20T12:00:00.100200300Z", "1795176000100200300"],
    ["2026-11-20T13:00:00.1+01:00", "1795176000100000000"],
    ["2026-11-20 12:00:00,100+0000", "1795176000100000000"],
    ["2026-11-20T12:15:00.123Z", "1795176900123000000"],
    ["2026-11-20T11:45:00.123Z", "1795175100123000000"],
    // The same by the clock of another zone, too far, or no time.
    ["2026-11-20T12:16:00.123Z", timeNanos],
    ["2026-11-20T12:00:00.100+24:00", timeNanos],
    ["1795176000100", timeNanos],
    ["2026-11-20T12:00:00.100", timeNanos],
    ["2026-11-20T12:15:00.124Z", timeNanos],
    ["2026-11-20T11:45:00.122Z", timeNanos],
    ["2026-13-20T12:00:00Z", timeNanos],
    ["yesterday", timeNanos],
    [1_795_176_000_100, timeNanos],
    [null, timeNanos]
  ])("%s", (timestamp, nanos) => {
    const log = recordOf(function_({ timestamp, message: "a" }))
    assert.strictEqual(log.timeUnixNano, nanos)
    assert.strictEqual(log.observedTimeUnixNano, observedNanos)
    // A timestamp that is not used stays.
    assert.deepStrictEqual(
      attributes(log).get("timestamp"),
      nanos === timeNanos ? Attributes.anyValue(timestamp) : undefined
    )
  })
})

describe("fields of any name", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "length", "", "\0"])(
    "%j is an attribute",
    (name) => {
      const record: unknown = JSON.parse(`{"message":"a",${JSON.stringify(name)}:{"message":"b","level":"ERROR"}}`)
      for (const each of [record, JSON.stringify(record)]) {
        const log = recordOf(function_(each))
        assert.deepStrictEqual(log.body, text("a"))
        assert.isUndefined(log.severityText)
        assert.deepStrictEqual(attributes(log).get(name), Attributes.anyValue({ message: "b", level: "ERROR" }))
      }
    }
  )

  it("10,000 fields are 10,000 attributes", () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field-${index}`, index]))
    assert.strictEqual(recordOf(function_({ message: "a", ...many })).attributes.length, 10_001)
  })
})

describe("the trace: the record's own wins", () => {
  const own = { trace_id: "0af7651916cd43dd8448eb211c80319c", span_id: "b7ad6b7169203331", trace_flags: "00" }
  const ownSpan = { traceId: own.trace_id, spanId: own.span_id, flags: 0 }
  const { traceId } = span

  it.each<readonly [string, record: object, trace: object, names: ReadonlyArray<string>]>([
    ["all of it", own, ownSpan, []],
    ["in upper case", { ...own, trace_id: own.trace_id.toUpperCase() }, ownSpan, []],
    ["flags as a number", { ...own, trace_flags: 0 }, ownSpan, []],
    [
      "flags that are none",
      { ...own, trace_flags: "yes" },
      { traceId: own.trace_id, spanId: own.span_id },
      ["trace_flags"]
    ],
    ["a trace without a span", { trace_id: own.trace_id }, { traceId: own.trace_id }, []],
    ["the trace of the invocation without a span", { trace_id: traceId }, span, []],
    [
      "another span of the invocation's trace",
      { trace_id: traceId, span_id: own.span_id },
      { ...span, spanId: own.span_id },
      []
    ],
    ["a trace of zeros", { trace_id: "0".repeat(32), span_id: own.span_id }, span, ["trace_id", "span_id"]],
    ["a trace that is too short", { trace_id: "abc" }, span, ["trace_id"]],
    ["a trace that is no text", { trace_id: 7 }, span, ["trace_id"]],
    ["a span of zeros", { ...own, span_id: "0".repeat(16) }, { traceId: own.trace_id, flags: 0 }, ["span_id"]],
    ["a span without a trace", { span_id: own.span_id }, span, ["span_id"]],
    ["a trace in the form of X-Ray", { trace_id: "1-5759e988-bd862e3fe1be46a994272793" }, span, ["trace_id"]],
    [
      "flags beyond a byte",
      { ...own, trace_flags: 256 },
      { traceId: own.trace_id, spanId: own.span_id },
      ["trace_flags"]
    ],
    ["in a map below the top", { context: own }, span, ["context"]],
    ["X-Ray's name", { xray_trace_id: "1-5759e988-bd862e3fe1be46a994272793" }, span, ["xray_trace_id"]],
    ["nothing", {}, span, []]
  ])("%s", (_, record, trace, names) => {
    const { flags, spanId, traceId, ...log } = recordOf(function_({ message: "a", ...record }))
    const found = { traceId, ...(spanId && { spanId }), ...(flags === undefined ? {} : { flags }) }
    assert.deepStrictEqual(found, trace)
    assert.deepStrictEqual(
      log.attributes.map(({ key }) => key),
      ["faas.invocation_id", ...names]
    )
  })

  it("a record without a message has it too", () => {
    const { flags, spanId, traceId } = recordOf(function_({ ...own, n: 1 }))
    assert.deepStrictEqual({ traceId, spanId, flags }, ownSpan)
  })
})

describe("the invocation: the record's own, else the one that runs", () => {
  it("a record of another invocation is not in the span of the one that runs", () => {
    const log = recordOf(function_({ message: "late", requestId: otherId }))
    assert.deepStrictEqual(log.attributes, Attributes.entries({ "faas.invocation_id": otherId }))
    assert.deepStrictEqual([log.traceId, log.spanId, log.flags], [undefined, undefined, undefined])
  })

  it.each(["requestId", "AWSRequestId", "awsRequestId", "aws_request_id", "function_request_id"])("%s", (name) => {
    const log = recordOf(function_({ message: "a", [name]: id, myRequest: id }), { ...place, requestId: undefined })
    assert.deepStrictEqual(log.attributes, Attributes.entries({ "faas.invocation_id": id, myRequest: id }))
  })

  it("a program's own request id stays an attribute", () => {
    const log = recordOf(function_({ message: "a", function_request_id: id, requestId: "order-7" }))
    assert.deepStrictEqual(log.attributes, Attributes.entries({ "faas.invocation_id": id, requestId: "order-7" }))
  })

  it("before the first invocation there is none", () => {
    assert.deepStrictEqual(recordOf(function_("hello"), { observedAt }).attributes, [])
  })

  it("on managed instances a record that says none is marked", () => {
    const concurrent = { observedAt, isConcurrent: true }
    assert.deepStrictEqual(
      recordOf(function_("hello"), concurrent).attributes,
      Attributes.entries({ "effect_lambda.unattributed": true })
    )
    assert.deepStrictEqual(
      recordOf(function_({ message: "a", requestId: id }), concurrent).attributes,
      Attributes.entries({ "faas.invocation_id": id })
    )
  })
})

describe("the events of Lambda", () => {
  const dropped = { droppedBytes: 12_345, droppedRecords: 123, reason: "the consumer fell behind" }
  const start = { time, type: "platform.start", record: { requestId: id, version: "$LATEST" } }

  it("dropped records are a WARN, with their number", () => {
    const log = recordOf(TelemetryEvent.decode({ time, type: "platform.logsDropped", record: dropped }))
    assert.deepStrictEqual([log.severityText, log.severityNumber], ["WARN", 13])
    assert.deepStrictEqual(log.body, text("Lambda dropped 123 records (12345 bytes): the consumer fell behind"))
    assert.deepStrictEqual(attributes(log).get("event.name"), text("platform.logsDropped"))
  })

  it.each([start, { time, type: "platform.brandNew", record: { a: 1 } }])("%j is one when asked for", (original) => {
    const event = TelemetryEvent.decode(original)
    assert.deepStrictEqual(Logs.of(event, place), [])
    const log = recordOf(event, { ...place, platformEvents: true })
    assert.deepStrictEqual(attributes(log).get("event.name"), text(original.type))
    assert.deepStrictEqual(log.body, Attributes.anyValue(original.record))
    assert.deepStrictEqual([log.timeUnixNano, log.severityNumber], [timeNanos, 9])
  })

  it("the start of an invocation is in its span, if the place is that of the invocation", () => {
    const event = TelemetryEvent.decode(start)
    const asked = { ...place, platformEvents: true }
    assert.strictEqual(recordOf(event, asked).spanId, span.spanId)
    assert.isUndefined(recordOf(event, { ...asked, requestId: otherId }).spanId)
  })

  it("a failure is an ERROR", () => {
    const record = { requestId: id, status: "timeout", metrics: { durationMs: 1 } }
    const event = TelemetryEvent.decode({ time, type: "platform.runtimeDone", record })
    assert.strictEqual(recordOf(event, { ...place, platformEvents: true }).severityNumber, 17)
  })

  it("an event of an unknown type that is no platform event is kept", () => {
    const log = recordOf(TelemetryEvent.decode({ time, type: "audit", record: { a: 1 } }))
    assert.deepStrictEqual(log.body, Attributes.anyValue({ a: 1 }))
  })
})
