/**
 * The metrics of OpenTelemetry's conventions for functions, and some of our own, from records of the Telemetry API.
 *
 * Each event gives its own points, as deltas: an environment lives for minutes and never restarts its counters. {@link merge}
 * makes one point of the points of a batch, {@link accumulate} makes cumulative points. No point has the request id as an
 * attribute, since each invocation would be a series.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/faas/faas-metrics/
 * @since 0.1.0
 */
import type * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import type { MetricsData } from "effect/observability/OtlpMetrics"
import { nanosOf, nanosOfMillis } from "./internal/time.ts"

/**
 * A metric with one point, as Effect's `OtlpSerialization` takes it.
 *
 * @category models
 * @since 0.1.0
 */
export type Metric = MetricsData["resourceMetrics"][number]["scopeMetrics"][number]["metrics"][number]

/**
 * Whether a point has what happened since the point before, or since the environment began.
 *
 * @category models
 * @since 0.1.0
 */
export type Temporality = "delta" | "cumulative"

/**
 * The time of points, and what is known about an invocation.
 *
 * - `start`: the begin of the window of a delta, in nanoseconds since 1970; a later one than the event's time is that time
 * - `observedAt`: the time at which the extension got the event, in milliseconds since 1970. An event whose time cannot be
 *   read has this time
 * - `isEnd`: whether a `platform.report` ends its invocation, because there was no `platform.runtimeDone`: on managed
 *   instances, or after a reset. The report then gives the status and the duration as well. Default: no
 *
 * @category models
 * @since 0.1.0
 */
export interface Window {
  readonly start: bigint
  readonly observedAt: number
  readonly isEnd?: boolean | undefined
}

const delta = 1
const cumulative = 2

// In seconds, from the conventions. Functions run up to 900 seconds, hence the least and the most beside them.
const secondBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

const mebibyte = 1_048_576
const memoryBounds = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192].map((size) => size * mebibyte)
// An answer has 6 MiB at most, and a stream 200 MiB.
const answerBounds = [1 / 1024, 1 / 64, 1 / 16, 1 / 4, 1, 2, 4, 6, 16, 64].map((size) => size * mebibyte)

/** The kinds of metrics, by name. */
const kinds = {
  "faas.invocations": { unit: "{invocation}", description: "Number of successful invocations" },
  "faas.errors": { unit: "{error}", description: "Number of invocation errors" },
  "faas.timeouts": { unit: "{timeout}", description: "Number of invocation timeouts" },
  "faas.coldstarts": { unit: "{coldstart}", description: "Number of invocation cold starts" },
  "effect_lambda.logs_dropped": { unit: "{record}", description: "Number of telemetry records that Lambda dropped" },
  "faas.invoke_duration": { unit: "s", bounds: secondBounds, description: "Duration of the invocation" },
  "faas.init_duration": { unit: "s", bounds: secondBounds, description: "Duration of the function's initialization" },
  "faas.mem_usage": {
    unit: "By",
    bounds: memoryBounds,
    description: "Most memory used until the end of an invocation"
  },
  "effect_lambda.billed_duration": {
    unit: "s",
    bounds: secondBounds,
    description: "Billed duration of the invocation"
  },
  "effect_lambda.restore_duration": { unit: "s", bounds: secondBounds, description: "Duration of the restore" },
  "effect_lambda.extension_overhead": {
    unit: "s",
    bounds: secondBounds,
    description: "Time between the end of the function and the end of all extensions"
  },
  "effect_lambda.produced_bytes": { unit: "By", bounds: answerBounds, description: "Size of the answer" }
} satisfies Record<string, Kind>

interface Kind {
  readonly unit: string
  readonly description: string
  /** The bounds of a histogram; a sum has none. */
  readonly bounds?: ReadonlyArray<number>
}

type Name = keyof typeof kinds

/** A value that an event has, if it has it. */
type Measured = readonly [name: Name, value: number | null | undefined]

