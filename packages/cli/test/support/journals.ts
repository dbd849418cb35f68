/** Journals of runs as the emulator writes them, for the report page: of any length, with faults and hostile texts. */
import * as Fault from "@effect-lambda/emulator/Fault"
import type { JournalEntry, JournalEvent } from "@effect-lambda/emulator/Journal"
import * as Result from "effect/Result"
import * as Summary from "../../src/emulate/summary/Summary.ts"

export const start = 1_795_889_587_000

export interface Wanted {
  readonly invocations: number
  readonly extension?: string
  /** The line that the function prints in an invocation. */
  readonly line?: (number: number) => string
  /** Invocations that the function fails. */
  readonly failed?: ReadonlyArray<number>
  /** Invocations before whose end the connection of next is reset. */
  readonly reset?: ReadonlyArray<number>
  /** Invocations that the extension holds open until their timeout; the environment is reset then. */
  readonly overran?: ReadonlyArray<number>
  /** Invocations whose function takes as many milliseconds more as their number says. */
  readonly slow?: ReadonlyArray<number>
  readonly errorType?: string
  readonly requestId?: (number: number) => string
}

const fault = Result.getOrThrow(Fault.parse("reset:next@2"))

export const journalOf = (wanted: Wanted): ReadonlyArray<JournalEntry> => {
  const { errorType = "Error", failed = [], invocations, overran = [], reset = [], slow = [] } = wanted
  const line = wanted.line ?? ((number) => `hello ${number}`)
  const requestIdOf = wanted.requestId ?? ((number) => `request-${number}`)
  const source = `extension:${wanted.extension ?? "demo"}` as const
  const journal: Array<JournalEntry> = []
  let at = start
  const tell = (after: number, event: JournalEvent) => {
    at += after
    const entry: JournalEntry = { ...event, index: journal.length, at }
    journal.push(entry)
  }
  const begin = (phase: "init" | "invoke") => {
    tell(0, { _tag: "InitStarted", phase })
    tell(20, { _tag: "ProcessStarted", source, pid: 100 })
    tell(300, { _tag: "Registered", source, kind: "external", identifier: "id", events: ["INVOKE", "SHUTDOWN"] })
    tell(10, {
      _tag: "TelemetrySubscription",
      source,
      api: "telemetry",
      state: "Subscribed",
      types: ["platform", "function"],
      schemaVersion: "2025-01-29",
      destination: "http://sandbox.localdomain:4243",
      body: "{}"
    })
    tell(5, { _tag: "ProcessStarted", source: "runtime", pid: 101 })
    tell(20, { _tag: "NextCalled", source })
    tell(40, { _tag: "NextCalled", source: "runtime" })
    tell(0, { _tag: "InitEnded", phase, status: "success", errorType: undefined })
  }
  const end = (reason: "spindown" | "timeout", isReset: boolean) => {
    const dies = isReset && reason === "timeout"
    tell(0, { _tag: "ShutdownStarted", reason, deadlineMs: at + 2000, reset: isReset })
    tell(0, { _tag: "Killed", source: "runtime", signal: "SIGTERM" })
    tell(12, {
      _tag: "ProcessExited",
      source: "runtime",
      status: { _tag: "Signal", signal: "SIGTERM" },
      state: undefined,
      peakMemoryBytes: 60_000_000
    })
    if (dies) tell(1900, { _tag: "Killed", source, signal: "SIGKILL" })
    else {
      tell(0, {
        _tag: "EventDelivered",
        source,
        eventType: "SHUTDOWN",
        deadlineMs: at + 2000,
        requestId: undefined,
        shutdownReason: reason,
        lost: false
      })
    }
    tell(20, {
      _tag: "ProcessExited",
      source,
      status: dies ? { _tag: "Signal", signal: "SIGKILL" } : { _tag: "Code", code: 0 },
      state: dies ? "ShutdownFailed" : "Exited",
      peakMemoryBytes: 70_000_000
    })
    if (!isReset) {
      tell(0, {
        _tag: "TelemetryDropped",
        source,
        destination: "d",
        records: 2,
        bytes: 200,
        reason: "the environment ended"
      })
    }
    tell(0, { _tag: "ShutdownEnded", reason, reset: isReset })
  }

  begin("init")
  for (let number = 1; number <= invocations; number++) {
    const requestId = requestIdOf(number)
    const deadlineMs = at + 3000
    tell(0, {
      _tag: "InvocationStarted",
      requestId,
      deadlineMs,
      invokedFunctionArn: "arn",
      traceHeader: "",
      lambdaSegmentId: "",
      tenantId: ""
    })
    if (overran.includes(number - 1)) begin("invoke")
    tell(0, {
      _tag: "EventDelivered",
      source,
      eventType: "INVOKE",
      deadlineMs,
      requestId,
      shutdownReason: undefined,
      lost: false
    })
    tell(0, { _tag: "InvocationDelivered", requestId, lost: false })
    tell(0, {
      _tag: "Exchanged",
      kind: "api",
      exchange: number,
      process: source,
      method: "GET",
      path: "/2020-01-01/extension/event/next",
      requestHeaders: { "lambda-extension-identifier": "id" },
      requestBody: "",
      requestBytes: 0,
      requestedAt: at - 5,
      status: 200,
      answerHeaders: {},
      answerBody: JSON.stringify({ eventType: "INVOKE", requestId, said: line(number) }),
      answerBytes: 4096,
      closedBy: undefined
    })
    tell(3 + (number % 4) + (slow.includes(number) ? number : 0), {
      _tag: "Output",
      source: "runtime",
      channel: "stdout",
      line: line(number)
    })
    if (failed.includes(number)) {
      const body = JSON.stringify({ errorType, errorMessage: line(number) })
      tell(1, { _tag: "ErrorReported", source: "runtime", route: "invocation/error", errorType, body })
    }
    const functionError = failed.includes(number) ? errorType : undefined
    tell(1, { _tag: "RuntimeResponded", requestId, functionError, producedBytes: 2 })
    tell(2, { _tag: "NextCalled", source: "runtime" })
    tell(0, { _tag: "RuntimeDone", requestId })
    tell(0, {
      _tag: "Exchanged",
      kind: "delivery",
      exchange: number,
      process: source,
      method: "POST",
      path: "d",
      requestHeaders: {},
      requestBody: `[${JSON.stringify(line(number))}]`,
      requestBytes: Buffer.byteLength(line(number)) + 4,
      requestedAt: at - 1,
      status: 200,
      answerHeaders: {},
      answerBody: "",
      answerBytes: 2,
      closedBy: undefined
    })
    tell(1, { _tag: "TelemetryDelivered", source, destination: "d", records: 3, bytes: 300, status: 200 })
    if (reset.includes(number)) {
      tell(1, { _tag: "FaultInjected", fault, target: source, description: "the connection of next is reset" })
    }
    const isOverrun = overran.includes(number)
    if (!isOverrun) tell(5, { _tag: "NextCalled", source })
    tell(isOverrun ? Math.max(0, deadlineMs - at) : 0, {
      _tag: "InvocationDone",
      requestId,
      status: isOverrun ? "timeout" : "success",
      errorType: isOverrun ? "Sandbox.Timedout" : undefined,
      extensionOverheadMs: 6,
      maxMemoryBytes: 90_000_000
    })
    if (isOverrun) {
      end("timeout", true)
      continue
    }
    tell(0, { _tag: "Frozen" })
    tell(number === 1 ? 20_000 : 4, { _tag: "Thawed", frozenMs: 4 })
  }
  end("spindown", false)
  return journal
}

export const summaryOf = (journal: ReadonlyArray<JournalEntry>): Summary.Summary => {
  const summary = Summary.make()
  for (const entry of journal) summary.add(entry)
  return summary.result()
}

export const runOf = (wanted: Wanted) => {
  const journal = journalOf(wanted)
  return { name: "demo", journal, summary: summaryOf(journal) }
}

/** Texts that would be markup, a script, another order of letters, or no UTF-8, if the page let them. */
export const hostileTexts = [
  "<script>window.hostile = 1</script>",
  "</script><script>window.hostile = 1</script>",
  "</style><img src=x onerror='window.hostile=1'>",
  '" onmouseover="window.hostile=1" x="',
  "' autofocus onfocus='window.hostile=1",
  "javascript:window.hostile=1",
  "<a href='javascript:window.hostile=1'>here</a>",
  "<!--<script>",
  "]]><svg onload='window.hostile=1'>",
  "&lt;b&gt; &amp; &#x3c;",
  "\u202Egnp.exe\u202C \u2066hidden\u2069 \u200F",
  "lone \uD800 surrogate \uDC00",
  "NUL \0 bell \u0007 escape \u001B[2J",
  "${window.hostile=1} `x` \\",
  "\u2028 line \u2029 separators"
]
