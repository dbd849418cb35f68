/** The telemetry of a snapshot and of its restores. */
import type { JournalEvent } from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import {
  feed,
  words,
  initStarted,
  initEnded,
  invoked,
  delivered,
  responded,
  runtimeDone,
  done,
  of
} from "./telemetryFeed.ts"

describe("SnapStart", () => {
  const snapshot: ReadonlyArray<readonly [number, JournalEvent]> = [
    [0, initStarted("init")],
    [30, { _tag: "RestoreNextCalled" }],
    [30, initEnded("init", "success")],
    [40, { _tag: "SnapshotTaken", connections: 0, problem: undefined }],
    [1000, { _tag: "RestoreStarted" }]
  ]
  const snapshotWords = [
    "0 initStart init",
    "30 initRuntimeDone init success",
    "30 initReport init success",
    "1000 restoreStart"
  ]

  it("the first report after a restore has the time of it, and none of init; the second has neither", () => {
    const invocation: ReadonlyArray<readonly [number, JournalEvent]> = [
      [1100, invoked()],
      [1101, delivered()],
      [1110, responded()],
      [1115, runtimeDone],
      [1120, done("success")]
    ]
    const restored: JournalEvent = { _tag: "RestoreEnded", status: "success", errorType: undefined }
    const events = feed([...snapshot, [1070, restored], ...invocation, ...invocation], "real", "snap-start")
    assert.deepStrictEqual(words(events).slice(0, 10), [
      ...snapshotWords,
      "1070 restoreRuntimeDone success",
      "1070 restoreReport success",
      "1100 start",
      "1115 runtimeDone success",
      "1120 end",
      "1120 report success"
    ])
    const memory = { memorySizeMB: 128, maxMemoryUsedMB: 64, initDurationMs: undefined }
    assert.deepStrictEqual(
      of("platform.report", events).map((event) => "metrics" in event && event.metrics),
      [
        { durationMs: 20, billedDurationMs: 90, ...memory, restoreDurationMs: 70, billedRestoreDurationMs: 70 },
        { durationMs: 20, billedDurationMs: 20, ...memory }
      ]
    )
  })

  it("a restore that fails names its error, and the invocation that waited for it ends with that error", () => {
    const errorType = "Runtime.RestoreHookUserError"
    const events = feed(
      [
        ...snapshot,
        [1070, { _tag: "RestoreEnded", status: "error", errorType }],
        [1070, invoked()],
        [1070, done("error", errorType)],
        [1080, { _tag: "ShutdownEnded", reason: "failure", reset: true }]
      ],
      "real",
      "snap-start"
    )
    assert.deepStrictEqual(words(events), [
      ...snapshotWords,
      `1070 restoreRuntimeDone error ${errorType}`,
      `1070 restoreReport error ${errorType}`,
      "1070 start",
      "1080 fault",
      "1080 end",
      `1080 report error ${errorType}`
    ])
  })
})