/**
 * The points of an event, as deltas. The units are those of the conventions: seconds and bytes.
 *
 * `faas.errors` has no timeouts, which are `faas.timeouts`; CloudWatch's `Errors` has both.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (event: TelemetryEvent.TelemetryEvent, window: Window): ReadonlyArray<Metric> => {
  const measured = measure(event, window.isEnd === true)
  if (measured.length === 0 || !("time" in event)) return []
  const time = nanosOf(event.time) ?? nanosOfMillis(window.observedAt)
  const times = {
    startTimeUnixNano: String(window.start < time ? window.start : time),
    timeUnixNano: String(time)
  }
  return measured.flatMap(([name, value]) =>
    typeof value === "number" && Number.isFinite(value) ? [metricOf(name, value, times)] : []
  )
}

const measure = (event: TelemetryEvent.TelemetryEvent, isEnd: boolean): ReadonlyArray<Measured> => {
  switch (event.type) {
    case "platform.initStart":
      return event.record.initializationType === "on-demand" ? [["faas.coldstarts", 1]] : []
    case "platform.initReport":
      return [["faas.init_duration", seconds(event.record.metrics.durationMs)]]
    case "platform.runtimeDone": {
      const { metrics, status } = event.record
      return [...ended(status, metrics?.durationMs), ["effect_lambda.produced_bytes", metrics?.producedBytes]]
    }
    case "platform.report": {
      const { errorType, metrics, spans, status } = event.record
      const overhead = spans?.find(({ name }) => name === "extensionOverhead")
      const used = metrics.maxMemoryUsedMB
      return [
        ...(isEnd ? ended(status ?? (errorType ? "error" : "success"), metrics.durationMs) : []),
        ["faas.mem_usage", typeof used === "number" ? used * mebibyte : undefined],
        ["effect_lambda.billed_duration", seconds(metrics.billedDurationMs)],
        ["effect_lambda.restore_duration", seconds(metrics.restoreDurationMs)],
        ["effect_lambda.extension_overhead", seconds(overhead?.durationMs)]
      ]
    }
    case "platform.logsDropped":
      return [["effect_lambda.logs_dropped", event.record.droppedRecords]]
    default:
      return []
  }
}

/** The end of an invocation. */
const ended = (status: string, durationMs: number | undefined): ReadonlyArray<Measured> => [
  [status === "success" ? "faas.invocations" : status === "timeout" ? "faas.timeouts" : "faas.errors", 1],
  ["faas.invoke_duration", seconds(durationMs)]
]

const seconds = (millis: number | null | undefined) => (typeof millis === "number" ? millis / 1000 : undefined)

/** A count in the type that OTLP has for it. One that does not fit would cost the whole batch. */
const wholeOf = (count: number) => Math.round(Math.min(Math.max(count, 0), Number.MAX_SAFE_INTEGER))

interface Times {
  readonly startTimeUnixNano: string
  readonly timeUnixNano: string
}

const metricOf = (name: Name, value: number, times: Times): Metric => {
  const { bounds, description, unit }: Kind = kinds[name]
  const point = { attributes: [], ...times }
  if (bounds === undefined) {
    return {
      name,
      description,
      unit,
      sum: { dataPoints: [{ ...point, asInt: wholeOf(value) }], aggregationTemporality: delta, isMonotonic: true }
    }
  }
  const bucketCounts = [...bounds.map(() => 0), 0]
  // A value belongs to the first bound that is not below it, or to the bucket beyond all bounds.
  const bucket = bounds.findIndex((bound) => value <= bound)
  bucketCounts[bucket === -1 ? bounds.length : bucket] = 1
  const values = { count: 1, sum: value, min: value, max: value }
  return {
    name,
    description,
    unit,
    histogram: {
      dataPoints: [{ ...point, ...values, bucketCounts, explicitBounds: [...bounds] }],
      aggregationTemporality: delta
    }
  }
}

/**
 * Makes one metric of each name, with one point. The points of deltas are added: from the first start to the last time. The
 * last of cumulative points has the others.
 *
 * @category combinators
 * @since 0.1.0
 */
export const merge = (metrics: ReadonlyArray<Metric>): ReadonlyArray<Metric> => {
  const merged = new Map<string, Metric>()
  for (const metric of metrics) {
    const before = merged.get(metric.name)
    merged.set(metric.name, before === undefined || temporalityOf(metric) === cumulative ? metric : add(before, metric))
  }
  return [...merged.values()]
}

