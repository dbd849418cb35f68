/**
 * The events that follow on each journal event, and their order: success, failed init, timeout, crash
 * (docs/protocol.md#the-order-of-events).
 */
import type { JournalEvent } from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import {
  feed,
  words,
  a,
  initStarted,
  initEnded,
  invoked,
  delivered,
  responded,
  runtimeDone,
  done,
  reset,
  of
} from "./telemetryFeed.ts"

const spawned: JournalEvent = { _tag: "ProcessStarted", source: a, pid: 1 }

const registered: JournalEvent = {
  _tag: "Registered",
  source: a,
  kind: "external",
  identifier: "x",
  events: ["INVOKE", "SHUTDOWN"]
}

const extensionNext: JournalEvent = { _tag: "NextCalled", source: a }

const runtimeNext: JournalEvent = { _tag: "NextCalled", source: "runtime" }

const ready: ReadonlyArray<readonly [number, JournalEvent]> = [
  [0, initStarted("init")],
  [1, spawned],
  [10, registered],
  [20, extensionNext],
  [30, runtimeNext],
  [30, initEnded("init", "success")]
]

const readyWords = [
  "0 initStart init",
  "30 initRuntimeDone init success",
  "30 extension Ready",
  "30 initReport init success"
]

describe("the order of events", () => {
  it("a cold start and an invocation", () => {
    const events = feed([
      ...ready,
      [100, invoked()],
      [101, delivered()],
      [110, responded()],
      [115, runtimeDone],
      [120, done("success")]
    ])
    assert.deepStrictEqual(words(events), [
      ...readyWords,
      "100 start",
      "115 runtimeDone success",
      "120 end",
      "120 report success"
    ])
    const [report] = of("platform.report", events)
    assert.deepStrictEqual(report, {
      at: 120,
      type: "platform.report",
      requestId: "r",
      status: "success",
      errorType: undefined,
      metrics: { durationMs: 20, billedDurationMs: 50, memorySizeMB: 128, maxMemoryUsedMB: 64, initDurationMs: 30 },
      spans: [{ name: "extensionOverhead", start: 115, durationMs: 5 }],
      tracing: undefined,
      tenantId: undefined
    })
    const [finished] = of("platform.runtimeDone", events)
    assert.deepInclude(finished, {
      metrics: { durationMs: 15, producedBytes: 4 },
      spans: [
        { name: "responseLatency", start: 101, durationMs: 9 },
        { name: "responseDuration", start: 110, durationMs: 0 },
        { name: "runtimeOverhead", start: 110, durationMs: 5 }
      ]
    })
  })

  it("init is told once: the second report has no init duration", () => {
    const once = [invoked(), delivered(), responded(), runtimeDone, done("success")]
    const reports = of("platform.report", feed([...ready, ...[...once, ...once].map((event) => [100, event] as const)]))
    assert.deepStrictEqual(
      reports.map((report) => report.type === "platform.report" && report.metrics.initDurationMs),
      [30, undefined]
    )
  })

  it("only a sampled request has a trace context", () => {
    const tracing = (traceHeader: string) =>
      feed([...ready, [100, invoked("r", traceHeader)]]).flatMap((event) =>
        event.type === "platform.start" ? [event.tracing?.value] : []
      )
    assert.deepStrictEqual(tracing("Root=1;Parent=2;Sampled=1"), ["Root=1;Parent=2;Sampled=1"])
    assert.deepStrictEqual(tracing("Root=1;Parent=2;Sampled=0;Lineage=1"), [undefined])
  })

  it("with active tracing the three records of an invocation name the segment of the function", () => {
    const invocation = invoked("r", "Root=1;Parent=2;Sampled=1;Lineage=1:a:0", "3")
    const events = feed([
      ...ready,
      ...[invocation, delivered(), responded(), runtimeDone, done("success")].map((event) => [100, event] as const)
    ])
    const told = events.flatMap((event) => ("tracing" in event ? [event] : []))
    assert.deepStrictEqual(
      told.map(({ type }) => type),
      ["platform.start", "platform.runtimeDone", "platform.report"]
    )
    for (const { tracing } of told) {
      assert.deepStrictEqual(tracing, { spanId: "2", type: "X-Amzn-Trace-Id", value: "Root=1;Parent=3;Sampled=1" })
    }
  })

  it("init fails, then again inside the invocation", () => {
    assert.deepStrictEqual(
      words(
        feed([
          [0, initStarted("init")],
          [1, spawned],
          [10, initEnded("init", "error", "Extension.Crash")],
          [11, { _tag: "ShutdownStarted", reason: "failure", deadlineMs: 0, reset: true }],
          [12, { _tag: "ShutdownEnded", reason: "failure", reset: true }],
          [20, invoked()],
          [20, initStarted("invoke")],
          [21, spawned],
          [22, registered],
          [30, { _tag: "ErrorReported", source: a, route: "init/error", errorType: "Extension.Mine", body: "" }],
          [40, initEnded("invoke", "error", "Extension.InitError")],
          [40, done("error", "Extension.InitError")],
          ...reset("failure")
        ])
      ),
      [
        "0 initStart init",
        "10 initRuntimeDone init error Extension.Crash",
        "10 extension Started",
        "10 initReport init error Extension.Crash",
        "20 initStart invoke",
        "40 initRuntimeDone invoke error Extension.InitError",
        "40 extension InitError Extension.Mine",
        "40 initReport invoke error Extension.InitError",
        "40 start",
        "950 fault",
        "950 end",
        "950 report error Extension.InitError"
      ]
    )
  })

  it("init inside the invocation succeeds: start comes after it", () => {
    assert.deepStrictEqual(
      words(
        feed([
          [20, invoked()],
          [20, initStarted("invoke")],
          [21, registered],
          [22, extensionNext],
          [30, runtimeNext],
          [30, initEnded("invoke", "success")],
          [30, delivered()]
        ])
      ),
      [
        "20 initStart invoke",
        "30 initRuntimeDone invoke success",
        "30 extension Ready",
        "30 initReport invoke success",
        "30 start"
      ]
    )
  })

  it("a file that cannot be started says why", () => {
    const events = feed([
      [0, initStarted("init")],
      [1, { _tag: "LaunchFailed", source: a, errorType: "PermissionDenied", message: "", advice: "" }],
      [1, initEnded("init", "error", "Extension.LaunchError")]
    ])
    assert.include(words(events), "1 extension LaunchError PermissionDenied")
  })

  it("a timeout of the function: runtimeDone at once, the report after the reset, without an error type", () => {
    const events = feed([
      ...ready,
      [100, invoked()],
      [101, delivered()],
      [3107, done("timeout", "Sandbox.Timedout")],
      ...reset("timeout"),
      [5000, initStarted("invoke")]
    ])
    assert.deepStrictEqual(words(events).slice(4), [
      "100 start",
      "3107 runtimeDone timeout",
      "950 fault",
      "950 end",
      "950 report timeout",
      "5000 initStart invoke"
    ])
    const [report] = of("platform.report", events)
    assert.deepInclude(report, {
      metrics: { durationMs: 3000, billedDurationMs: 3030, memorySizeMB: 128, maxMemoryUsedMB: 64, initDurationMs: 30 },
      spans: undefined
    })
    const [fault] = of("platform.fault", events)
    assert.strictEqual(fault?.type === "platform.fault" && fault.text, "RequestId: r\tStatus: timeout\n")
  })

  it("an extension overruns: the runtime was done, the report is of a timeout", () => {
    const events = feed([
      ...ready,
      [100, invoked()],
      [101, delivered()],
      [110, responded()],
      [115, runtimeDone],
      [3100, done("timeout", "Sandbox.Timedout")],
      ...reset("timeout")
    ])
    assert.deepStrictEqual(words(events).slice(4), [
      "100 start",
      "115 runtimeDone success",
      "950 fault",
      "950 end",
      "950 report timeout"
    ])
  })

  it("the runtime crashes: both have the error", () => {
    assert.deepStrictEqual(
      words(
        feed([
          ...ready,
          [100, invoked()],
          [101, delivered()],
          [110, done("error", "Runtime.ExitError")],
          ...reset("failure")
        ])
      ).slice(4),
      [
        "100 start",
        "110 runtimeDone error Runtime.ExitError",
        "950 fault",
        "950 end",
        "950 report error Runtime.ExitError"
      ]
    )
  })

  it("an error of the platform itself is a failure", () => {
    assert.include(
      words(feed([...ready, [100, invoked()], [101, done("error", "Sandbox.Failure")], ...reset("failure")])),
      "950 report failure Sandbox.Failure"
    )
  })

  it("an environment that is shut down during an invocation reports nothing of it", () => {
    assert.deepStrictEqual(words(feed([...ready, [100, invoked()], [110, done("abandoned")]])).slice(4), ["100 start"])
  })

  it("a managed instance: several at the same time, no runtimeDone, durations only", () => {
    const events = feed(
      [
        ...ready,
        [100, invoked("r")],
        [101, invoked("s")],
        [102, delivered("r")],
        [103, delivered("s")],
        [110, responded("s")],
        [110, done("success", undefined, "s")],
        [120, done("timeout", "Sandbox.Timedout", "r")]
      ],
      "lmi"
    )
    assert.deepStrictEqual(words(events).slice(4), [
      "100 start",
      "101 start",
      "110 end",
      "110 report success",
      "120 fault",
      "120 end",
      "120 report timeout"
    ])
    const [report] = of("platform.report", events)
    assert.deepInclude(report, {
      metrics: {
        durationMs: 9,
        billedDurationMs: undefined,
        memorySizeMB: undefined,
        maxMemoryUsedMB: undefined,
        initDurationMs: undefined
      },
      spans: undefined
    })
  })
})
