/**
 * The journal as a table for people: milliseconds since the start, phase, who, what, and how much of the time limit is
 * left.
 *
 * @since 0.1.0
 */
import type { JournalEntry, Source } from "./Journal.ts"
import * as LogLine from "./LogLine.ts"

/** Milliseconds that the hooks of a runtime have after a restore. */
const restoreMs = 10_000

const columns = { ms: 8, phase: 9, left: 9 }

const nameOf = (source: Source): string => LogLine.printable(source.replace("extension:", ""))

const whoOf = (entry: JournalEntry): string => {
  if ("source" in entry) return nameOf(entry.source)
  if (entry._tag === "FaultInjected" && entry.target !== undefined) return nameOf(entry.target)
  if (entry._tag === "Exchanged" && entry.process !== undefined) return nameOf(entry.process)
  switch (entry._tag) {
    case "RuntimeResponded":
    case "RuntimeDone":
    case "InvocationDelivered":
    case "RestoreNextCalled":
      return "runtime"
    default:
      return "platform"
  }
}

const recordsOf = (records: number): string => `${records} ${records === 1 ? "record" : "records"}`

const count = ({ bytes, records }: { readonly bytes: number; readonly records: number }): string =>
  `${recordsOf(records)} (${bytes} bytes)`

/**
 * Says what an entry tells, as the last column of the table does; a text of a process may have several lines.
 *
 * @category rendering
 * @since 0.1.0
 */
export const textOf = (entry: JournalEntry): string => {
  switch (entry._tag) {
    case "InitStarted":
      return entry.phase === "init" ? "init" : "init again, inside the invocation"
    case "InitEnded":
      return `init ended: ${entry.status}${entry.errorType === undefined ? "" : `, ${entry.errorType}`}`
    case "ProcessStarted":
      return entry.pid === undefined ? "expected" : `started, process ${entry.pid}`
    case "LaunchFailed":
      return `cannot be started: ${entry.message}. ${entry.advice}`
    case "ProcessExited": {
      const { advice, state, status } = entry
      const how = status._tag === "Code" ? `code ${status.code}` : status.signal
      return `exited with ${how}${state === undefined ? "" : ` (${state})`}${advice === undefined ? "" : `. ${advice}`}`
    }
    case "Killed":
      return `${entry.signal} sent`
    case "Output":
      return LogLine.readable(entry.line)
        .map((line) => `| ${line}`)
        .join("\n")
    case "Registered":
      return `registered for ${entry.events.join(", ") || "no events"}${entry.kind === "internal" ? " (internal)" : ""}`
    case "ApiRefused":
      if (entry.status === 0) return `${entry.method} ${entry.path} closed without an answer: ${entry.message}`
      return `${entry.method} ${entry.path} refused: ${entry.status} ${entry.errorType} ${entry.message}`
    case "NextCalled":
      return "next"
    case "RestoreNextCalled":
      return "restore/next"
    case "EventDelivered":
      return `${entry.eventType}${entry.shutdownReason === undefined ? "" : ` ${entry.shutdownReason}`}${entry.lost ? " LOST: its connection was gone" : ""}`
    case "PollAborted":
      return "gave up its poll, which still stands"
    case "ErrorReported":
      return `${entry.route}: ${entry.errorType}`
    case "Fatal":
      return `fatal: ${entry.errorType}${entry.first ? "" : " (not the first)"}`
    case "InvocationStarted":
      return `invocation ${entry.requestId}`
    case "InvocationDelivered":
      return entry.lost ? "invocation LOST: its connection was gone" : "invocation"
    case "RuntimeResponded":
      return entry.functionError === undefined ? "responded" : `failed: ${entry.functionError}`
    case "RuntimeDone":
      return "done"
    case "InvocationDone":
      return `invocation ended: ${entry.status}, extension overhead ${entry.extensionOverheadMs} ms`
    case "TelemetrySubscription": {
      const api = entry.api === "logs" ? "logs" : "telemetry"
      const destination = entry.destination === undefined ? "" : ` to ${entry.destination}`
      return `${api}: ${entry.state.toLowerCase()}, ${entry.types.join(", ")}${destination}`
    }
    case "TelemetryDelivered":
      return `telemetry: ${count(entry)} delivered${entry.extra === undefined ? "" : `, and ${recordsOf(entry.extra)} of a fault`}`
    case "TelemetryNotDelivered":
      return `telemetry: ${count(entry)} not delivered: ${entry.problem}`
    case "TelemetryDropped":
      return `telemetry: ${count(entry)} DROPPED: ${entry.reason}`
    case "Exchanged": {
      const { answerBytes, kind, method, path, requestBytes, requestedAt } = entry
      const status = entry.status === 0 ? "closed without an answer" : (entry.status ?? "no answers over TCP")
      const bytes = kind === "api" ? `, ${answerBytes} bytes` : ""
      return `wire: ${method} ${path} (${requestBytes} bytes): ${status}${bytes}, ${entry.at - requestedAt} ms`
    }
    case "Frozen":
      return "frozen"
    case "Thawed":
      return `thawed after ${entry.frozenMs} ms`
    case "SnapshotTaken": {
      const connections = `${entry.connections} ${entry.connections === 1 ? "connection" : "connections"} cut`
      return `snapshot taken, ${connections}${entry.problem === undefined ? "" : `; ${entry.problem}`}`
    }
    case "RestoreStarted":
      return "restore from the snapshot"
    case "RestoreEnded":
      return `restore ended: ${entry.status}${entry.errorType === undefined ? "" : `, ${entry.errorType}`}`
    case "FaultInjected":
      return `FAULT ${entry.description}`
    case "ShutdownStarted":
      return `shutdown: ${entry.reason}${entry.reset ? " (reset)" : ""}`
    case "ShutdownEnded":
      return "every process is gone"
  }
}

