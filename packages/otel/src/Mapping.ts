/**
 * Folds the records of the Telemetry API into spans, metrics and logs of OpenTelemetry.
 *
 * {@link step} takes one record after the other, in the order in which they came, and {@link end} closes what is left at
 * SHUTDOWN. Both are pure. However the records are cut into batches, the signals are the same. A record that Lambda delivers
 * again gives nothing, and all ids are derived from the records.
 *
 * - An invocation is a span from `platform.start` to `platform.runtimeDone`. Without that, the span ends with
 *   `platform.report`: on managed instances, and after a reset
 * - An init that an invocation caused, and a restore, wait for the end of that invocation, and are in its trace
 * - One init or restore is one span, in whatever order its records come. A record that comes after that span adds no other
 * - An invocation without an end is an error, at the latest at SHUTDOWN
 * - A log belongs to the invocation that it says, or else to the one that runs
 *
 * **Example** (The spans of a batch)
 *
 * ```ts
 * import * as Mapping from "@effect-lambda/otel/Mapping"
 * import type { Span } from "@effect-lambda/otel/Spans"
 * import type { TelemetryEvent } from "@effect-lambda/extension/telemetry/TelemetryEvent"
 *
 * export const spansOf = (events: ReadonlyArray<TelemetryEvent>, context: Mapping.Context): ReadonlyArray<Span> => {
 *   let state = Mapping.initial
 *   return events.flatMap((event) => {
 *     const [next, signals] = Mapping.step(state, event, context)
 *     state = next
 *     return signals.spans
 *   })
 * }
 * ```
 *
 * @since 0.1.0
 */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import { digest } from "./internal/digest.ts"
import * as Environments from "./internal/environments.ts"
import * as Invocations from "./internal/invocations.ts"
import { placeOfLog } from "./internal/logPlace.ts"
import * as Recent from "./internal/recent.ts"
import type { Context, State } from "./internal/state.ts"
import { nanosOf, nanosOfMillis } from "./internal/time.ts"
import * as Logs from "./Logs.ts"
import * as Metrics from "./Metrics.ts"
import type * as Spans from "./Spans.ts"

export {
  type Context,
  type Environment,
  type EnvironmentTimes,
  initial,
  type Invocation,
  type InvocationFacts,
  type MappingSettings,
  type State
} from "./internal/state.ts"

/**
 * The spans, metrics and logs of a record. Each metric has one point, a delta.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signals {
  readonly spans: ReadonlyArray<Spans.Span>
  readonly metrics: ReadonlyArray<Metrics.Metric>
  readonly logs: ReadonlyArray<Logs.LogRecord>
}

const none: Signals = { spans: [], metrics: [], logs: [] }

// Lambda delivers a batch again if it was not acknowledged in time. A batch of 512 KiB, which is twice what Lambda collects by
// default, has no more records of the smallest kind.
const seenLimit = 4096

/**
 * Folds one record. The second value is what the record completed: a `platform.start` usually gives nothing, and the
 * `platform.runtimeDone` after it gives the span.
 *
 * @category combinators
 * @since 0.1.0
 */
export const step = (
  state: State,
  event: TelemetryEvent.TelemetryEvent,
  context: Context
): readonly [state: State, signals: Signals] => {
  const identity = identityOf(event)
  if (identity === undefined) return signalsOf(state, event, context)
  const name = digest(identity)
  if (Recent.get(state.seen, name) === true) return [state, none]
  const [seen] = Recent.set(state.seen, name, true, seenLimit)
  return signalsOf({ ...state, seen }, event, context)
}

