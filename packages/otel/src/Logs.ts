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
import { add, deepest } from "./internal/anyValue.ts"
import { originalOf, valueOf } from "./internal/logValue.ts"
import { nanosOf, nanosOfMillis, nanosPerMilli, nanosTextOf, observedText, plainMillisOf } from "./internal/time.ts"
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
type Fields = Readonly<Record<string, unknown>>

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

const setSeverity = (record: LogRecord, text: string, severity: string | undefined): void => {
  record.severityText = text.toWellFormed()
  const severityNumber = severityNumbers.get(severity)
  if (severityNumber !== undefined) record.severityNumber = severityNumber
}

/** A record without what only some have; a time that cannot be read is that of the observation. */
const make = (
  time: string | undefined,
  observed: string,
  body: Attributes.AnyValue,
  attributes: Array<Attributes.KeyValue>
): LogRecord => ({
  timeUnixNano: time ?? observed,
  observedTimeUnixNano: observed,
  droppedAttributesCount: 0,
  body,
  attributes
})

const invocationName = "faas.invocation_id"
const timeName = "effect_lambda.time"

/** The attributes that an event adds to its record. */
const attributesOf = (time: string | undefined, text: string, requestId: string | undefined) => ({
  ...(time === undefined ? { [timeName]: text } : undefined),
  ...(requestId === undefined ? undefined : { [invocationName]: requestId })
})

const ofUndecodable = (event: TelemetryEvent.Undecodable, place: Place): LogRecord => {
  const attributes = Attributes.entries({ "effect_lambda.undecodable": event.reason })
  const observed = observedText(place.observedAt)
  const record = make(undefined, observed, Attributes.anyValue(originalOf(event)), attributes)
  setSeverity(record, "WARN", "WARN")
  return record
}

const ofPlatform = (event: Platform, type: string, body: unknown, place: Place): LogRecord => {
  const time = nanosTextOf(event.time)
  const requestId = TelemetryEvent.requestId(event)
  const severity = TelemetryEvent.severity(event) ?? "INFO"
  // Effect serialises no `eventName`.
  const attributes = Attributes.entries({ "event.name": type, ...attributesOf(time, event.time, requestId) })
  const record = make(time, observedText(place.observedAt), Attributes.anyValue(body), attributes)
  setSeverity(record, severity, severity)
  setSpan(record, requestId, place)
  return record
}

/** The fields of a line of text, or of a value that has none at the top. */
const noFields: Fields = {}

const ofLog = (event: Log, place: Place): LogRecord => {
  const value = valueOf(event)
  // A line of text that is JSON is read once, and not again by each accessor.
  const read: Log = typeof event.record === "string" && typeof value !== "string" ? { ...event, record: value } : event
  const requestId = (place.isCertain === true ? undefined : TelemetryEvent.requestId(read)) ?? place.requestId
  const level = TelemetryEvent.level(read)
  const time = nanosTextOf(event.time)
  const fields = Predicate.isObject(value) ? value : noFields
  // V8 finds a field by a name that it knows at once.
  const { message: first, msg, timestamp } = fields
  const own = timestampOf(timestamp, event.time, time, place.observedAt)
  const message = typeof first === "string" ? "message" : typeof msg === "string" ? "msg" : undefined
  const body = Attributes.anyValue(message === undefined ? value : fields[message])
  // Without a message the body has the fields.
  const others = message === undefined ? noFields : fields
  // V8 gives an empty list room for many as soon as it gets its first element.
  const attributes =
    requestId === undefined || others[invocationName] !== undefined ? [] : [invocationAttribute(requestId)]
  if (time === undefined) addFree(attributes, others, timeName, event.time)
  if (requestId === undefined && place.isConcurrent === true) {
    addFree(attributes, others, "effect_lambda.unattributed", true)
  }
  if (event.type === "extension") addFree(attributes, others, "effect_lambda.log_type", event.type)
  const record = make(own ?? time, observedText(place.observedAt), body, attributes)
  if (level !== undefined) setSeverity(record, level.text, level.severity)
  const taken = setTrace(record, fields, requestId, place)
  for (const name in others) {
    if (name === message || name === level?.field || (name === "timestamp" && own !== undefined)) continue
    const field = others[name]
    if ((field === requestId && /request_?id$/i.test(name)) || taken.includes(name)) continue
    add(attributes, name, field, deepest)
  }
  return record
}

