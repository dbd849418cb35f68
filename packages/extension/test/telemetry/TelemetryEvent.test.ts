/** Every kind and version of a record as Lambda sends it, and the fate of unexpected records. */
import { TelemetryEvent } from "@effect-lambda/extension"
import * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"

const time = "2026-09-15T12:00:00.123Z"
const requestId = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const tracing = {
  spanId: "54565fb41ac79632",
  type: "X-Amzn-Trace-Id",
  value: "Root=1-62e900b2-710d76f009d6e7785905449a"
}
const init = { initializationType: "on-demand", phase: "init" }
const spans = [{ name: "responseLatency", start: time, durationMs: 3.125 }]

/** Name, type, record; decoded without a change. */
const table: ReadonlyArray<readonly [string, string, unknown]> = [
  ["22-07", "platform.initStart", init],
  [
    "22-12",
    "platform.initStart",
    {
      ...init,
      runtimeVersion: "python:3.12.mainlinev2.v34",
      runtimeVersionArn: "arn:aws:lambda:us-east-1::runtime:x",
      functionName: "f",
      functionVersion: "$LATEST",
      instanceId: "2026/09/15/[$LATEST]0123456789abcdef",
      instanceMaxMemory: 536_870_912
    }
  ],
  ["25-01", "platform.initStart", { ...init, initializationType: "lambda-managed-instances", tracing }],
  ["success", "platform.initRuntimeDone", { ...init, status: "success" }],
  ["case 106, an empty errorType", "platform.initRuntimeDone", { ...init, status: "error", errorType: "", spans }],
  ["22-07, without status", "platform.initReport", { ...init, metrics: { durationMs: 480.88 } }],
  [
    "22-12",
    "platform.initReport",
    { ...init, status: "error", errorType: "Extension.Crash", metrics: { durationMs: 1 }, tracing }
  ],
  ["22-07", "platform.start", { requestId, version: "$LATEST", tracing }],
  ["25-01", "platform.start", { requestId, version: "1", functionArn: "arn", tenantId: "t-1" }],
  ["timeout", "platform.runtimeDone", { requestId, status: "timeout" }],
  [
    "case 109, zero bytes",
    "platform.runtimeDone",
    { requestId, status: "success", metrics: { durationMs: 1.5, producedBytes: 0 }, spans }
  ],
  ["an errorType of null", "platform.runtimeDone", { requestId, status: "failure", errorType: null }],
  [
    "case 108, with init",
    "platform.report",
    {
      requestId,
      status: "success",
      metrics: { durationMs: 2.1, billedDurationMs: 100, memorySizeMB: 128, maxMemoryUsedMB: 60, initDurationMs: 97.5 },
      spans
    }
  ],
  [
    "25-01, nothing billed",
    "platform.report",
    { requestId, metrics: { durationMs: 2, billedDurationMs: null }, tenantId: "t" }
  ],
  [
    "case 107, no events",
    "platform.extension",
    { name: "a", state: "Started", events: [], errorType: "Extension.Crash" }
  ],
  ["Ready", "platform.extension", { name: "a", state: "Ready", events: ["SHUTDOWN", "INVOKE"] }],
  ["Forbidden", "platform.telemetrySubscription", { name: "a", state: "Forbidden", types: ["platform"] }],
  ["", "platform.logsDropped", { droppedBytes: 12_345, droppedRecords: 123, reason: "slow consumer" }],
  ["", "platform.restoreStart", { runtimeVersion: "java:21", functionName: "f" }],
  ["", "platform.restoreRuntimeDone", { status: "success" }],
  ["", "platform.restoreReport", { metrics: { durationMs: 15.2 }, status: "success" }],
  ["case 110, text with its newline", "function", "[INFO] hello\n"],
  ["case 110, an object", "function", { timestamp: time, level: "INFO", message: "hello", requestId }],
  ["any JSON", "extension", [1, null, "two"]],
  ["a status that came later", "platform.runtimeDone", { requestId, status: "throttled" }]
]

