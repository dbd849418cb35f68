/**
 * When telemetry is sent: pure decision functions.
 *
 * The environment is frozen as soon as the function and every extension wait
 * for their next event. Records in flight at that moment are lost or late. So the
 * decision between the end of an invocation and next is the one that matters.
 *
 * | strategy | next waits for | may be frozen while sending | use it |
 * | --- | --- | --- | --- |
 * | {@link endOfInvocation} | runtimeDone and the flush | no | if records must not be late |
 * | {@link endOfInvocationPipelined} | runtimeDone | yes | if billed time matters more |
 * | {@link periodic} | a flush that is due | no | for busy functions, and on managed instances |
 * | {@link adaptive} | as `endOfInvocation`, as `periodic` when invocations come fast | no | if both happen |
 * | {@link continuous} | nothing | yes | for long invocations |
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { TelemetryAccounting } from "./TelemetryAccounting.ts"

/**
 * The facts that a decision is made on. Times are epoch milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Situation {
  /**
   * - `invoked`: an invocation has just begun
   * - `invocationDone`: the handler is done; the next step is to call next
   * - `tick`: in between, when records have waited for a while or a batch is full
   */
  readonly moment: "invoked" | "invocationDone" | "tick"
  readonly now: number
  /** How many records wait. */
  readonly waiting: number
  /** Enough records wait for a whole batch, or the oldest has reached the batch's age. */
  readonly isBatchDue: boolean
  /** When everything that waited was last sent; at first, when the receiver began to listen. */
  readonly lastFlushAt: number
  /** When the last invocations began, at most {@link remembered}, the oldest first. */
  readonly invokedAt: ReadonlyArray<number>
}

/**
 * - `keep`: nothing is sent now
 * - `send`: what waits is sent now
 * - `awaitRuntimeDone`: first the function's own end is awaited, then what
 *   waits is sent; an answer to `invocationDone` only
 *
 * @category models
 * @since 0.1.0
 */
export type Decision = "keep" | "send" | "awaitRuntimeDone"

/**
 * A strategy: its name for logs, its decision, and whether next is called while
 * a batch may still be in flight. Such a batch is sent again after the thaw if
 * it was not acknowledged: it arrives at least once, always with the same id.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlushStrategy {
  readonly name: string
  readonly mayBeFrozenWhileSending: boolean
  /** The strategy acts at the ends of invocations, which managed instances do not have. */
  readonly needsInvocations: boolean
  /** How often at most a decision between events is wanted, milliseconds; never more often than a batch's age. */
  readonly tickMillis: number
  readonly decide: (situation: Situation) => Decision
}

/**
 * How many invocations a {@link Situation} remembers.
 *
 * @category constants
 * @since 0.1.0
 */
export const remembered = 20

/**
 * When to flush, and how long that may take; for sinks and streams alike.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlushOptions {
  /** Default: `FlushStrategy.endOfInvocation`. On managed instances a strategy that needs invocations becomes `periodic`. */
  readonly strategy?: FlushStrategy | undefined
  /** How much is sent at once, and for how long records wait for that. Default: 1000 records, 1 MiB, 5 seconds; at least 100 milliseconds. */
  readonly batch?:
    | {
        readonly maxRecords?: number | undefined
        readonly maxBytes?: number | undefined
        readonly maxAge?: Duration.Input | undefined
      }
    | undefined
  /** How long next is held for a flush at most; never beyond the deadline. Default: 2 seconds. */
  readonly flushTimeout?: Duration.Input | undefined
  /** How long log lines are awaited that come after the function's own end. Default: 25 milliseconds. */
  readonly grace?: Duration.Input | undefined
  /**
   * At SHUTDOWN, the listener is closed after so long without telemetry: the last report comes then, and the lines that
   * the runtime logs while it shuts down. At most 40 % of the time for shutdown. Default: 200 milliseconds.
   */
  readonly quiet?: Duration.Input | undefined
  /** Called with the accounting at the end, in time kept free for it. Default: a line in the log. */
  readonly onAccounting?: ((accounting: TelemetryAccounting) => Effect.Effect<void>) | undefined
}

