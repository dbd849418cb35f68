/** The records of `TelemetryTest` are those that Lambda sends, and a test reads their fields without a cast. */
import { TelemetryEvent } from "@effect-lambda/extension"
import { TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"

const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
const tracing = TelemetryTest.tracing(header, "54565fb41ac79632")
const time = "2026-11-28T12:00:00.123Z"

describe("a record", () => {
  it.each<TelemetryEvent.TelemetryEvent>([
    TelemetryTest.initStart(),
    TelemetryTest.initRuntimeDone(),
    TelemetryTest.initReport(),
    TelemetryTest.restoreStart(),
    TelemetryTest.restoreRuntimeDone(),
    TelemetryTest.restoreReport(),
    TelemetryTest.start("r"),
    TelemetryTest.runtimeDone("r"),
    TelemetryTest.report("r"),
    TelemetryTest.logsDropped(),
    TelemetryTest.log("a line"),
    TelemetryTest.functionLog({ level: "INFO", message: "an object" }),
    TelemetryTest.extensionLog("a line\n")
  ])("$type decodes as an event of its type", (event) => {
    assert.deepStrictEqual(TelemetryEvent.decode(JSON.parse(JSON.stringify(event))), event)
  })

  it("fields that are given replace the defaults, and the others stay", () => {
    const { record, time: at } = TelemetryTest.initStart({ time, initializationType: "snap-start", tracing })
    assert.strictEqual(at, time)
    assert.deepInclude(record, { initializationType: "snap-start", phase: "init", functionName: "test", tracing })
    const started = TelemetryTest.restoreStart({ functionVersion: "7" })
    assert.deepInclude(started.record, { functionName: "test", functionVersion: "7" })
    assert.strictEqual(TelemetryTest.runtimeDone("r", { status: "timeout" }).record.status, "timeout")
    assert.strictEqual(TelemetryTest.logsDropped({ droppedRecords: 9 }).record.droppedRecords, 9)
  })

  it("metrics are replaced one by one", () => {
    assert.deepStrictEqual(TelemetryTest.report("r", { metrics: { initDurationMs: 300 } }).record.metrics, {
      durationMs: 10,
      billedDurationMs: 10,
      memorySizeMB: 128,
      maxMemoryUsedMB: 64,
      initDurationMs: 300
    })
    assert.strictEqual(TelemetryTest.initReport({ metrics: { durationMs: 1.5 } }).record.metrics.durationMs, 1.5)
    assert.strictEqual(TelemetryTest.restoreReport({ status: "error" }).record.metrics.durationMs, 50)
  })

  it("the trace is the one of the header", () => {
    assert.deepStrictEqual(TelemetryEvent.traceContext(TelemetryTest.start("r", { tracing })), {
      traceId: "1-5759e988-bd862e3fe1be46a994272793",
      parentId: "53995c3f42cd8ad8",
      isSampled: true,
      spanId: "54565fb41ac79632"
    })
    assert.notProperty(TelemetryTest.tracing(header), "spanId")
  })
})