describe("decode", () => {
  it.each(table)("%s %s", (_, type, record) => {
    const event = { time, type, record }
    assert.deepStrictEqual<unknown>(TelemetryEvent.decode(event), event)
  })

  it("case 93: an unknown type is kept whole", () => {
    const original = { time, type: "platform.thawed", record: { n: 1 }, more: true }
    assert.deepStrictEqual(TelemetryEvent.decode(original), { type: "unknown", time, original })
  })

  it.each<readonly [string, unknown]>([
    ["a known type without its record", { time, type: "platform.report" }],
    ["a function log without its record", { time, type: "function" }],
    ["a log whose time is a number", { time: 1, type: "extension", record: "a" }],
    ["a record that is a text", { time, type: "platform.report", record: "text" }],
    ["a list", [{ time, type: "function", record: "a" }]],
    ["a wrong type of a field", { time, type: "platform.start", record: { requestId: 1 } }],
    ["NaN where a number should be", { time, type: "platform.logsDropped", record: { droppedBytes: Number.NaN } }],
    ["no time", { type: "platform.thawed" }],
    ["no type", { time }],
    ["a string", "text"],
    ["null", null],
    ["nothing", undefined]
  ])("%s is undecodable, with the reason and the original", (_, original) => {
    const event = TelemetryEvent.decode(original)
    assert.isTrue(event.type === "undecodable" && event.original === original && event.reason.length > 0)
  })

  it("a bad record does not cost its neighbours", () => {
    const good = { time, type: "function", record: "a" }
    const types = [good, { time, type: "platform.report" }, good].map(TelemetryEvent.decode).map((event) => event.type)
    assert.deepStrictEqual(types, ["function", "undecodable", "function"])
  })

  it("the reason names the fault and its place", () => {
    const reason = (original: unknown) => {
      const event = TelemetryEvent.decode(original)
      return event.type === "undecodable" ? event.reason : undefined
    }
    assert.include(reason({ time, type: "platform.start", record: { requestId: 1 } }), '["record"]["requestId"]')
    assert.include(reason({ time, type: "function" }), '["record"]')
    assert.include(reason("text"), "`time` and a `type`")
  })

  it.effect.prop("every platform event round-trips through JSON text", [PlatformEvent.PlatformEvent], ([event]) =>
    Effect.gen(function* () {
      const text = JSON.stringify(yield* Schema.encodeEffect(PlatformEvent.PlatformEvent)(event))
      // `Equal` is structural and, as JSON does, takes -0 for 0.
      assert.isTrue(Equal.equals<unknown, unknown>(TelemetryEvent.decode(JSON.parse(text)), event), text)
    })
  )

  const Later = Schema.Record(Schema.TemplateLiteral(["later", Schema.String]), Schema.Json)

  it.effect.prop(
    "fields that came later survive",
    [PlatformEvent.PlatformEvent, Later, Later],
    ([event, inEvent, inRecord]) =>
      Effect.sync(() => {
        const sent: unknown = JSON.parse(
          JSON.stringify({ ...event, ...inEvent, record: { ...event.record, ...inRecord } })
        )
        const decoded = TelemetryEvent.decode(sent)
        assert.strictEqual(decoded.type, event.type)
        assert.strictEqual(TelemetryEvent.encode(decoded), sent)
      })
  )

  /** Every place of a JSON value that could hold something else. */
  const places = (json: unknown): Array<readonly [parent: object, key: string]> => {
    if (typeof json !== "object" || json === null) return []
    const own = Object.keys(json).map((key) => [json, key] as const)
    return own.concat(Object.values(json).flatMap(places))
  }
  const isKnown = Schema.is(TelemetryEvent.KnownEvent)

  it.effect.prop(
    "accepts exactly what the schemas accept, with any value in any place or none there",
    [PlatformEvent.PlatformEvent, Schema.Natural, Schema.Union([Schema.Undefined, Schema.Json])],
    ([event, index, other]) =>
      Effect.sync(() => {
        const changed: unknown = JSON.parse(JSON.stringify(event))
        const all = places(changed)
        const [parent, key] = all[index % all.length]!
        if (other === undefined) Reflect.deleteProperty(parent, key)
        else Reflect.set(parent, key, other)
        const { type } = TelemetryEvent.decode(changed)
        assert.strictEqual(type !== "unknown" && type !== "undecodable", isKnown(changed), JSON.stringify(changed))
      })
  )

  it.effect.prop(
    "a bad record never costs its neighbours",
    [Schema.Array(PlatformEvent.PlatformEvent), Schema.Json, Schema.Array(PlatformEvent.PlatformEvent)],
    ([before, bad, after]) =>
      Effect.sync(() => {
        const types = [...before, bad, ...after].map(TelemetryEvent.decode).map((event) => event.type)
        types.splice(before.length, 1)
        assert.deepStrictEqual<ReadonlyArray<string>>(
          types,
          [...before, ...after].map((event) => event.type)
        )
      })
  )

  it.effect.prop(
    "a log record is any JSON, unchanged",
    [Schema.Literals(["function", "extension"]), Schema.Json],
    ([type, record]) =>
      Effect.sync(() => {
        const event = { time, type, record }
        assert.deepStrictEqual<unknown>(TelemetryEvent.decode(event), event)
      })
  )

  it.effect.prop("anything at all gives an event, never an exception", [Schema.Json], ([json]) =>
    Effect.sync(() => assert.isString(TelemetryEvent.decode(json).type))
  )
})