/**
 * The sums since the environment began: a cumulative metric for each name.
 *
 * @category models
 * @since 0.1.0
 */
export type Totals = ReadonlyMap<string, Metric>

/**
 * No sums yet.
 *
 * @category constants
 * @since 0.1.0
 */
export const noTotals: Totals = /*#__PURE__*/ new Map()

/**
 * Adds the deltas of an event to the sums, and gives the cumulative points of the metrics that changed. Each begins at the
 * start of the first delta. Add each event once: a batch that is sent again has the points that it had.
 *
 * @category combinators
 * @since 0.1.0
 */
export const accumulate = (
  totals: Totals,
  deltas: ReadonlyArray<Metric>
): readonly [totals: Totals, points: ReadonlyArray<Metric>] => {
  const next = new Map(totals)
  const changed = new Set<string>()
  for (const metric of deltas) {
    const before = next.get(metric.name)
    next.set(metric.name, asCumulative(before === undefined ? metric : add(before, metric)))
    changed.add(metric.name)
  }
  return [next, [...next.values()].filter(({ name }) => changed.has(name))]
}

const temporalityOf = ({ histogram, sum }: Metric) => (sum ?? histogram)?.aggregationTemporality

const asCumulative = (metric: Metric): Metric => ({
  ...metric,
  ...(metric.sum && { sum: { ...metric.sum, aggregationTemporality: cumulative } }),
  ...(metric.histogram && { histogram: { ...metric.histogram, aggregationTemporality: cumulative } })
})

type SumPoint = NonNullable<Metric["sum"]>["dataPoints"][number]
type HistogramPoint = NonNullable<Metric["histogram"]>["dataPoints"][number]

/** The points of two metrics of one name as one point. */
const add = (a: Metric, b: Metric): Metric => ({
  ...a,
  ...(a.sum && b.sum && { sum: { ...a.sum, dataPoints: joined(a.sum.dataPoints, b.sum.dataPoints, addSums) } }),
  ...(a.histogram &&
    b.histogram && {
      histogram: {
        ...a.histogram,
        dataPoints: joined(a.histogram.dataPoints, b.histogram.dataPoints, addHistograms)
      }
    })
})

const joined = <A>(a: ReadonlyArray<A>, b: ReadonlyArray<A>, both: (a: A, b: A) => A): Array<A> => {
  const points = [...a, ...b]
  return points.length === 0 ? [] : [points.reduce(both)]
}

const addSums = (a: SumPoint, b: SumPoint): SumPoint => ({
  ...a,
  ...windowOf(a, b),
  asInt: Number(a.asInt ?? 0) + Number(b.asInt ?? 0)
})

const addHistograms = (a: HistogramPoint, b: HistogramPoint): HistogramPoint => ({
  ...a,
  ...windowOf(a, b),
  count: (a.count ?? 0) + (b.count ?? 0),
  sum: total(a.sum ?? 0, b.sum ?? 0),
  min: Math.min(a.min ?? Infinity, b.min ?? Infinity),
  max: Math.max(a.max ?? -Infinity, b.max ?? -Infinity),
  bucketCounts: (a.bucketCounts ?? []).map((count, index) => count + (b.bucketCounts?.[index] ?? 0))
})

// Lambda's durations have whole microseconds. The sum of their fractions depends on their order only beyond the nanosecond.
const total = (a: number, b: number) => {
  const sum = a + b
  return Number.isInteger(sum) ? sum : Math.round(sum * 1e9) / 1e9
}

const windowOf = (a: SumPoint | HistogramPoint, b: SumPoint | HistogramPoint) => {
  const starts = [nanosIn(a.startTimeUnixNano), nanosIn(b.startTimeUnixNano)]
  const times = [nanosIn(a.timeUnixNano), nanosIn(b.timeUnixNano)]
  return {
    startTimeUnixNano: String(starts.reduce((first, next) => (next < first ? next : first))),
    timeUnixNano: String(times.reduce((last, next) => (next > last ? next : last)))
  }
}

/** The points of {@link of} have their times as texts. */
const nanosIn = (time: SumPoint["timeUnixNano"]): bigint => (typeof time === "string" ? BigInt(time) : 0n)
