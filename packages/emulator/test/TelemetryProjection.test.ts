/** Cases 105, 106, 107, 108 and 109: an event in each schema version, byte for byte. */
import { assert, describe, it } from "@effect/vitest"
import type { SchemaVersion } from "../src/internal/telemetry/Projection.ts"
import { encode } from "../src/internal/telemetry/Projection.ts"
import type { TelemetryEvent } from "../src/internal/telemetry/TelemetryEvent.ts"

const at = Date.UTC(2026, 8, 15, 10, 20, 30, 7)

/** The bytes of the record; `undefined` if the version has no such event. */
const record = (event: TelemetryEvent, version: SchemaVersion): string | undefined =>
  encode(event, version)?.rest.slice(0, -1)

const telemetry = ["2022-07-01", "2022-12-13", "2025-01-29"] as const
const logs = ["2020-08-15", "2021-03-18"] as const
const invoked = { requestId: "r", tracing: undefined, tenantId: "blue" } as const
const init = { initializationType: "on-demand", phase: "init" } as const
const success = { status: "success", errorType: undefined } as const

const instance = { functionName: "f", functionVersion: "1", instanceId: "i", instanceMaxMemoryBytes: 134_217_728 }
const initStart: TelemetryEvent = { at, type: "platform.initStart", ...init, ...instance }
const start: TelemetryEvent = { at, type: "platform.start", ...invoked, version: "1", functionArn: "arn" }
const runtimeDone: TelemetryEvent = {
  at,
  type: "platform.runtimeDone",
  ...invoked,
  ...success,
  metrics: { durationMs: 12, producedBytes: 0 },
  spans: [{ name: "responseLatency", start: at, durationMs: 3 }]
}
const metrics = {
  durationMs: 12,
  billedDurationMs: 40,
  memorySizeMB: 128,
  maxMemoryUsedMB: 60,
  initDurationMs: 27.5
}
const notInitialised = { initDurationMs: undefined }
const report: TelemetryEvent = { at, type: "platform.report", ...invoked, ...success, metrics, spans: undefined }

describe("case 105: an event in three schema versions", () => {
  it("the envelope has time, type and record, in this order", () => {
    const encoded = encode(start, "2022-07-01")
    assert.strictEqual(
      `${encoded?.prefix}${encoded?.rest}`,
      '{"time":"2026-09-15T10:20:30.007Z","type":"platform.start","record":{"requestId":"r","version":"1"}}'
    )
    assert.strictEqual(encoded?.bytes, Buffer.byteLength(`${encoded?.prefix}${encoded?.rest}`))
  })

  it.each<readonly [TelemetryEvent, ReadonlyArray<string | undefined>]>([
    [
      initStart,
      [
        '{"initializationType":"on-demand","phase":"init"}',
        '{"initializationType":"on-demand","phase":"init","functionName":"f","functionVersion":"1","instanceId":"i","instanceMaxMemory":134217728}',
        '{"initializationType":"on-demand","phase":"init","functionName":"f","functionVersion":"1","instanceId":"i","instanceMaxMemory":134217728}'
      ]
    ],
    [
      { at, type: "platform.initReport", ...init, ...success, durationMs: 27.5 },
      [
        '{"initializationType":"on-demand","phase":"init","metrics":{"durationMs":27.5}}',
        '{"initializationType":"on-demand","phase":"init","metrics":{"durationMs":27.5},"status":"success"}',
        '{"initializationType":"on-demand","phase":"init","metrics":{"durationMs":27.5},"status":"success"}'
      ]
    ],
    [
      start,
      [
        '{"requestId":"r","version":"1"}',
        '{"requestId":"r","version":"1"}',
        '{"requestId":"r","version":"1","functionArn":"arn","tenantId":"blue"}'
      ]
    ],
    [
      report,
      [
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"initDurationMs":27.5},"status":"success"}',
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"initDurationMs":27.5},"status":"success"}',
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"initDurationMs":27.5},"status":"success","tenantId":"blue"}'
      ]
    ],
    [
      { at, type: "platform.restoreStart", ...instance },
      [
        "{}",
        '{"functionName":"f","functionVersion":"1","instanceId":"i","instanceMaxMemory":134217728}',
        '{"functionName":"f","functionVersion":"1","instanceId":"i","instanceMaxMemory":134217728}'
      ]
    ],
    [
      { at, type: "platform.restoreRuntimeDone", status: "error", errorType: "Runtime.RestoreHookUserError" },
      Array<string>(3).fill('{"status":"error","errorType":"Runtime.RestoreHookUserError"}')
    ],
    [
      { at, type: "platform.restoreReport", ...success, durationMs: 70 },
      [
        '{"metrics":{"durationMs":70}}',
        '{"metrics":{"durationMs":70},"status":"success"}',
        '{"metrics":{"durationMs":70},"status":"success"}'
      ]
    ],
    [
      { ...report, metrics: { ...metrics, ...notInitialised, restoreDurationMs: 70, billedRestoreDurationMs: 70 } },
      [
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"restoreDurationMs":70},"status":"success"}',
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"restoreDurationMs":70,"billedRestoreDurationMs":70},"status":"success"}',
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"restoreDurationMs":70,"billedRestoreDurationMs":70},"status":"success","tenantId":"blue"}'
      ]
    ],
    [
      { at, type: "function", text: '{"level":"INFO"}\n', json: '{"level":"INFO"}' },
      [String.raw`"{\"level\":\"INFO\"}\n"`, '{"level":"INFO"}', '{"level":"INFO"}']
    ],
    [{ at, type: "extension", text: "é<\n", json: undefined }, Array<string>(3).fill(String.raw`"é<\n"`)],
    [{ at, type: "platform.end", requestId: "r" }, [undefined, undefined, undefined]],
    [{ at, type: "platform.fault", text: "t" }, [undefined, undefined, undefined]]
  ])("$0.type", (event, expected) => {
    assert.deepStrictEqual(
      telemetry.map((version) => record(event, version)),
      expected
    )
  })
})