/** Adds an attribute unless there is a field of that name. */
const addFree = (attributes: Array<Attributes.KeyValue>, fields: Fields, name: string, value: unknown): void => {
  if (fields[name] === undefined) add(attributes, name, value, deepest)
}

let lastInvocation: Attributes.KeyValue = { key: invocationName, value: { stringValue: "" } }

/** The same object for all records of an invocation. */
const invocationAttribute = (requestId: string): Attributes.KeyValue => {
  if (lastInvocation.value.stringValue !== requestId) {
    lastInvocation = { key: invocationName, value: { stringValue: requestId.toWellFormed() } }
  }
  return lastInvocation
}

const quarterOfAnHour = 15 * 60_000

/** The time that a record says, if it is near the time of its event. */
const timestampOf = (
  timestamp: unknown,
  eventTime: string,
  eventNanos: string | undefined,
  observedAt: number
): string | undefined => {
  if (timestamp === eventTime) return eventNanos
  if (typeof timestamp !== "string") return undefined
  const [plain, plainNear] = [plainMillisOf(timestamp), plainMillisOf(eventTime)]
  if (plain !== undefined && plainNear !== undefined) {
    return Math.abs(plain - plainNear) <= quarterOfAnHour ? nanosTextOf(timestamp) : undefined
  }
  const time = nanosOf(timestamp)
  if (time === undefined) return undefined
  const near = nanosOf(eventTime) ?? nanosOfMillis(observedAt)
  const apart = time > near ? time - near : near - time
  return apart <= BigInt(quarterOfAnHour) * nanosPerMilli ? String(time) : undefined
}

/** Puts a record of an invocation into the span of that invocation. */
const setSpan = (record: LogRecord, requestId: string | undefined, place: Place): void => {
  if (requestId !== place.requestId) return
  if (place.traceId !== undefined) record.traceId = place.traceId
  if (place.spanId !== undefined) record.spanId = place.spanId
  if (place.flags !== undefined) record.flags = place.flags
}

/** Puts a record into the trace that it says, or else into the span of its invocation. Gives the fields that say the trace. */
const setTrace = (
  record: LogRecord,
  fields: Fields,
  requestId: string | undefined,
  place: Place
): ReadonlyArray<string> => {
  const { span_id, trace_flags, trace_id } = fields
  const traceId = idOf(trace_id, TraceContext.isTraceId)
  // The span of another trace is not the record's.
  if (traceId === undefined || (requestId === place.requestId && traceId === place.traceId)) {
    setSpan(record, requestId, place)
  }
  if (traceId === undefined) return []
  record.traceId = traceId
  const taken = ["trace_id"]
  const spanId = idOf(span_id, TraceContext.isSpanId)
  if (spanId !== undefined) {
    record.spanId = spanId
    taken.push("span_id")
  }
  const flags = flagsOf(trace_flags)
  if (flags !== undefined) {
    record.flags = flags
    taken.push("trace_flags")
  }
  return taken
}

const idOf = (value: unknown, isId: (text: string) => boolean): string | undefined => {
  if (typeof value !== "string") return undefined
  const id = value.toLowerCase()
  return isId(id) ? id : undefined
}

/** The flags of W3C's trace context: two hexadecimal digits, or their number. */
const flagsOf = (value: unknown): number | undefined => {
  const flags = typeof value === "string" && /^[0-9a-f]{2}$/i.test(value) ? Number.parseInt(value, 16) : value
  return typeof flags === "number" && Number.isInteger(flags) && flags >= 0 && flags <= 0xff ? flags : undefined
}
