/**
 * Telemetry in tests of extensions: records that the script of `ExtensionTest` delivers with its events. They pass
 * through the real receiver, as bytes.
 *
 * Each record has its type, so a test of code that maps records needs no cast. The options of a record are its time and
 * those of its fields that differ from the defaults.
 *
 * **Example** (A log line that arrives 100 ms after the invocation)
 *
 * ```ts
 * import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
 *
 * export const layer = ExtensionTest.layer([
 *   ExtensionTest.invoke({
 *     delivers: [
 *       TelemetryTest.delivery([TelemetryTest.start("request-1"), TelemetryTest.log("hello")]),
 *       TelemetryTest.delivery([TelemetryTest.runtimeDone("request-1")], { after: "100 millis" })
 *     ]
 *   }),
 *   ExtensionTest.shutdown({ delivers: [TelemetryTest.delivery([TelemetryTest.report("request-1")])] })
 * ])
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Delivery } from "./internal/script.ts"
import type * as PlatformEvent from "../telemetry/PlatformEvent.ts"
import type * as TelemetryEvent from "../telemetry/TelemetryEvent.ts"

export type { Delivery } from "./internal/script.ts"

interface Options {
  /** The time from the event to the delivery. Default: at once. */
  readonly after?: Duration.Input | undefined
}

/**
 * An HTTP body as given, for bodies that are not a proper batch.
 *
 * @category constructors
 * @since 0.1.0
 */
export const body = (text: string, options: Options = {}): Delivery => ({
  afterMillis: Duration.toMillis(options.after ?? 0),
  body: text
})

/**
 * A batch of records. Any JSON is accepted, so that a test can send records that this library does not know.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delivery = (records: ReadonlyArray<unknown>, options: Options = {}): Delivery =>
  body(JSON.stringify(records), options)

/** The time of a record, and the fields of it that differ from the defaults. */
type Fields<Event extends { readonly record: object }> = Partial<Event["record"]> & {
  /** ISO 8601. Default: `2026-01-01T00:00:00.000Z`. */
  readonly time?: string
}

/** As {@link Fields}; metrics that are given replace the defaults one by one. */
type MeasuredFields<Event extends { readonly record: { readonly metrics: object } }> = Omit<
  Fields<Event>,
  "metrics"
> & {
  readonly metrics?: Partial<Event["record"]["metrics"]>
}

const defaultTime = "2026-01-01T00:00:00.000Z"

/** The fields about the environment, as the first version of a function `test` has them. */
const environment = {
  functionName: "test",
  functionVersion: "$LATEST",
  instanceId: "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
  instanceMaxMemory: 134_217_728
}

/**
 * The trace of an invocation, for the field `tracing` of the records of Lambda itself.
 *
 * @param value the text of the X-Ray header, `Root=1-…;Parent=…;Sampled=1`
 * @param spanId the segment of the function, which active tracing has
 * @category constructors
 * @since 0.1.0
 */
export const tracing = (value: string, spanId?: string): typeof PlatformEvent.Tracing.Type => ({
  ...(spanId === undefined ? undefined : { spanId }),
  type: "X-Amzn-Trace-Id",
  value
})

/**
 * `platform.initStart`. Default: an on-demand init before the first invocation.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initStart = ({
  time = defaultTime,
  ...fields
}: Fields<typeof PlatformEvent.InitStart.Type> = {}): typeof PlatformEvent.InitStart.Type => ({
  time,
  type: "platform.initStart",
  record: { initializationType: "on-demand", phase: "init", ...environment, ...fields }
})

/**
 * `platform.initRuntimeDone`. Default: `success`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initRuntimeDone = ({
  time = defaultTime,
  ...fields
}: Fields<typeof PlatformEvent.InitRuntimeDone.Type> = {}): typeof PlatformEvent.InitRuntimeDone.Type => ({
  time,
  type: "platform.initRuntimeDone",
  record: { initializationType: "on-demand", phase: "init", status: "success", ...fields }
})

/**
 * `platform.initReport`. Default: `success` after 200 ms.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initReport = ({
  metrics,
  time = defaultTime,
  ...fields
}: MeasuredFields<typeof PlatformEvent.InitReport.Type> = {}): typeof PlatformEvent.InitReport.Type => ({
  time,
  type: "platform.initReport",
  record: {
    initializationType: "on-demand",
    phase: "init",
    status: "success",
    metrics: { durationMs: 200, ...metrics },
    ...fields
  }
})

/**
 * `platform.restoreStart`, of SnapStart.
 *
 * @category constructors
 * @since 0.1.0
 */
