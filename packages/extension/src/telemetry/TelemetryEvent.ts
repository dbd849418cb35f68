/**
 * The records of the Telemetry API: the `platform.*` events of `PlatformEvent`,
 * `function` and `extension` logs, and whatever a later Lambda may send.
 *
 * Records are decoded one at a time ({@link decode}), so a bad record never costs
 * its neighbours. A bad record becomes an {@link Undecodable} with the reason and
 * the original. Nothing is lost on the way: unknown fields stay in the event,
 * unknown types are kept whole, and {@link encode} gives back what came.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  ExtensionLog,
  FunctionLog,
  makeDecode,
  type Undecodable,
  type UnknownEvent
} from "./internal/record/eventSchema.ts"
import * as logFields from "./internal/record/logFields.ts"
import { invocationOf, settle } from "./internal/record/originalText.ts"
import * as encoding from "./internal/record/encoding.ts"
import * as PlatformEvent from "./PlatformEvent.ts"

export { ExtensionLog, FunctionLog, type Undecodable, type UnknownEvent } from "./internal/record/eventSchema.ts"

/**
 * The events this library knows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const KnownEvent = /*#__PURE__*/ Schema.Union([PlatformEvent.PlatformEvent, FunctionLog, ExtensionLog])

/**
 * @category models
 * @since 0.1.0
 */
export type KnownEvent = typeof KnownEvent.Type

/**
 * Any event, told apart by `type`.
 *
 * @category models
 * @since 0.1.0
 */
export type TelemetryEvent = KnownEvent | UnknownEvent | Undecodable

/**
 * Decodes one record and never fails: a fault of the record is a value.
 * A known event is the very object that was given, with all its fields.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode: (original: unknown) => TelemetryEvent = /*#__PURE__*/ makeDecode<KnownEvent>(() => [
  ...PlatformEvent.PlatformEvent.members,
  FunctionLog,
  ExtensionLog
])

/**
 * A record that does not come from Lambda, for the sinks that know its type: what is in `original.value` waits in their
 * queues and is sent as a record of Lambda is. Its JSON says its type and no more.
 *
 * @param options.bytes what the value takes: of a batch, and of the bound of a queue
 * @category constructors
 * @since 0.1.0
 */
export const external = (options: {
  readonly type: string
  /** ISO 8601. Default: empty. */
  readonly time?: string | undefined
  readonly value: unknown
  readonly bytes: number
}): UnknownEvent => {
  const { bytes, time = "", type, value } = options
  const event: UnknownEvent = { type: "unknown", time, original: { time, type, value } }
  settle(event, { json: JSON.stringify({ time, type }), bytes, held: bytes + heldBeside })
  return event
}

// The objects of an event without its value.
const heldBeside = 300

/**
 * The JSON value to send on: a known or an unknown event as it came, an
 * undecodable one as `{ type, reason, original }`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (event: TelemetryEvent): unknown => (event.type === "unknown" ? event.original : event)

/**
 * The JSON text to send on. An event as it came from Lambda keeps the text it came in. Numbers of any size, the order of the
 * fields, fields that come twice and escapes stay as they are. `JSON.parse` and `JSON.stringify` would not keep them. In the
 * text of an undecodable record, `original` is the record as it came.
 *
 * The text belongs to this very object. An event that is passed on or filtered keeps it; a copy (`{ ...event, record }`) is
 * written from its values. A field that is assigned changes nothing of the text, so copy instead.
 *
 * It never throws. An event that cannot be written (a getter or `toJSON` throws, or there is a cycle) gives the text of an
 * undecodable record with the reason.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toJson = (event: TelemetryEvent): string => encoding.toJson(event)

/** The types of an event say that nothing throws. A program may make one that is against them: null, a getter, a proxy. */
const orElse = <A>(read: (event: TelemetryEvent) => A, event: TelemetryEvent, otherwise: A): A => {
  try {
    return read(event)
  } catch {
    return otherwise
  }
}

/**
 * The invocation an event belongs to, if it says so. Never throws: an event that cannot be read belongs to none.
 *
 * - `platform.start`, `platform.runtimeDone`, `platform.report`: theirs
 * - JSON logs: `AWSRequestId`, `awsRequestId`, `aws_request_id`,
 *   `function_request_id` or `requestId`, in this order, also in `span` and
 *   `annotations`. A line of text that is JSON counts as well
 * - text logs: the id that the runtimes of Node, Python, .NET and Ruby print
 *   before a message, and Java in the layout of Lambda's documentation
 * - any other log that came to a receiver with the type `platform`:
 *   the invocation that was under way, from `platform.start` to
 *   `platform.report`. On managed instances invocations run side by side, so
 *   such a log has none there. A copy of the event (`{ ...event }`) has none
 *
 * @category accessors
 * @since 0.1.0
 */
export const requestId = (event: TelemetryEvent): string | undefined => orElse(readRequestId, event, undefined)

const readRequestId = (event: TelemetryEvent): string | undefined => {
  switch (event.type) {
    case "platform.start":
    case "platform.runtimeDone":
    case "platform.report": {
      const { requestId } = event.record
      return typeof requestId === "string" ? requestId : undefined
    }
    case "function":
    case "extension":
      return logFields.requestIdOf(event.record) ?? invocationOf(event)
    default:
      return undefined
  }
}

/**
 * How serious an event is, an open enumeration in upper case.
 *
 * @category models
 * @since 0.1.0
 */
export type Severity = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL" | (string & {})

