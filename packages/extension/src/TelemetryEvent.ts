/**
 * The records of the Telemetry API: every `platform.*` event of schema
 * versions 2022-07-01, 2022-12-13 and 2025-01-29, `function` and `extension`
 * logs, and whatever a later Lambda may send.
 *
 * One record is decoded at a time ({@link decode}), so a bad record never costs
 * its neighbours: it becomes an {@link Undecodable} with the reason and the
 * original. A field is optional here where at least one schema version leaves
 * it out; unknown fields are dropped, unknown types kept whole.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const open = <const Literals extends ReadonlyArray<string>>(literals: Literals) =>
  Schema.Union([Schema.Literals(literals), Schema.StringForLiteralAutocomplete])

/**
 * How the environment was initialised, an open enumeration.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitType = open(["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"])

/**
 * `init` before the first invocation, `invoke` where init is repeated inside
 * one; an open enumeration.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitPhase = open(["init", "invoke"])

/**
 * How a phase ended, an open enumeration. A handler that throws is a
 * `success`: for Lambda the runtime has done its work.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Status = open(["success", "error", "failure", "timeout"])

/**
 * A stretch of time inside a phase: `responseLatency`, `responseDuration`,
 * `runtimeOverhead`, `extensionOverhead`. `durationMs` has at most three decimals.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Span = Schema.Struct({
  name: Schema.String,
  start: Schema.String,
  durationMs: Schema.Finite
})

/**
 * The X-Ray trace of an invocation; absent where it is not sampled.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TraceContext = Schema.Struct({
  type: Schema.String,
  value: Schema.String,
  spanId: Schema.optionalKey(Schema.String)
})

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const spans = Schema.optionalKey(Schema.Array(Span))
const tracing = optional(TraceContext)
const errorType = optional(Schema.String)
const tenantId = optional(Schema.String)

const runtimeVersion = {
  runtimeVersion: Schema.optionalKey(Schema.String),
  runtimeVersionArn: Schema.optionalKey(Schema.String)
}
const instance = {
  functionName: Schema.optionalKey(Schema.String),
  functionVersion: Schema.optionalKey(Schema.String),
  /** The name of the log stream, such as `2026/09/15/[$LATEST]…`. */
  instanceId: Schema.optionalKey(Schema.String),
  /** Bytes. */
  instanceMaxMemory: Schema.optionalKey(Schema.Finite)
}

const event = <const Type extends string, Record extends Schema.Constraint>(type: Type, record: Record) =>
  Schema.Struct({ time: Schema.String, type: Schema.tag(type), record })

/**
 * Init begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitStart = event(
  "platform.initStart",
  Schema.Struct({ initializationType: InitType, phase: InitPhase, ...runtimeVersion, ...instance, tracing })
)

/**
 * The runtime has finished its part of init.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitRuntimeDone = event(
  "platform.initRuntimeDone",
  Schema.Struct({ initializationType: InitType, phase: InitPhase, status: Status, errorType, spans, tracing })
)

/**
 * Init is over. There is no `status` in schema 2022-07-01.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitReport = event(
  "platform.initReport",
  Schema.Struct({
    initializationType: InitType,
    phase: InitPhase,
    metrics: Schema.Struct({ durationMs: Schema.Finite }),
    status: optional(Status),
    errorType,
    spans,
    tracing
  })
)

/**
 * An invocation begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Start = event(
  "platform.start",
  Schema.Struct({
    requestId: Schema.String,
    version: Schema.optionalKey(Schema.String),
    functionArn: optional(Schema.String),
    tenantId,
    tracing
  })
)

/**
 * The function is done with an invocation; extensions may still be at work.
 * Not sent on managed instances.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RuntimeDone = event(
  "platform.runtimeDone",
  Schema.Struct({
    requestId: Schema.String,
    status: Status,
    errorType,
    metrics: optional(Schema.Struct({ durationMs: Schema.Finite, producedBytes: optional(Schema.Finite) })),
    spans,
    tenantId,
    tracing
  })
)

/**
 * An invocation is over, extensions included. It comes after every extension
 * has called next, so usually with the next invocation or with SHUTDOWN: to
 * wait for it before calling next is to wait for ever.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Report = event(
  "platform.report",
  Schema.Struct({
    requestId: Schema.String,
    status: optional(Status),
    errorType,
    metrics: Schema.Struct({
      durationMs: Schema.Finite,
      billedDurationMs: optional(Schema.Finite),
      memorySizeMB: optional(Schema.Finite),
      maxMemoryUsedMB: optional(Schema.Finite),
      initDurationMs: optional(Schema.Finite),
      restoreDurationMs: optional(Schema.Finite),
      billedRestoreDurationMs: optional(Schema.Finite)
    }),
    spans,
    tenantId,
    tracing
  })
)

/**
 * An extension, once init is over: `Ready`, or the state it stopped in.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Extension = event(
  "platform.extension",
  Schema.Struct({ name: Schema.String, state: Schema.String, events: Schema.Array(Schema.String), errorType })
)

/**
 * Somebody subscribed to telemetry, or tried to.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TelemetrySubscription = event(
  "platform.telemetrySubscription",
  Schema.Struct({ name: Schema.String, state: Schema.String, types: Schema.Array(Schema.String) })
)

/**
 * Lambda dropped records before it delivered them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LogsDropped = event(
  "platform.logsDropped",
  Schema.Struct({ droppedBytes: Schema.Finite, droppedRecords: Schema.Finite, reason: Schema.String })
)

/**
 * A restore from a SnapStart snapshot begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RestoreStart = event("platform.restoreStart", Schema.Struct({ ...runtimeVersion, ...instance, tracing }))

/**
 * The runtime has finished its part of a restore.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RestoreRuntimeDone = event(
  "platform.restoreRuntimeDone",
  Schema.Struct({ status: Status, errorType, spans, tracing })
)

/**
 * A restore is over.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RestoreReport = event(
  "platform.restoreReport",
  Schema.Struct({
    metrics: Schema.Struct({ durationMs: Schema.Finite }),
    status: optional(Status),
    errorType,
    spans,
    tracing
  })
)

/**
 * A log record of the function: a string (real Lambda keeps the newline at its
 * end), or any JSON where the function logs JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FunctionLog = event("function", Schema.Unknown)

/**
 * A log record of an extension, this one included.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ExtensionLog = event("extension", Schema.Unknown)

/**
 * The events this library knows.
 *
 * @category schemas
 * @since 0.1.0
 */