const atTheEnd = ({ isBatchDue, moment }: Situation): Decision =>
  moment === "invocationDone" ? "awaitRuntimeDone" : moment === "tick" && isBatchDue ? "send" : "keep"

/**
 * Waits until the function is done, sends everything, then calls next. Nothing
 * is late except what Lambda itself sends after next (`platform.report`). The
 * strategy costs billed time: the wait for telemetry and the time to send. This
 * strategy is the default.
 *
 * @category strategies
 * @since 0.1.0
 */
export const endOfInvocation: FlushStrategy = {
  name: "endOfInvocation",
  needsInvocations: true,
  mayBeFrozenWhileSending: false,
  tickMillis: Number.POSITIVE_INFINITY,
  decide: atTheEnd
}

/**
 * Waits until the function is done, begins to send and calls next at once. The
 * request may be frozen half-way and is repeated after the thaw.
 *
 * @category strategies
 * @since 0.1.0
 */
export const endOfInvocationPipelined: FlushStrategy = {
  name: "endOfInvocationPipelined",
  needsInvocations: true,
  mayBeFrozenWhileSending: true,
  tickMillis: Number.POSITIVE_INFINITY,
  decide: atTheEnd
}

/**
 * Sends when a batch is due, never waits. The request may be frozen half-way
 * and is repeated after the thaw.
 *
 * @category strategies
 * @since 0.1.0
 */
export const continuous: FlushStrategy = {
  name: "continuous",
  needsInvocations: false,
  mayBeFrozenWhileSending: true,
  tickMillis: Number.POSITIVE_INFINITY,
  decide: ({ isBatchDue }) => (isBatchDue ? "send" : "keep")
}

const isDue = ({ isBatchDue, lastFlushAt, moment, now }: Situation, everyMillis: number) =>
  // A clock that was set back must not stop the flushes.
  now - lastFlushAt >= everyMillis || now < lastFlushAt || (moment === "tick" && isBatchDue)

/**
 * Sends when `every` has passed since the last flush, or when a batch is due.
 * A send that has begun ends before next is called. Records that are not due
 * wait, through a freeze too. Managed instances have no ends of invocations, so
 * this is the only sensible strategy there.
 *
 * @param every default: 10 seconds
 * @category strategies
 * @since 0.1.0
 */
export const periodic = (every: Duration.Input = "10 seconds"): FlushStrategy => {
  const everyMillis = Duration.toMillis(every)
  return {
    name: "periodic",
    needsInvocations: false,
    mayBeFrozenWhileSending: false,
    tickMillis: everyMillis,
    decide: (situation) => (isDue(situation, everyMillis) ? "send" : "keep")
  }
}

/**
 * Acts as {@link endOfInvocation} while invocations are rare, and as
 * {@link periodic} when they follow each other. Then records are sent at the start
 * of an invocation, beside the function's own work, and next does not wait.
 *
 * @param options.gap invocations are frequent when their mean distance, over the
 *   last {@link remembered}, is below this. Default: 1 minute
 * @param options.every how often to send then. Default: 20 seconds
 * @category strategies
 * @since 0.1.0
 */
export const adaptive = (
  options: { readonly gap?: Duration.Input | undefined; readonly every?: Duration.Input | undefined } = {}
): FlushStrategy => {
  const gapMillis = Duration.toMillis(options.gap ?? "1 minute")
  const everyMillis = Duration.toMillis(options.every ?? "20 seconds")
  return {
    name: "adaptive",
    needsInvocations: true,
    mayBeFrozenWhileSending: false,
    tickMillis: everyMillis,
    decide: (situation) => {
      const { invokedAt, now } = situation
      const oldest = invokedAt[0]
      // Few invocations tell nothing about the next: until then records are not kept through a freeze.
      if (oldest === undefined || invokedAt.length < remembered) return atTheEnd(situation)
      const gap = (now - oldest) / invokedAt.length
      // Nor does a clock that was set back since.
      if (gap < 0 || gap >= gapMillis) return atTheEnd(situation)
      return isDue(situation, everyMillis) ? "send" : "keep"
    }
  }
}
