/**
 * The counters of the supervised stream, as Effect metrics: every failure that
 * the stream survives is counted.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

const counter = (name: string, description: string) =>
  Metric.counter(`lambda_extension_${name}`, { description, incremental: true })

/**
 * Failures between register and the first next.
 *
 * @category metrics
 * @since 0.1.0
 */
export const initFailures = counter("init_failures_total", "Failures between register and the first next")

/**
 * Handlers that failed with a typed error.
 *
 * @category metrics
 * @since 0.1.0
 */
export const handlerFailures = counter("handler_failures_total", "Handlers that failed with a typed error")

/**
 * Handlers that died of a defect.
 *
 * @category metrics
 * @since 0.1.0
 */
export const handlerDefects = counter("handler_defects_total", "Handlers that died of a defect")

/**
 * Background fibers that failed or died.
 *
 * @category metrics
 * @since 0.1.0
 */
export const backgroundFailures = counter("background_failures_total", "Background fibers that failed or died")

/**
 * Effects that were abandoned because their budget ran out.
 *
 * @category metrics
 * @since 0.1.0
 */
export const abandoned = counter("abandoned_total", "Effects left behind because their budget ran out")

/**
 * Parked polls whose connection was lost. Each may have cost one event: the
 * poll stays open on Lambda's side and takes the next event.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pollsLost = counter(
  "polls_lost_total",
  "Parked polls whose connection was lost; each may have cost one event"
)

/**
 * Events that arrived but could not be decoded.
 *
 * @category metrics
 * @since 0.1.0
 */
export const eventsUndecodable = counter("events_undecodable_total", "Events that arrived but could not be decoded")

/**
 * Flushes of telemetry that held an invocation for more than 200 milliseconds.
 *
 * @category metrics
 * @since 0.1.0
 */
export const longFlushes = counter(
  "telemetry_long_flushes_total",
  "Flushes of telemetry that held an invocation for more than 200 milliseconds"
)
