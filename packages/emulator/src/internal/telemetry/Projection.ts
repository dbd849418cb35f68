/**
 * Writes an event for a schema version, if the version has the event, with its fields in their order
 * (docs/protocol.md#platform-events, docs/protocol.md#logs-api). The templates are written by hand, as those of
 * `Wire.ts`, and for the same reason.
 */
import * as DateTime from "effect/DateTime"
import type { Outcome, Span, TelemetryEvent } from "./TelemetryEvent.ts"

export type TelemetryVersion = "2022-07-01" | "2022-12-13" | "2025-01-29"
export type LogsVersion = "2020-08-15" | "2021-03-18"
export type SchemaVersion = TelemetryVersion | LogsVersion

const isoTime = (at: number): string => DateTime.formatIso(DateTime.makeUnsafe(at))

const spansOf = (spans: ReadonlyArray<Span> | undefined) =>
  spans?.map(({ durationMs, name, start }) => ({ name, start: isoTime(start), durationMs }))

/** The Logs API has three words (docs/protocol.md#logs-api). */
const logsStatus = ({ status }: Outcome): string => (status === "error" ? "failure" : status)

/** `undefined` if this version has no such event. A key whose value is `undefined` is left out. */
const logsRecord = (event: TelemetryEvent, version: LogsVersion): object | string | undefined => {
  switch (event.type) {
    case "platform.start":
      return { requestId: event.requestId, version: event.version }
    case "platform.end":
      return { requestId: event.requestId }
    case "platform.report":
      return { requestId: event.requestId, metrics: event.metrics, tracing: event.tracing }
    case "platform.fault":
      return event.text
    case "platform.runtimeDone":
      return version === "2021-03-18" ? { requestId: event.requestId, status: logsStatus(event) } : undefined
    case "platform.extension":
      return { name: event.name, state: event.state, events: event.events }
    case "platform.logsSubscription":
      return { name: event.name, state: event.state, types: event.types }
    case "platform.logsDropped":
      return { droppedBytes: event.droppedBytes, droppedRecords: event.droppedRecords, reason: event.reason }
    case "function":
    case "extension":
      return event.text
    default:
      return undefined
  }
}

const telemetryRecord = (event: TelemetryEvent, version: TelemetryVersion): object | string | undefined => {
  /** A field that came with a later version. */
  const since2022December = <A>(value: A) => (version === "2022-07-01" ? undefined : value)
  const since2025 = <A>(value: A) => (version === "2025-01-29" ? value : undefined)
  switch (event.type) {
    case "platform.initStart":
      return {
        initializationType: event.initializationType,
        phase: event.phase,
        functionName: since2022December(event.functionName),
        functionVersion: since2022December(event.functionVersion),
        instanceId: since2022December(event.instanceId),
        instanceMaxMemory: since2022December(event.instanceMaxMemoryBytes)
      }
    case "platform.initRuntimeDone":
      return {
        initializationType: event.initializationType,
        phase: event.phase,
        status: event.status,
        errorType: event.errorType
      }
    case "platform.initReport":
      return {
        initializationType: event.initializationType,
        phase: event.phase,
        metrics: { durationMs: event.durationMs },
        status: since2022December(event.status),
        errorType: since2022December(event.errorType)
      }
    case "platform.restoreStart":
      return {
        functionName: since2022December(event.functionName),
        functionVersion: since2022December(event.functionVersion),
        instanceId: since2022December(event.instanceId),
        instanceMaxMemory: since2022December(event.instanceMaxMemoryBytes)
      }
    case "platform.restoreRuntimeDone":
      return { status: event.status, errorType: event.errorType }
    case "platform.restoreReport":
      return {
        metrics: { durationMs: event.durationMs },
        status: since2022December(event.status),
        errorType: since2022December(event.errorType)
      }
    case "platform.start":
      return {
        requestId: event.requestId,
        version: event.version,
        tracing: event.tracing,
        functionArn: since2025(event.functionArn),
        tenantId: since2025(event.tenantId)
      }
    case "platform.runtimeDone":
      return {
        requestId: event.requestId,
        status: event.status,
        errorType: event.errorType,
        metrics: event.metrics,
        spans: spansOf(event.spans),
        tracing: event.tracing,
        tenantId: since2025(event.tenantId)
      }
    case "platform.report":
      return {
        requestId: event.requestId,
        metrics: {
          ...event.metrics,
          billedRestoreDurationMs: since2022December(event.metrics.billedRestoreDurationMs)
        },
        status: event.status,
        errorType: event.errorType,
        spans: spansOf(event.spans),
        tracing: event.tracing,
        tenantId: since2025(event.tenantId)
      }
    case "platform.extension":
      return {
        name: event.name,
        state: event.state,
        events: event.events,
        errorType: since2022December(event.errorType)
      }
    case "platform.telemetrySubscription":
      return { name: event.name, state: event.state, types: event.types }
    case "platform.logsDropped":
      return { droppedBytes: event.droppedBytes, droppedRecords: event.droppedRecords, reason: event.reason }
    case "function":
    case "extension":
      return event.text
    default:
      return undefined
  }
}

/** An event as it goes over the wire: `prefix` and `rest` are the JSON object, cut before the value of `record`. */
export interface Encoded {
  /** `{"time":…,"type":…,"record":`, the beginning of every piece of an oversized record. */
  readonly prefix: string
  readonly rest: string
  /** Bytes of the whole object. */
  readonly bytes: number
}

/** `undefined`: this version has no such event. */
export const encode = (
  event: TelemetryEvent,
  version: SchemaVersion,
  escape: (json: string) => string = (json) => json
): Encoded | undefined => {
  const isLogs = version === "2020-08-15" || version === "2021-03-18"
  const record = isLogs ? logsRecord(event, version) : telemetryRecord(event, version)
  if (record === undefined) return undefined
  // The Logs API and the first version have text only, even for a JSON log line.
  const json = "json" in event && !isLogs && version !== "2022-07-01" ? event.json : undefined
  const prefix = `{"time":"${isoTime(event.at)}","type":"${event.type}","record":`
  const rest = `${escape(json ?? JSON.stringify(record))}}`
  return { prefix, rest, bytes: Buffer.byteLength(prefix) + Buffer.byteLength(rest) }
}