describe("the Logs API", () => {
  it.each<readonly [TelemetryEvent, ReadonlyArray<string | undefined>]>([
    [initStart, [undefined, undefined]],
    [start, ['{"requestId":"r","version":"1"}', '{"requestId":"r","version":"1"}']],
    [runtimeDone, [undefined, '{"requestId":"r","status":"success"}']],
    [
      { ...runtimeDone, status: "error", errorType: "Runtime.ExitError" },
      [undefined, '{"requestId":"r","status":"failure"}']
    ],
    [{ at, type: "platform.end", requestId: "r" }, ['{"requestId":"r"}', '{"requestId":"r"}']],
    [
      { at, type: "platform.fault", text: "RequestId: r\tStatus: timeout\n" },
      Array<string>(2).fill(String.raw`"RequestId: r\tStatus: timeout\n"`)
    ],
    [
      report,
      Array<string>(2).fill(
        '{"requestId":"r","metrics":{"durationMs":12,"billedDurationMs":40,"memorySizeMB":128,"maxMemoryUsedMB":60,"initDurationMs":27.5}}'
      )
    ],
    [{ at, type: "platform.telemetrySubscription", name: "a", state: "Subscribed", types: [] }, [undefined, undefined]],
    [
      { at, type: "platform.logsSubscription", name: "a", state: "Subscribed", types: ["function"] },
      Array<string>(2).fill('{"name":"a","state":"Subscribed","types":["function"]}')
    ],
    [{ at, type: "function", text: "{}\n", json: "{}" }, Array<string>(2).fill(String.raw`"{}\n"`)]
  ])("$0.type", (event, expected) => {
    assert.deepStrictEqual(
      logs.map((version) => record(event, version)),
      expected
    )
  })
})

it("case 106: an empty error type is there, an unknown one is left out", () => {
  const done = (errorType: string | undefined): TelemetryEvent => ({
    at,
    type: "platform.initRuntimeDone",
    ...init,
    status: "error",
    errorType
  })
  const begin = '{"initializationType":"on-demand","phase":"init","status":"error"'
  assert.strictEqual(record(done(""), "2022-07-01"), `${begin},"errorType":""}`)
  assert.strictEqual(record(done(undefined), "2022-07-01"), `${begin}}`)
})

it("case 107: an extension without events has an empty list", () => {
  const event: TelemetryEvent = {
    at,
    type: "platform.extension",
    name: "a",
    state: "Started",
    events: [],
    errorType: "PermissionDenied"
  }
  assert.strictEqual(record(event, "2022-07-01"), '{"name":"a","state":"Started","events":[]}')
  assert.strictEqual(
    record(event, "2022-12-13"),
    '{"name":"a","state":"Started","events":[],"errorType":"PermissionDenied"}'
  )
})

it("case 108: a report has the time of an init, if there was one", () => {
  const without: TelemetryEvent = { ...report, metrics: { ...metrics, initDurationMs: undefined } }
  assert.include(record(report, "2022-12-13"), '"initDurationMs":27.5')
  assert.notInclude(record(without, "2022-12-13"), "initDurationMs")
})

it("case 109: no bytes are 0, no metrics and no spans are left out", () => {
  assert.strictEqual(
    record(runtimeDone, "2022-12-13"),
    '{"requestId":"r","status":"success","metrics":{"durationMs":12,"producedBytes":0},' +
      '"spans":[{"name":"responseLatency","start":"2026-09-15T10:20:30.007Z","durationMs":3}]}'
  )
  const bare: TelemetryEvent = { ...runtimeDone, metrics: undefined, spans: undefined }
  assert.strictEqual(record(bare, "2022-12-13"), '{"requestId":"r","status":"success"}')
})