describe("encode", () => {
  it.each<readonly [string, unknown, unknown]>([
    ["a known event is itself", { time, type: "function", record: "a", later: 1 }, undefined],
    ["an unknown event is what came", { time, type: "platform.thawed", record: { n: 1 }, later: 1 }, undefined],
    ["an event of the type unknown is what came", { time, type: "unknown", record: 1 }, undefined],
    [
      "an undecodable record stands in its reason",
      "text",
      { type: "undecodable", reason: "an event has a `time` and a `type`, both texts", original: "text" }
    ]
  ])("%s", (_, original, expected = original) => {
    assert.deepStrictEqual(TelemetryEvent.encode(TelemetryEvent.decode(original)), expected)
  })
})

describe("requestId", () => {
  it.each<readonly [unknown, string | undefined]>([
    [{ time, type: "platform.start", record: { requestId } }, requestId],
    [{ time, type: "platform.runtimeDone", record: { requestId, status: "success" } }, requestId],
    [{ time, type: "platform.report", record: { requestId, metrics: { durationMs: 1 } } }, requestId],
    [{ time, type: "function", record: { requestId } }, requestId],
    [{ time, type: "function", record: { requestId: 7 } }, undefined],
    [{ time, type: "function", record: "text" }, undefined],
    [{ time, type: "platform.initStart", record: init }, undefined],
    [null, undefined]
  ])("gives for %j: %j", (original, expected) => {
    assert.strictEqual(TelemetryEvent.requestId(TelemetryEvent.decode(original)), expected)
  })
})

describe("severity", () => {
  const log = (record: unknown) => ({ time, type: "function", record })
  const ended = (type: string, status?: string | null) => ({
    time,
    type,
    record: { requestId, ...init, status, metrics: { durationMs: 1 } }
  })
  it.each<readonly [unknown, string | undefined]>([
    [log({ level: "INFO", message: "a" }), "INFO"],
    [log({ level: "warn" }), "WARN"],
    [log({ level: "Warning" }), "WARN"],
    [log({ level: "critical" }), "FATAL"],
    [log({ level: "notice" }), "NOTICE"],
    [log({ level: 7 }), undefined],
    [log([1]), undefined],
    [log(null), undefined],
    [log(`${time}\t${requestId}\tERROR\tInvoke Error\t{}\n`), "ERROR"],
    [log(`${time}\tundefined\tTRACE\tbefore the first request\n`), "TRACE"],
    [log(`${time}\t${requestId}\tsaid\tERROR\n`), undefined],
    [log("[ERROR] ValueError: bad\nTraceback"), "ERROR"],
    [log(`[WARNING]\t${time}\t${requestId}\tslow\n`), "WARN"],
    [log("[CRITICAL] out of disk"), "FATAL"],
    [log("[note] ERROR"), undefined],
    [log("ERROR in the middle of nothing"), undefined],
    [log("START RequestId: 1"), undefined],
    [{ time, type: "extension", record: "[DEBUG] x" }, "DEBUG"],
    [ended("platform.runtimeDone", "success"), undefined],
    [ended("platform.runtimeDone", "timeout"), "ERROR"],
    [ended("platform.report", "failure"), "ERROR"],
    [ended("platform.report", null), undefined],
    [ended("platform.initRuntimeDone", "error"), "ERROR"],
    [ended("platform.initReport", "error"), "ERROR"],
    [ended("platform.restoreRuntimeDone", "throttled"), "ERROR"],
    [ended("platform.restoreReport", "timeout"), "ERROR"],
    [{ time, type: "platform.extension", record: { name: "a", state: "Ready", events: [] } }, undefined],
    [
      { time, type: "platform.extension", record: { name: "a", state: "Started", events: [], errorType: "E" } },
      "ERROR"
    ],
    [{ time, type: "platform.logsDropped", record: { droppedBytes: 1, droppedRecords: 1, reason: "r" } }, "WARN"],
    [{ time, type: "platform.start", record: { requestId } }, undefined],
    [{ time, type: "platform.thawed" }, undefined],
    [null, undefined]
  ])("gives for %j: %j", (original, expected) => {
    assert.strictEqual(TelemetryEvent.severity(TelemetryEvent.decode(original)), expected)
  })
})