export const KnownEvent = Schema.Union([
  InitStart,
  InitRuntimeDone,
  InitReport,
  Start,
  RuntimeDone,
  Report,
  Extension,
  TelemetrySubscription,
  LogsDropped,
  RestoreStart,
  RestoreRuntimeDone,
  RestoreReport,
  FunctionLog,
  ExtensionLog
])

/**
 * @category models
 * @since 0.1.0
 */
export type KnownEvent = typeof KnownEvent.Type

/**
 * An event of a type this library does not know, whole in `original`.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownEvent {
  readonly type: "unknown"
  readonly time: string
  readonly original: { readonly type: string; readonly [key: string]: unknown }
}

/**
 * A record that could not be decoded: why, and as it came.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undecodable {
  readonly type: "undecodable"
  readonly reason: string
  readonly original: unknown
}

/**
 * Any event, told apart by `type`.
 *
 * @category models
 * @since 0.1.0
 */
export type TelemetryEvent = KnownEvent | UnknownEvent | Undecodable

const knownTypes = new Set<string>(KnownEvent.members.map((member) => member.fields.type.schema.literal))

const decodeKnown = Schema.decodeUnknownResult(KnownEvent)
const decodeEnvelope = Schema.decodeUnknownOption(
  Schema.StructWithRest(Schema.Struct({ time: Schema.String, type: Schema.String }), [
    Schema.Record(Schema.String, Schema.Unknown)
  ])
)

/**
 * Decodes one record. It never fails: what is wrong with a record is a value.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (original: unknown): TelemetryEvent => {
  const known = decodeKnown(original)
  if (Result.isSuccess(known)) return known.success
  const envelope = decodeEnvelope(original)
  if (Option.isSome(envelope) && !knownTypes.has(envelope.value.type)) {
    return { type: "unknown", time: envelope.value.time, original: envelope.value }
  }
  return { type: "undecodable", reason: known.failure.message, original }
}

/**
 * The invocation an event belongs to, where it says so: `platform.start`,
 * `platform.runtimeDone`, `platform.report`, and JSON logs with a `requestId`.
 *
 * @category accessors
 * @since 0.1.0
 */
export const requestId = (event: TelemetryEvent): string | undefined => {
  switch (event.type) {
    case "platform.start":
    case "platform.runtimeDone":
    case "platform.report":
      return event.record.requestId
    case "function":
    case "extension":
      return stringField(event.record, "requestId")
    default:
      return undefined
  }
}

const stringField = (record: unknown, name: string): string | undefined => {
  if (typeof record !== "object" || record === null) return undefined
  const value: unknown = Object.entries(record).find(([key]) => key === name)?.[1]
  return typeof value === "string" ? value : undefined
}
