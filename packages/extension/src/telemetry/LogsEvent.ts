/**
 * The records of the Logs API, schema versions 2020-08-15 and 2021-03-18. They
 * are decoded one by one, like the records of the Telemetry API. Known events stay
 * as they came, unknown ones are kept whole, and a bad one is a value with the
 * reason.
 *
 * Names that both APIs share mean the same: `platform.extension`,
 * `platform.logsDropped` and the logs are those of `PlatformEvent` and
 * `TelemetryEvent`. `platform.start`, `report` and `runtimeDone` hold less here.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import {
  event,
  ExtensionLog,
  FunctionLog,
  makeDecode,
  open,
  optional,
  type Undecodable,
  type UnknownEvent
} from "./internal/record/eventSchema.ts"
import * as PlatformEvent from "./PlatformEvent.ts"

/**
 * An invocation begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Start = /*#__PURE__*/ event("platform.start", () => ({
  requestId: Schema.String,
  version: Schema.optionalKey(Schema.String)
}))

/**
 * The function is done with an invocation. Schema 2021-03-18 only.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RuntimeDone = /*#__PURE__*/ event("platform.runtimeDone", () => ({
  requestId: Schema.String,
  status: open(["success", "failure", "timeout"])
}))

/**
 * An invocation has ended.
 *
 * @category schemas
 * @since 0.1.0
 */
export const End = /*#__PURE__*/ event("platform.end", () => ({ requestId: Schema.String }))

/**
 * The time and memory that an invocation took, without status and spans.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Report = /*#__PURE__*/ event("platform.report", () => ({
  requestId: Schema.String,
  metrics: Schema.Struct({
    durationMs: Schema.Finite,
    billedDurationMs: Schema.Finite,
    memorySizeMB: Schema.Finite,
    maxMemoryUsedMB: Schema.Finite,
    initDurationMs: optional(Schema.Finite)
  }),
  tracing: optional(PlatformEvent.Tracing)
}))

/**
 * The runtime or the environment failed. The record is a text, such as
 * `RequestId: <id>\tStatus: timeout\n`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = /*#__PURE__*/ Schema.Struct({
  time: Schema.String,
  type: /*#__PURE__*/ Schema.tag("platform.fault"),
  record: Schema.String
})

/**
 * Somebody subscribed to logs, or tried to.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LogsSubscription = /*#__PURE__*/ event("platform.logsSubscription", () => ({
  name: Schema.String,
  state: Schema.String,
  types: Schema.Array(Schema.String)
}))

/**
 * The events this library knows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const KnownEvent = /*#__PURE__*/ Schema.Union([
  Start,
  RuntimeDone,
  End,
  Report,
  Fault,
  LogsSubscription,
  PlatformEvent.Extension,
  PlatformEvent.LogsDropped,
  FunctionLog,
  ExtensionLog
])

/**
 * @category models
 * @since 0.1.0
 */
export type KnownEvent = typeof KnownEvent.Type

/**
 * Any record of the Logs API, told apart by `type`.
 *
 * @category models
 * @since 0.1.0
 */
export type LogsEvent = KnownEvent | UnknownEvent | Undecodable

/**
 * Decodes one record and never fails: a fault of the record is a value.
 * A known event is the very object that was given, with all its fields.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode: (original: unknown) => LogsEvent = /*#__PURE__*/ makeDecode<KnownEvent>(() => KnownEvent.members)

/**
 * The JSON value to send on: a known or an unknown event as it came, an
 * undecodable one as `{ type, reason, original }`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (event: LogsEvent): unknown => (event.type === "unknown" ? event.original : event)
