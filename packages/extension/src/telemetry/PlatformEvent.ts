/**
 * The events of Lambda itself: every `platform.*` event of schema versions
 * 2022-07-01, 2022-12-13 and 2025-01-29, as `TelemetryEvent.decode` gives them.
 *
 * A field is optional here if at least one schema version leaves it out.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { event, open, optional } from "./internal/record/eventSchema.ts"

/**
 * How the environment was initialised, an open enumeration.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitType = /*#__PURE__*/ open([
  "on-demand",
  "provisioned-concurrency",
  "snap-start",
  "lambda-managed-instances"
])

/**
 * `init` before the first invocation, `invoke` if init is repeated inside an
 * invocation; an open enumeration.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitPhase = /*#__PURE__*/ open(["init", "invoke"])

/**
 * How a phase ended, an open enumeration. A handler that throws is a
 * `success`: for Lambda the runtime has done its work.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Status = /*#__PURE__*/ open(["success", "error", "failure", "timeout"])

/**
 * A stretch of time inside a phase: `responseLatency`, `responseDuration`,
 * `runtimeOverhead`, `extensionOverhead`. `durationMs` has at most three decimals.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Span = /*#__PURE__*/ Schema.Struct({
  name: Schema.String,
  start: Schema.String,
  durationMs: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Span extends Schema.Schema.Type<typeof Span> {}

/**
 * The X-Ray trace of an invocation as Lambda sends it, absent if the invocation
 * is not sampled; `TelemetryEvent.traceContext` takes it apart.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Tracing = /*#__PURE__*/ Schema.Struct({
  type: Schema.String,
  value: Schema.String,
  spanId: /*#__PURE__*/ Schema.optionalKey(Schema.String)
})

const spans = /*#__PURE__*/ Schema.optionalKey(/*#__PURE__*/ Schema.Array(Span))
const tracing = /*#__PURE__*/ optional(Tracing)
const errorType = /*#__PURE__*/ optional(Schema.String)
const tenantId = /*#__PURE__*/ optional(Schema.String)

/** The fields about the environment in `platform.initStart` and `platform.restoreStart`. */
const environment = () => ({
  runtimeVersion: Schema.optionalKey(Schema.String),
  runtimeVersionArn: Schema.optionalKey(Schema.String),
  functionName: Schema.optionalKey(Schema.String),
  functionVersion: Schema.optionalKey(Schema.String),
  /** The name of the log stream, such as `2026/09/15/[$LATEST]…`. */
  instanceId: Schema.optionalKey(Schema.String),
  /** Bytes. */
  instanceMaxMemory: Schema.optionalKey(Schema.Finite)
})

/**
 * Init begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitStart = /*#__PURE__*/ event("platform.initStart", () => ({
  initializationType: InitType,
  phase: InitPhase,
  ...environment(),
  tracing
}))

/**
 * The runtime has finished its part of init.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitRuntimeDone = /*#__PURE__*/ event("platform.initRuntimeDone", () => ({
  initializationType: InitType,
  phase: InitPhase,
  status: Status,
  errorType,
  spans,
  tracing
}))

/**
 * Init has ended. There is no `status` in schema 2022-07-01.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitReport = /*#__PURE__*/ event("platform.initReport", () => ({
  initializationType: InitType,
  phase: InitPhase,
  metrics: Schema.Struct({ durationMs: Schema.Finite }),
  status: optional(Status),
  errorType,
  spans,
  tracing
}))

/**
 * An invocation begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Start = /*#__PURE__*/ event("platform.start", () => ({
  requestId: Schema.String,
  version: Schema.optionalKey(Schema.String),
  functionArn: optional(Schema.String),
  tenantId,
  tracing
}))

/**
 * The function is done with an invocation; extensions may still be at work.
 * Not sent on managed instances.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RuntimeDone = /*#__PURE__*/ event("platform.runtimeDone", () => ({
  requestId: Schema.String,
  status: Status,
  errorType,
  metrics: optional(Schema.Struct({ durationMs: Schema.Finite, producedBytes: optional(Schema.Finite) })),
  spans,
  tenantId,
  tracing
}))

/**
 * An invocation has ended, extensions included. The record comes after every
 * extension has called next, so usually with the next invocation or with
 * SHUTDOWN: a wait for it before next never ends.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Report = /*#__PURE__*/ event("platform.report", () => ({
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
}))

/**
 * The state of an extension at the end of init: `Ready`, or the state in which
 * it stopped.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Extension = /*#__PURE__*/ event("platform.extension", () => ({
  name: Schema.String,
  state: Schema.String,
  events: Schema.Array(Schema.String),
  errorType
}))

/**
 * An extension subscribed to telemetry, or tried to.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TelemetrySubscription = /*#__PURE__*/ event("platform.telemetrySubscription", () => ({
  name: Schema.String,
  state: Schema.String,
  types: Schema.Array(Schema.String)
}))

/**
 * Lambda dropped records before it delivered them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LogsDropped = /*#__PURE__*/ event("platform.logsDropped", () => ({
  droppedBytes: Schema.Finite,
  droppedRecords: Schema.Finite,
  reason: Schema.String
}))

/**
 * A restore from a SnapStart snapshot begins.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RestoreStart = /*#__PURE__*/ event("platform.restoreStart", () => ({ ...environment(), tracing }))

/**
 * The runtime has finished its part of a restore.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RestoreRuntimeDone = /*#__PURE__*/ event("platform.restoreRuntimeDone", () => ({
  status: Status,
  errorType,
  spans,
  tracing
}))

/**
 * A restore has ended.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RestoreReport = /*#__PURE__*/ event("platform.restoreReport", () => ({
  metrics: Schema.Struct({ durationMs: Schema.Finite }),
  status: optional(Status),
  errorType,
  spans,
  tracing
}))

/**
 * Any event of Lambda itself, distinguished by `type`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const PlatformEvent = /*#__PURE__*/ Schema.Union([
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
  RestoreReport
])

/**
 * @category models
 * @since 0.1.0
 */
export type PlatformEvent = typeof PlatformEvent.Type
