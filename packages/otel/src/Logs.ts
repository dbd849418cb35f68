/**
 * Log records of OpenTelemetry from records of the Telemetry API: what the function and the extensions log, what Lambda
 * dropped, and what could not be decoded. With `platformEvents`, the other events of Lambda as well.
 *
 * A record that says its trace, its time, its level or its invocation is believed; the invocation that runs is the default.
 *
 * @see https://opentelemetry.io/docs/specs/otel/logs/data-model/
 * @see https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/
 * @since 0.1.0
 */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import type { LogsData } from "effect/observability/OtlpLogger"
import * as Predicate from "effect/Predicate"
import * as Attributes from "./Attributes.ts"
import { originalOf, valueOf } from "./internal/logValue.ts"
import { nanosOf, nanosOfMillis, nanosPerMilli } from "./internal/time.ts"
import * as TraceContext from "./TraceContext.ts"

/**
 * A log record as Effect's `OtlpSerialization` takes it.
 *
 * @category models
 * @since 0.1.0
 */
export type LogRecord = NonNullable<LogsData["resourceLogs"][number]["scopeLogs"][number]["logRecords"]>[number]

/**
 * The place of a record that does not say its own.
 *
 * - `requestId`: the invocation that runs
 * - `isCertain`: whether that is the invocation of the record even if the record has another id. A program may use the name
 *   `requestId` for the ids of its requests. Default: the record is believed
 * - `traceId`, `spanId`, `flags`: its span; used only for a record of the same invocation
 * - `observedAt`: the time at which the extension got the record, in milliseconds since 1970
 * - `isConcurrent`: whether several invocations run at once, as on managed instances. A record that does not say its
 *   invocation is then marked with `effect_lambda.unattributed`
 * - `platformEvents`: whether every event of Lambda becomes a log record. Default: only dropped records do
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly requestId?: string | undefined
  readonly isCertain?: boolean | undefined
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly flags?: number | undefined
  readonly observedAt: number
  readonly isConcurrent?: boolean | undefined
  readonly platformEvents?: boolean | undefined
}

/**
 * The log records of an event: one, or none. An event that came from Lambda is never a reason to throw.
 *
 * - a log of the function or of an extension: its record
 * - `platform.logsDropped`: a WARN with the numbers
 * - a record that could not be decoded: a WARN with the reason; the original is the body
 * - an event of an unknown type that is not one of Lambda's own: its record
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (event: TelemetryEvent.TelemetryEvent, place: Place): ReadonlyArray<LogRecord> => {
  switch (event.type) {
    case "function":
    case "extension":
      return [ofLog(event, place)]
    case "undecodable":
      return [ofUndecodable(event, place)]
    case "unknown": {
      if (event.original.type.startsWith("platform.") && place.platformEvents !== true) return []
      const original = originalOf(event)
      const body = Predicate.hasProperty(original, "record") ? original.record : original
      return [ofPlatform(event, event.original.type, body, place)]
    }
    case "platform.logsDropped": {
      const { droppedBytes, droppedRecords, reason } = event.record
      const text = `Lambda dropped ${droppedRecords} records (${droppedBytes} bytes): ${reason}`
      return [ofPlatform(event, event.type, text, place)]
    }
    default:
      return place.platformEvents === true ? [ofPlatform(event, event.type, event.record, place)] : []
  }
}

type Log = Extract<TelemetryEvent.TelemetryEvent, { readonly type: "function" | "extension" }>
type Platform = Exclude<TelemetryEvent.TelemetryEvent, Log | TelemetryEvent.Undecodable>
type Fields = ReadonlyMap<string, unknown>

const severityNumbers: ReadonlyMap<
  string | undefined,
  NonNullable<LogRecord["severityNumber"]>
> = /*#__PURE__*/ new Map([
  ["TRACE", 1],
  ["DEBUG", 5],
  ["INFO", 9],
  ["WARN", 13],
  ["ERROR", 17],
  ["FATAL", 21]
])

const severityOf = (text: string, severity: string | undefined) => {
  const severityNumber = severityNumbers.get(severity)
  return { severityText: text.toWellFormed(), ...(severityNumber === undefined ? undefined : { severityNumber }) }
}

/** The times of a record; a time that cannot be read is that of the observation. */
const times = (time: bigint | undefined, observed: bigint) => ({
  timeUnixNano: String(time ?? observed),
  observedTimeUnixNano: String(observed),
  droppedAttributesCount: 0
})

/** The attributes that an event adds to its record. */
const attributesOf = (time: bigint | undefined, text: string, requestId: string | undefined) => ({
  ...(time === undefined ? { "effect_lambda.time": text } : undefined),
  ...(requestId === undefined ? undefined : { "faas.invocation_id": requestId })
})

const ofUndecodable = (event: TelemetryEvent.Undecodable, place: Place): LogRecord => ({
  ...times(undefined, nanosOfMillis(place.observedAt)),
  ...severityOf("WARN", "WARN"),
  body: Attributes.anyValue(originalOf(event)),
  attributes: Attributes.entries({ "effect_lambda.undecodable": event.reason })
})