export const restoreStart = ({
  time = defaultTime,
  ...fields
}: Fields<typeof PlatformEvent.RestoreStart.Type> = {}): typeof PlatformEvent.RestoreStart.Type => ({
  time,
  type: "platform.restoreStart",
  record: { ...environment, ...fields }
})

/**
 * `platform.restoreRuntimeDone`. Default: `success`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const restoreRuntimeDone = ({
  time = defaultTime,
  ...fields
}: Fields<typeof PlatformEvent.RestoreRuntimeDone.Type> = {}): typeof PlatformEvent.RestoreRuntimeDone.Type => ({
  time,
  type: "platform.restoreRuntimeDone",
  record: { status: "success", ...fields }
})

/**
 * `platform.restoreReport`. Default: `success` after 50 ms.
 *
 * @category constructors
 * @since 0.1.0
 */
export const restoreReport = ({
  metrics,
  time = defaultTime,
  ...fields
}: MeasuredFields<typeof PlatformEvent.RestoreReport.Type> = {}): typeof PlatformEvent.RestoreReport.Type => ({
  time,
  type: "platform.restoreReport",
  record: { status: "success", metrics: { durationMs: 50, ...metrics }, ...fields }
})

/**
 * `platform.start`.
 *
 * @param options.time distinguishes a second attempt under the same request id from a record that Lambda delivers twice
 * @category constructors
 * @since 0.1.0
 */
export const start = (
  requestId: string,
  { time = defaultTime, ...fields }: Fields<typeof PlatformEvent.Start.Type> = {}
): typeof PlatformEvent.Start.Type => ({
  time,
  type: "platform.start",
  record: { requestId, version: "$LATEST", ...fields }
})

/**
 * `platform.runtimeDone`. Default: `success`, without metrics and spans.
 *
 * @category constructors
 * @since 0.1.0
 */
export const runtimeDone = (
  requestId: string,
  { time = defaultTime, ...fields }: Fields<typeof PlatformEvent.RuntimeDone.Type> = {}
): typeof PlatformEvent.RuntimeDone.Type => ({
  time,
  type: "platform.runtimeDone",
  record: { requestId, status: "success", ...fields }
})

/**
 * `platform.report`. Default: `success` after 10 ms, with 64 of 128 MB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const report = (
  requestId: string,
  { metrics, time = defaultTime, ...fields }: MeasuredFields<typeof PlatformEvent.Report.Type> = {}
): typeof PlatformEvent.Report.Type => ({
  time,
  type: "platform.report",
  record: {
    requestId,
    status: "success",
    metrics: { durationMs: 10, billedDurationMs: 10, memorySizeMB: 128, maxMemoryUsedMB: 64, ...metrics },
    ...fields
  }
})

/**
 * `platform.logsDropped`. Default: one record of 100 bytes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const logsDropped = ({
  time = defaultTime,
  ...fields
}: Fields<typeof PlatformEvent.LogsDropped.Type> = {}): typeof PlatformEvent.LogsDropped.Type => ({
  time,
  type: "platform.logsDropped",
  record: { droppedBytes: 100, droppedRecords: 1, reason: "the consumer is slower than the logs", ...fields }
})

/**
 * A line of the function's log, with the newline that Lambda leaves in it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const log = (text: string): typeof TelemetryEvent.FunctionLog.Type => functionLog(`${text}\n`)

/** The time of a log record. */
interface LogOptions {
  /** ISO 8601. Default: `2026-01-01T00:00:00.000Z`. */
  readonly time?: string
}

/**
 * A record of the function's log, as given: text, or the JSON that Lambda sends with the log format JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const functionLog = (
  record: unknown,
  { time = defaultTime }: LogOptions = {}
): typeof TelemetryEvent.FunctionLog.Type => ({ time, type: "function", record })

/**
 * A record of an extension's log, as given: text or JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const extensionLog = (
  record: unknown,
  { time = defaultTime }: LogOptions = {}
): typeof TelemetryEvent.ExtensionLog.Type => ({ time, type: "extension", record })