/**
 * How serious an event is, if somebody says so. Never throws: an event that cannot be read has no severity.
 *
 * - JSON logs: their `level`, `log_level`, `severity`, `LogLevel`, `levelname`,
 *   `log.level` or `@l`, in upper case. A line of text that is JSON counts as
 *   well. The numbers of pino and bunyan, 10 to 60, are `TRACE` to `FATAL`
 * - text logs: the level that the runtimes of Node, Python, .NET and Ruby print
 *   before a message, and Java in the layout of Lambda's documentation. The
 *   further lines of a stack trace have none
 * - other names for the same are made one: `WARNING` is `WARN`, `fail` is
 *   `ERROR`, `CRITICAL` and `crit` are `FATAL`, `trce` is `TRACE`
 * - `platform.*`: `ERROR` with any status but `success`, and for an extension
 *   that stopped with an error; `WARN` for dropped records
 *
 * @category accessors
 * @since 0.1.0
 */
export const severity = (event: TelemetryEvent): Severity | undefined => orElse(readSeverity, event, undefined)

const readSeverity = (event: TelemetryEvent): Severity | undefined => {
  switch (event.type) {
    case "function":
    case "extension":
      return logFields.levelOf(event.record)?.severity
    case "platform.initRuntimeDone":
    case "platform.initReport":
    case "platform.runtimeDone":
    case "platform.report":
    case "platform.restoreRuntimeDone":
    case "platform.restoreReport": {
      const { status } = event.record
      return status === undefined || status === null || status === "success" ? undefined : "ERROR"
    }
    case "platform.extension":
      return event.record.errorType === undefined || event.record.errorType === null ? undefined : "ERROR"
    case "platform.logsDropped":
      return "WARN"
    default:
      return undefined
  }
}

/**
 * The level of a log, as its writer wrote it.
 *
 * - `text`: the words or the number, such as `Warning` or `30`
 * - `field`: the field that holds it, such as `log.level`; a line of plain text has none
 * - `severity`: what {@link severity} says
 *
 * @category models
 * @since 0.1.0
 */
export interface Level {
  readonly text: string
  readonly field?: string | undefined
  readonly severity?: Severity | undefined
}

/**
 * The level of a log as it is written, if it has one; {@link severity} has the same level under its one name. Never throws:
 * an event that is no log, or that cannot be read, has no level.
 *
 * @category accessors
 * @since 0.1.0
 */
export const level = (event: TelemetryEvent): Level | undefined => orElse(readLevel, event, undefined)

const readLevel = (event: TelemetryEvent): Level | undefined =>
  event.type === "function" || event.type === "extension" ? logFields.levelOf(event.record) : undefined

/**
 * The place of an event in an X-Ray trace.
 *
 * - `traceId`: the `Root`, such as `1-62e900b2-710d76f009d6e7785905449a`
 * - `parentId`: the `Parent`, 16 hexadecimal digits
 * - `isSampled`: whether `Sampled` is 1
 * - `spanId`: the id Lambda gave to the phase itself
 *
 * @category models
 * @since 0.1.0
 */
export interface TraceContext {
  readonly traceId: string
  readonly parentId?: string
  readonly isSampled: boolean
  readonly spanId?: string
}

/**
 * The trace of a `platform.*` event, if it has one, read from `record.tracing`
 * with its text `Root=…;Parent=…;Sampled=…`. Never throws: an event that
 * cannot be read has none.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-otel-spans.html
 * @category accessors
 * @since 0.1.0
 */
export const traceContext = (event: TelemetryEvent): TraceContext | undefined =>
  orElse(readTraceContext, event, undefined)

const readTraceContext = (event: TelemetryEvent): TraceContext | undefined => {
  if (event.type === "unknown" || event.type === "undecodable") return undefined
  if (event.type === "function" || event.type === "extension" || !("tracing" in event.record)) return undefined
  const { tracing } = event.record
  if (tracing === undefined || tracing === null) return undefined
  const parts = new Map<string, string>()
  for (const part of tracing.value.split(";")) {
    const equals = part.indexOf("=")
    if (equals > 0) parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim())
  }
  const traceId = parts.get("Root")
  if (traceId === undefined || traceId === "") return undefined
  const parentId = parts.get("Parent")
  const { spanId } = tracing
  return {
    traceId,
    ...(parentId === undefined ? undefined : { parentId }),
    isSampled: parts.get("Sampled") === "1",
    ...(typeof spanId === "string" ? { spanId } : undefined)
  }
}

/**
 * The stretches of time an event reports; none for most, and none for an event
 * that cannot be read. It never throws.
 *
 * @category accessors
 * @since 0.1.0
 */
export const spans = (event: TelemetryEvent): ReadonlyArray<PlatformEvent.Span> => orElse(readSpans, event, [])

const readSpans = (event: TelemetryEvent): ReadonlyArray<PlatformEvent.Span> => {
  switch (event.type) {
    case "platform.initRuntimeDone":
    case "platform.initReport":
    case "platform.runtimeDone":
    case "platform.report":
    case "platform.restoreRuntimeDone":
    case "platform.restoreReport": {
      const { spans } = event.record
      return Array.isArray(spans) ? spans : []
    }
    default:
      return []
  }
}

/**
 * A log record as text, without the line break at its end (Lambda keeps it,
 * AWS's local emulator does not). An event that is not a log has none.
 *
 * A record that is not a text comes as JSON: the JSON it came in, as {@link toJson} keeps it, with integers of any size and
 * `1.10`. The record of a copy (`{ ...event, record }`) is written from its values.
 *
 * It never throws. A record that cannot be written has no text, and {@link toJson} gives the reason.
 *
 * @category accessors
 * @since 0.1.0
 */
export const text = (event: TelemetryEvent): string | undefined => orElse(readText, event, undefined)

const readText = (event: TelemetryEvent): string | undefined => {
  if (event.type !== "function" && event.type !== "extension") return undefined
  const { record } = event
  return typeof record === "string" ? record.replace(/\r?\n$/, "") : encoding.recordOf(event)
}
