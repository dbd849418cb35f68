/**
 * Telemetry in tests of extensions: records that the script of `ExtensionTest` delivers with its events. They pass
 * through the real receiver, as bytes.
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

const time = "2026-01-01T00:00:00.000Z"

/**
 * `platform.start`.
 *
 * @param startedAt an ISO 8601 time. It distinguishes a second attempt under the
 *   same request id from a record that Lambda delivers twice
 * @category constructors
 * @since 0.1.0
 */
export const start = (requestId: string, startedAt = time): typeof PlatformEvent.Start.Type => ({
  time: startedAt,
  type: "platform.start",
  record: { requestId, version: "$LATEST" }
})

/**
 * `platform.runtimeDone`.
 *
 * @param status default: `success`
 * @category constructors
 * @since 0.1.0
 */
export const runtimeDone = (requestId: string, status: string = "success"): typeof PlatformEvent.RuntimeDone.Type => ({
  time,
  type: "platform.runtimeDone",
  record: { requestId, status }
})

/**
 * `platform.report`.
 *
 * @param status default: `success`
 * @category constructors
 * @since 0.1.0
 */
export const report = (requestId: string, status: string = "success"): typeof PlatformEvent.Report.Type => ({
  time,
  type: "platform.report",
  record: {
    requestId,
    status,
    metrics: { durationMs: 10, billedDurationMs: 10, memorySizeMB: 128, maxMemoryUsedMB: 64 }
  }
})

/**
 * A line of the function's log, with the newline that Lambda leaves in it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const log = (text: string): typeof TelemetryEvent.FunctionLog.Type => ({
  time,
  type: "function",
  record: `${text}\n`
})