describe("traceContext", () => {
  const start = (value: string, spanId?: string) => ({
    time,
    type: "platform.start",
    record: { requestId, tracing: { type: "X-Amzn-Trace-Id", value, ...(spanId === undefined ? {} : { spanId }) } }
  })
  const traceId = "1-62e900b2-710d76f009d6e7785905449a"
  const parentId = "53995c3f42cd8ad8"
  it.each<readonly [unknown, TelemetryEvent.TraceContext | undefined]>([
    [start(`Root=${traceId};Parent=${parentId};Sampled=1`), { traceId, parentId, isSampled: true }],
    [
      start(`Root=${traceId};Parent=${parentId};Sampled=0;Lineage=a:0`, "54565fb41ac79632"),
      { traceId, parentId, isSampled: false, spanId: "54565fb41ac79632" }
    ],
    [start(` Sampled=1 ; Root=${traceId} ;`), { traceId, isSampled: true }],
    [start(`Root=${traceId}`), { traceId, isSampled: false }],
    [start("Root=;Sampled=1"), undefined],
    [start("no trace"), undefined],
    [start(""), undefined],
    [{ time, type: "platform.start", record: { requestId } }, undefined],
    [{ time, type: "platform.start", record: { requestId, tracing: null } }, undefined],
    [{ time, type: "platform.logsDropped", record: { droppedBytes: 1, droppedRecords: 1, reason: "r" } }, undefined],
    [{ time, type: "function", record: { tracing: { type: "X-Amzn-Trace-Id", value: "Root=1" } } }, undefined],
    [null, undefined]
  ])("gives for %j: %j", (original, expected) => {
    assert.deepStrictEqual(TelemetryEvent.traceContext(TelemetryEvent.decode(original)), expected)
  })
})

describe("spans", () => {
  it.each<readonly [unknown, ReadonlyArray<unknown>]>([
    [{ time, type: "platform.runtimeDone", record: { requestId, status: "success", spans } }, spans],
    [{ time, type: "platform.report", record: { requestId, metrics: { durationMs: 1 }, spans } }, spans],
    [{ time, type: "platform.initRuntimeDone", record: { ...init, status: "success", spans } }, spans],
    [{ time, type: "platform.initReport", record: { ...init, metrics: { durationMs: 1 }, spans } }, spans],
    [{ time, type: "platform.restoreRuntimeDone", record: { status: "success", spans } }, spans],
    [{ time, type: "platform.restoreReport", record: { metrics: { durationMs: 1 }, spans } }, spans],
    [{ time, type: "platform.runtimeDone", record: { requestId, status: "success" } }, []],
    [{ time, type: "platform.start", record: { requestId } }, []],
    [{ time, type: "function", record: { spans } }, []],
    [null, []]
  ])("gives for %j: %j", (original, expected) => {
    assert.deepStrictEqual(TelemetryEvent.spans(TelemetryEvent.decode(original)), expected)
  })
})

describe("text", () => {
  it.each<readonly [unknown, string | undefined]>([
    [{ time, type: "function", record: "a\n" }, "a"],
    [{ time, type: "function", record: "a\r\n" }, "a"],
    [{ time, type: "function", record: "a\n\n" }, "a\n"],
    [{ time, type: "function", record: "a" }, "a"],
    [{ time, type: "extension", record: { level: "INFO", message: "a" } }, '{"level":"INFO","message":"a"}'],
    [{ time, type: "function", record: null }, "null"],
    [{ time, type: "platform.start", record: { requestId } }, undefined],
    [null, undefined]
  ])("gives for %j: %j", (original, expected) => {
    assert.strictEqual(TelemetryEvent.text(TelemetryEvent.decode(original)), expected)
  })
})
