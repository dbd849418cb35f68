/** One record of each kind and version as Lambda sends it, and what becomes of records that nobody expects. */
import { TelemetryEvent } from "@effect-lambda/extension"
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

  it("fields that came later are left out", () => {
    assert.deepStrictEqual<unknown>(
      TelemetryEvent.decode({ time, type: "platform.start", record: { requestId, later: 1 }, later: 2 }),
      { time, type: "platform.start", record: { requestId } }
    )
  })

  it.each<readonly [string, unknown]>([
    ["a known type without its record", { time, type: "platform.report" }],
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

  const PlatformEvent = Schema.Union([
    TelemetryEvent.InitStart,
    TelemetryEvent.InitRuntimeDone,
    TelemetryEvent.InitReport,
    TelemetryEvent.Start,
    TelemetryEvent.RuntimeDone,
    TelemetryEvent.Report,
    TelemetryEvent.Extension,
    TelemetryEvent.TelemetrySubscription,
    TelemetryEvent.LogsDropped,
    TelemetryEvent.RestoreStart,
    TelemetryEvent.RestoreRuntimeDone,
    TelemetryEvent.RestoreReport
  ])

  it.effect.prop("every platform event round-trips through JSON text", [PlatformEvent], ([event]) =>
    Effect.gen(function* () {
      const text = JSON.stringify(yield* Schema.encodeEffect(PlatformEvent)(event))
      // `Equal` is structural and, as JSON does, takes -0 for 0.
      assert.isTrue(Equal.equals<unknown, unknown>(TelemetryEvent.decode(JSON.parse(text)), event), text)
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
  ])("of %j is %j", (original, expected) => {
    assert.strictEqual(TelemetryEvent.requestId(TelemetryEvent.decode(original)), expected)
  })
})
