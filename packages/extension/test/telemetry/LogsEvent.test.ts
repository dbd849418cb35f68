/** Every kind of record of the Logs API as Lambda sends it, and the fate of other records. */
import * as LogsEvent from "@effect-lambda/extension/telemetry/LogsEvent"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const time = "2026-09-15T12:00:00.123Z"
const requestId = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const metrics = { durationMs: 2.1, billedDurationMs: 100, memorySizeMB: 128, maxMemoryUsedMB: 60 }

describe("decode", () => {
  it.each<readonly [string, string, unknown]>([
    ["", "platform.start", { requestId, version: "$LATEST" }],
    ["without version", "platform.start", { requestId }],
    ["case 112, 2021-03-18", "platform.runtimeDone", { requestId, status: "timeout" }],
    ["case 112, 2020-08-15", "platform.end", { requestId }],
    ["", "platform.report", { requestId, metrics }],
    [
      "with init and a trace",
      "platform.report",
      {
        requestId,
        metrics: { ...metrics, initDurationMs: 97.5 },
        tracing: { type: "X-Amzn-Trace-Id", value: "Root=1" }
      }
    ],
    ["a text", "platform.fault", `RequestId: ${requestId}\tStatus: timeout\n`],
    ["", "platform.extension", { name: "a", state: "Ready", events: ["SHUTDOWN", "INVOKE"] }],
    ["", "platform.logsSubscription", { name: "a", state: "Subscribed", types: ["platform"] }],
    ["", "platform.logsDropped", { droppedBytes: 1, droppedRecords: 1, reason: "slow consumer" }],
    ["", "function", "hello\n"],
    ["JSON", "extension", { level: "INFO" }],
    ["fields that came later", "platform.end", { requestId, later: [1] }]
  ])("%s %s", (_, type, record) => {
    const original = { time, type, record, later: 1 }
    const event = LogsEvent.decode(original)
    assert.strictEqual<unknown>(event, original)
    assert.strictEqual(LogsEvent.encode(event), original)
  })

  it.each<readonly [string, unknown]>([
    ["a fault that is no text", { time, type: "platform.fault", record: {} }],
    ["a report without metrics", { time, type: "platform.report", record: { requestId } }],
    ["a log without its record", { time, type: "function" }],
    ["no time", { type: "platform.end", record: { requestId } }],
    ["no JSON", "text"]
  ])("%s is undecodable, with the reason and the original", (_, original) => {
    const event = LogsEvent.decode(original)
    assert.isTrue(event.type === "undecodable" && event.original === original && event.reason.length > 0)
    assert.strictEqual(LogsEvent.encode(event), event)
  })

  it("an event of the Telemetry API only is unknown, and kept whole", () => {
    const original = { time, type: "platform.initStart", record: { phase: "init" } }
    const event = LogsEvent.decode(original)
    assert.deepStrictEqual(event, { type: "unknown", time, original })
    assert.strictEqual(LogsEvent.encode(event), original)
  })

  it.effect.prop(
    "every known event is handed back, whatever stands beside it",
    [LogsEvent.KnownEvent, Schema.Json],
    ([known, bad]) =>
      Effect.sync(() => {
        const [, event] = [bad, known].map(LogsEvent.decode)
        assert.strictEqual(event, known)
      })
  )
})