/**
 * Closes everything at SHUTDOWN: invocations without an end, and inits without an invocation. No record is folded after it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = (state: State, atMillis: number, context: Context): Signals => {
  const at = nanosOfMillis(atMillis)
  const closed = Invocations.atShutdown(state, at, context)
  const window = { start: closed.state.metricsSince ?? at, observedAt: atMillis }
  return {
    spans: [...closed.spans, ...Environments.atShutdown(closed.state, at, context)],
    metrics: closed.unfinished.flatMap((requestId) => unfinishedMetrics(requestId, window)),
    logs: []
  }
}

/** The text that two records have in common only if they are one; a log may well be written twice. */
const identityOf = (event: TelemetryEvent.TelemetryEvent): string | undefined => {
  switch (event.type) {
    case "platform.start":
    case "platform.runtimeDone":
    case "platform.report":
      return `${event.type} ${event.time} ${event.record.requestId}`
    case "platform.initStart":
    case "platform.initRuntimeDone":
    case "platform.initReport":
      return `${event.type} ${event.time} ${event.record.phase}`
    case "platform.restoreStart":
    case "platform.restoreRuntimeDone":
    case "platform.restoreReport":
      return `${event.type} ${event.time}`
    case "platform.logsDropped": {
      const { droppedBytes, droppedRecords, reason } = event.record
      return `${event.type} ${event.time} ${droppedRecords} ${droppedBytes} ${reason}`
    }
    default:
      return undefined
  }
}

const signalsOf = (state: State, event: TelemetryEvent.TelemetryEvent, context: Context): readonly [State, Signals] => {
  const badTimes = badTimesOf(event)
  const counted = badTimes === 0 ? state : { ...state, badTimes: state.badTimes + badTimes }
  const { isEnd, spans, state: next, unfinished } = spansOf(counted, event, context)
  const logs = Logs.of(event, placeOfLog(next, TelemetryEvent.requestId(event), context))
  // The end of an invocation that has ended before is not counted again, nor is an init that is repeated after it has failed.
  const isRepeated =
    event.type === "platform.runtimeDone"
      ? !isEnd
      : event.type === "platform.initStart" && next.coldStartsCounted === state.coldStartsCounted
  if (isRepeated) return [next, { spans, metrics: [], logs }]
  const observedAt = context.observedAt
  const start = next.metricsSince ?? nanosOfMillis(observedAt)
  const metrics = [
    ...unfinished.flatMap((requestId) => unfinishedMetrics(requestId, { start, observedAt })),
    ...Metrics.of(event, { start, observedAt, isEnd })
  ]
  if (metrics.length === 0) return [next, { spans, metrics, logs }]
  const time = ("time" in event ? nanosOf(event.time) : undefined) ?? nanosOfMillis(observedAt)
  const isLater = next.metricsSince === undefined || time > next.metricsSince
  return [isLater ? { ...next, metricsSince: time } : next, { spans, metrics, logs }]
}

/** How many times of an event cannot be read. Its spans and logs have other times then. */
const badTimesOf = (event: TelemetryEvent.TelemetryEvent): number => {
  if (event.type === "undecodable") return 0
  const phases = TelemetryEvent.spans(event).filter(({ start }) => nanosOf(start) === undefined)
  return phases.length + (nanosOf(event.time) === undefined ? 1 : 0)
}

const spansOf = (state: State, event: TelemetryEvent.TelemetryEvent, context: Context): Invocations.Step => {
  switch (event.type) {
    case "platform.start":
      return Invocations.started(state, event, context)
    case "platform.runtimeDone":
      return Invocations.done(state, event, context)
    case "platform.report":
      return Invocations.reported(state, event, context)
    default: {
      const [next, spans] = environmentSpansOf(state, event, context)
      return { state: next, spans, unfinished: [], isEnd: false }
    }
  }
}

const environmentSpansOf = (state: State, event: TelemetryEvent.TelemetryEvent, context: Context) => {
  switch (event.type) {
    case "platform.initStart":
    case "platform.restoreStart":
      return Environments.started(state, event, context)
    case "platform.initRuntimeDone":
    case "platform.restoreRuntimeDone":
      return Environments.done(state, event, context)
    case "platform.initReport":
    case "platform.restoreReport":
      return Environments.reported(state, event, context)
    default:
      return [state, []] as const
  }
}

/** An invocation without an end is counted as an error. */
const unfinishedMetrics = (requestId: string, window: Metrics.Window) => {
  // Without a time: the point has that of the window.
  const record = { requestId, status: "error" }
  return Metrics.of({ time: "", type: "platform.runtimeDone", record }, window)
}
