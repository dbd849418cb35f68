/**
 * The health of a sink and of its batches: pure decisions on when a batch is sent, tried beside another, kept or dropped.
 *
 * A sink that keeps failing rests for a while, since each attempt costs the user time. A batch that keeps failing while
 * others pass is dropped, or it would hold them up for ever.
 */
import type { TelemetrySinkError } from "../../TelemetrySink.ts"

/** The health of a sink. Times are epoch milliseconds. */
export interface SinkHealth {
  /** How many flushes in a row ended with a failure that may pass. */
  readonly failures: number
  /** When the first of them failed. */
  readonly failedAt: number
  readonly restUntil: number
}

/** Nothing has failed since the sink last took a batch. */
export const healthy: SinkHealth = { failures: 0, failedAt: 0, restUntil: 0 }

/** The health of a batch that waits. */
export interface BatchHealth {
  /** How many flushes ended with this batch, without a time from the backend to come again. */
  readonly failures: number
  /** Whether the last of those flushes was cut off, without an answer. */
  readonly wasCut: boolean
  /** Whether another batch has passed since: then the fault is in this batch and not in the sink. */
  readonly othersPass: boolean
}

/** No flush has ended with the batch. */
export const untried: BatchHealth = { failures: 0, wasCut: false, othersPass: false }

// A single failure may be chance. From the second failure on the rests double.
const firstRestMillis = 1000
// After so many flushes in a row that ended with a batch, the batch may be at fault and not the sink.
const suspectAfter = 3
// Batches up to so many places behind it are tried, since two such batches may follow each other.
const furthestOther = 8

/**
 * How the first batch is sent.
 *
 * - `retry`: with the retries of the options
 * - `once`: a single attempt, since another batch has passed; a failure drops the batch
 * - `onceThenProbe`: a single attempt; after a failure another batch is tried
 * - `probeThenOnce`: another batch goes first, since a batch without an answer leaves no time for another; after a failure
 *   that other is tried again
 */
export type Plan = "retry" | "once" | "onceThenProbe" | "probeThenOnce"

export const plan = ({ failures, othersPass, wasCut }: BatchHealth): Plan => {
  if (failures < suspectAfter) return "retry"
  if (othersPass) return "once"
  return wasCut ? "probeThenOnce" : "onceThenProbe"
}

/** The place behind the first batch of the other batch to try. Each failure moves on to the next one. */
export const probePlace = ({ failures }: BatchHealth): number => 1 + ((failures - suspectAfter) % furthestOther)

/**
 * The consequence of an attempt that failed.
 *
 * - `narrow`: a record of the batch is the cause, so the batch is sent in halves
 * - `keep`: the failure may pass
 * - `drop`: the batch is refused for good
 */
export type Consequence = "narrow" | "keep" | "drop"

/** Without an error the sink died of a defect. */
export const consequence = (error: TelemetrySinkError | undefined): Consequence => {
  if (error?.isTooLarge === true || error?.isUnwritable === true) return "narrow"
  return error?.isRetryable === true ? "keep" : "drop"
}

/** Whether another attempt follows at once, with the retries of the options. A backend that names a time is asked then. */
export const isRetriedNow = (error: TelemetrySinkError): boolean =>
  consequence(error) === "keep" && error.retryAfterMillis === undefined

/** The sink after a flush that ended with a failure that may pass; `retryAfterMillis` is the time that the backend wants. */
export const afterFailure = (
  { failedAt, failures }: SinkHealth,
  now: number,
  longestRestMillis: number,
  retryAfterMillis = 0
): SinkHealth => {
  const rest = failures === 0 ? 0 : firstRestMillis * 2 ** (failures - 1)
  return {
    failures: failures + 1,
    failedAt: failures === 0 ? now : failedAt,
    restUntil: now + Math.min(longestRestMillis, Math.max(rest, retryAfterMillis))
  }
}

/** The batch after the same flush. A backend that names a time means itself and not this batch. */
export const batchAfterFailure = (batch: BatchHealth, retryAfterMillis: number | undefined): BatchHealth =>
  retryAfterMillis === undefined ? { ...batch, failures: batch.failures + 1 } : batch

/** Whether the sink is left alone. A rest longer than the longest means that the clock was set back. */
export const isResting = ({ restUntil }: SinkHealth, now: number, longestRestMillis: number): boolean =>
  now < restUntil && restUntil - now <= longestRestMillis
