/** The lines of the log view for restores, subscriptions and records of several lines. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import { assert, it } from "@effect/vitest"
import * as CloudWatchLines from "../src/emulate/CloudWatchLines.ts"

const subscription = (api: "telemetry" | "logs", state: "Subscribed" | "Forbidden"): JournalEntry => ({
  _tag: "TelemetrySubscription",
  index: 0,
  at: 0,
  source: "extension:a",
  api,
  state,
  types: ["platform", "function"],
  schemaVersion: undefined,
  destination: undefined,
  body: ""
})

it("a restore has two lines, and the report after it has its time instead of that of init", () => {
  const lines = CloudWatchLines.make({ memorySize: 128, functionVersion: "1" })
  const invocation = (index: number, at: number): ReadonlyArray<JournalEntry> => [
    {
      _tag: "InvocationStarted",
      index,
      at,
      requestId: "r",
      deadlineMs: 0,
      invokedFunctionArn: "",
      traceHeader: "",
      lambdaSegmentId: "",
      tenantId: ""
    },
    {
      _tag: "InvocationDone",
      index,
      at: at + 10,
      requestId: "r",
      status: "success",
      errorType: undefined,
      extensionOverheadMs: 0,
      maxMemoryBytes: undefined
    }
  ]
  const entries: ReadonlyArray<JournalEntry> = [
    { _tag: "InitStarted", index: 0, at: 0, phase: "init" },
    { _tag: "InitEnded", index: 1, at: 30, phase: "init", status: "success", errorType: undefined },
    { _tag: "SnapshotTaken", index: 2, at: 40, connections: 0, problem: undefined },
    { _tag: "RestoreStarted", index: 3, at: 1000 },
    { _tag: "RestoreEnded", index: 4, at: 1070, status: "success", errorType: undefined },
    ...invocation(5, 1100),
    ...invocation(7, 1200)
  ]
  const report = "REPORT RequestId: r\tDuration: 10.00 ms"
  assert.deepStrictEqual(
    entries.flatMap((entry) => lines(entry)),
    [
      "INIT_REPORT Init Duration: 30.00 ms\tPhase: init\tStatus: success",
      "RESTORE_START",
      "RESTORE_REPORT Restore Duration: 70.00 ms",
      "START RequestId: r Version: 1",
      "END RequestId: r",
      `${report}\tBilled Duration: 80 ms\tMemory Size: 128 MB\tRestore Duration: 70.00 ms\tBilled Restore Duration: 70 ms`,
      "START RequestId: r Version: 1",
      "END RequestId: r",
      `${report}\tBilled Duration: 10 ms\tMemory Size: 128 MB`
    ]
  )
})

it("a subscription is a line, named after its API", () => {
  const lines = CloudWatchLines.make({ memorySize: 128, functionVersion: "$LATEST" })
  assert.deepStrictEqual(
    [subscription("telemetry", "Subscribed"), subscription("logs", "Forbidden")].flatMap((entry) => lines(entry)),
    [
      "TELEMETRY\tName: a\tState: Subscribed\tTypes: [Platform, Function]",
      "LOGS\tName: a\tState: Forbidden\tTypes: [Platform, Function]"
    ]
  )
})

it("a record of several lines is several lines", () => {
  const lines = CloudWatchLines.make({ memorySize: 128, functionVersion: "$LATEST" })
  const line = "2026-11-28T09:20:40.756Z\tid\tINFO\tone\n  two"
  const entry: JournalEntry = { _tag: "Output", index: 0, at: 0, source: "runtime", channel: "log", line }
  assert.deepStrictEqual(lines(entry), ["2026-11-28T09:20:40.756Z\tid\tINFO\tone", "  two"])
})