/**
 * Renders entries one by one, in their order; a text of several lines goes on below its first line. `header` is the
 * first line of the table.
 *
 * @param options.initTimeoutMs the limit of init, for the column of the time that is left. Default: 10 seconds
 * @param options.names the names of the extensions, for the width of their column
 * @category rendering
 * @since 0.1.0
 */
export const make = (
  options: { readonly initTimeoutMs?: number; readonly names?: ReadonlyArray<string> } = {}
): { readonly header: string; readonly render: (entry: JournalEntry) => string } => {
  const who = Math.max("platform".length, ...(options.names ?? []).map((name) => LogLine.printable(name).length))
  const line = (...[ms, phase, name, left, text]: readonly [string, string, string, string, string]): string => {
    const before = `${ms.padStart(columns.ms)}  ${phase.padEnd(columns.phase)}  ${name.padEnd(who)}  ${left.padStart(columns.left)}  `
    return before + text.replaceAll("\n", `\n${" ".repeat(before.length)}`)
  }
  let start: number | undefined
  let phase = ""
  let deadline: number | undefined
  let invocations = 0
  let isInvoking = false
  return {
    header: line("ms", "phase", "who", "ms left", "what"),
    render: (entry) => {
      start ??= entry.at
      switch (entry._tag) {
        case "InitStarted":
          // Under rie the first init runs inside the first invocation, under its limit.
          if (entry.phase === "init" && !isInvoking) {
            phase = "init"
            deadline = entry.at + (options.initTimeoutMs ?? 10_000)
          }
          break
        case "RestoreStarted":
          phase = "restore"
          deadline = entry.at + restoreMs
          break
        case "InvocationStarted":
          invocations++
          isInvoking = true
          phase = `invoke ${invocations}`
          deadline = entry.deadlineMs
          break
        case "ShutdownStarted":
          phase = "shutdown"
          deadline = entry.deadlineMs
          break
        default:
          break
      }
      const left = deadline === undefined ? "" : String(Math.max(0, deadline - entry.at))
      const rendered = line(String(entry.at - start), phase, whoOf(entry), left, textOf(entry))
      // Between invocations there is no limit; init inside an invocation has the limit of the invocation.
      const isBetween = entry._tag === "InvocationDone" || entry._tag === "RestoreEnded"
      if (isBetween || (entry._tag === "InitEnded" && entry.phase === "init" && !isInvoking)) {
        deadline = undefined
        phase = "idle"
      }
      return rendered
    }
  }
}