const ofPlatform = (event: Platform, type: string, body: unknown, place: Place): LogRecord => {
  const time = nanosOf(event.time)
  const requestId = TelemetryEvent.requestId(event)
  const severity = TelemetryEvent.severity(event) ?? "INFO"
  return {
    ...times(time, nanosOfMillis(place.observedAt)),
    ...severityOf(severity, severity),
    ...placeOf(requestId, place),
    body: Attributes.anyValue(body),
    // Effect serialises no `eventName`.
    attributes: Attributes.entries({ "event.name": type, ...attributesOf(time, event.time, requestId) })
  }
}

const ofLog = (event: Log, place: Place): LogRecord => {
  const value = valueOf(event)
  // A line of text that is JSON is read once, and not again by each accessor.
  const read: Log = typeof event.record === "string" && typeof value !== "string" ? { ...event, record: value } : event
  const requestId = (place.isCertain === true ? undefined : TelemetryEvent.requestId(read)) ?? place.requestId
  const level = TelemetryEvent.level(read)
  const observed = nanosOfMillis(place.observedAt)
  const time = nanosOf(event.time)
  const fields: Fields = new Map(Predicate.isObject(value) ? Object.entries(value) : [])
  const own = timestampOf(fields, time ?? observed)
  const { taken, trace } = traceOf(fields, requestId, place)
  const message = ["message", "msg"].find((name) => typeof fields.get(name) === "string")
  return {
    ...times(own ?? time, observed),
    ...(level === undefined ? undefined : severityOf(level.text, level.severity)),
    ...trace,
    body: Attributes.anyValue(message === undefined ? value : fields.get(message)),
    attributes: Attributes.entries({
      ...attributesOf(time, event.time, requestId),
      ...(requestId === undefined && place.isConcurrent === true ? { "effect_lambda.unattributed": true } : undefined),
      ...(event.type === "extension" ? { "effect_lambda.log_type": event.type } : undefined),
      // Without a message the body has the fields.
      ...(message === undefined
        ? undefined
        : fieldsWithout(
            fields,
            [message, level?.field, own === undefined ? undefined : "timestamp", ...taken],
            requestId
          ))
    })
  }
}

const fieldsWithout = (fields: Fields, taken: ReadonlyArray<string | undefined>, requestId: string | undefined) =>
  Object.fromEntries(
    [...fields].filter(([name, value]) => !taken.includes(name) && !(value === requestId && /request_?id$/i.test(name)))
  )

const quarterOfAnHour = 15n * 60_000n * nanosPerMilli

/** The time that a record says, if it is near the time of its event. */
const timestampOf = (fields: Fields, near: bigint): bigint | undefined => {
  const timestamp = fields.get("timestamp")
  const time = typeof timestamp === "string" ? nanosOf(timestamp) : undefined
  if (time === undefined) return undefined
  const apart = time > near ? time - near : near - time
  return apart <= quarterOfAnHour ? time : undefined
}

/** The span of an invocation, for a record of that invocation. */
const placeOf = (requestId: string | undefined, place: Place) =>
  requestId === place.requestId
    ? {
        ...(place.traceId === undefined ? undefined : { traceId: place.traceId }),
        ...(place.spanId === undefined ? undefined : { spanId: place.spanId }),
        ...(place.flags === undefined ? undefined : { flags: place.flags })
      }
    : {}

/** The trace of a record, and the fields that say it. */
const traceOf = (fields: Fields, requestId: string | undefined, place: Place) => {
  const invocation = placeOf(requestId, place)
  const traceId = idOf(fields.get("trace_id"), TraceContext.isTraceId)
  if (traceId === undefined) return { taken: [], trace: invocation }
  const spanId = idOf(fields.get("span_id"), TraceContext.isSpanId)
  const flags = flagsOf(fields.get("trace_flags"))
  return {
    taken: ["trace_id", ...(spanId === undefined ? [] : ["span_id"]), ...(flags === undefined ? [] : ["trace_flags"])],
    trace: {
      // The span of another trace is not the record's.
      ...(traceId === invocation.traceId ? invocation : { traceId }),
      ...(spanId === undefined ? undefined : { spanId }),
      ...(flags === undefined ? undefined : { flags })
    }
  }
}

const idOf = (value: unknown, isId: (text: string) => boolean): string | undefined => {
  const id = typeof value === "string" ? value.toLowerCase() : ""
  return isId(id) ? id : undefined
}

/** The flags of W3C's trace context: two hexadecimal digits, or their number. */
const flagsOf = (value: unknown): number | undefined => {
  const flags = typeof value === "string" && /^[0-9a-f]{2}$/i.test(value) ? Number.parseInt(value, 16) : value
  return typeof flags === "number" && Number.isInteger(flags) && flags >= 0 && flags <= 0xff ? flags : undefined
}
