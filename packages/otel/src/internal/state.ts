/** The state of the mapping, and the facts that it is told from elsewhere. */
import type * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import type * as Spans from "../Spans.ts"
import type { TraceContext } from "../TraceContext.ts"
import * as Recent from "./recent.ts"

/**
 * The choices of the mapping.
 *
 * - `functionName`: the name of the span of an invocation
 * - `serverSpan`: whether that span is of the kind SERVER. With `auto` it is, unless the function's SDK made a SERVER span for
 *   this invocation: two would count the invocation twice. With `never` it is always INTERNAL
 * - `xrayParent`: whether the parent in the header of X-Ray is a link, or the parent of the span. That parent is a segment of
 *   Lambda itself, which only X-Ray has: as a parent it is missing at every other backend
 * - `isSampled`: whether spans of a trace are made. `isSampled` of the trace is the decision of X-Ray. Metrics and logs are
 *   always made
 * - `platformEvents`: whether every event of Lambda becomes a log record as well
 *
 * @category models
 * @since 0.1.0
 */
export interface MappingSettings {
  readonly functionName: string
  readonly serverSpan: "auto" | "always" | "never"
  readonly xrayParent: "link" | "parent"
  readonly isSampled: (trace: TraceContext) => boolean
  readonly platformEvents: boolean
}

/**
 * The facts about an invocation that no record has.
 *
 * - `header`: the tracing header of the INVOKE event
 * - `functionArn`: the ARN in the INVOKE event
 * - `sdk`: the SERVER or CONSUMER span that the function's SDK made, the last that came: its trace, its id, and its parent if it
 *   has one. An attempt under the same request id whose SDK sends nothing has that of the attempt before here
 *
 * @category models
 * @since 0.1.0
 */
export interface InvocationFacts {
  readonly header?: string | undefined
  readonly functionArn?: string | undefined
  readonly sdk?:
    | {
        readonly traceId: string
        readonly spanId?: string | undefined
        readonly parentSpanId?: string | undefined
      }
    | undefined
}

/**
 * The facts that the mapping of a record needs beside the record.
 *
 * - `observedAt`: when the extension got the record, in milliseconds since 1970
 * - `traceOf`: what is known of an invocation now
 *
 * @category models
 * @since 0.1.0
 */
export interface Context {
  readonly settings: MappingSettings
  readonly observedAt: number
  readonly traceOf: (requestId: string) => InvocationFacts
}

type Tracing = typeof PlatformEvent.Tracing.Type | null | undefined

/**
 * An invocation that runs, or ran a short while ago.
 *
 * - `startTime`: the time in its start, as it was written; it tells attempts under the same request id apart
 * - `place`: the place of its span, once the span is made
 * - `endedAt`: the end of that span
 * - `sdkSpanId`: the span of the function's SDK that an earlier attempt under the same request id had, which is not of this one;
 *   after the end that of this attempt, for the next
 *
 * @category models
 * @since 0.1.0
 */
export interface Invocation {
  readonly requestId: string
  readonly startTime: string
  readonly startedAt?: bigint | undefined
  readonly tracing?: Tracing
  readonly functionArn?: string | undefined
  readonly version?: string | undefined
  readonly tenantId: string | undefined
  readonly isColdStart: boolean
  /** An init before it that has a trace without invocations. */
  readonly after: Spans.Link | undefined
  readonly place?: SpanPlace | undefined
  readonly endedAt?: bigint | undefined
  readonly sdkSpanId?: string | undefined
}

/** The place of an invocation's span, its kind, and whether it is sampled. */
export interface SpanPlace extends Spans.Place {
  readonly isServer: boolean
  readonly isSampled: boolean
}

/**
 * The times in the records of an init or a restore, as they were written; a record that has not come has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnvironmentTimes {
  readonly start?: string
  readonly done?: string
  readonly report?: string
}

/**
 * An init or a restore that is under way, or waits for the trace of the invocation after it, or has its span.
 *
 * - `startedAt`: the time in its start, or else its report's without the duration
 * - `endedAt`: the time in its report, or else in its `*RuntimeDone`
 * - `coldStart`: the number of the cold start to which an on-demand init belongs; a repeated init has that of the first one
 * - `made`: its spans once they are made, none if they are not sampled. Records that come late make no second span then
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly kind: "init" | "restore"
  readonly initializationType: string | undefined
  readonly phase: string | undefined
  readonly runtimeVersion?: string | undefined
  readonly instanceId: string | undefined
  readonly tracing?: Tracing
  readonly times: EnvironmentTimes
  readonly startedAt?: bigint | undefined
  readonly endedAt?: bigint | undefined
  readonly outcome: Spans.Outcome
  readonly phases: ReadonlyArray<PlatformEvent.Span>
  readonly coldStart?: number | undefined
  readonly made?: ReadonlyArray<Spans.Span> | undefined
}

/**
 * The state of the mapping: a small value that is never changed. Its size is bounded, whatever records come.
 *
 * - `seen`: the last records, by digests, since Lambda delivers again what was not acknowledged in time
 * - `invocations`: those that run, and the last that ran
 * - `running`: the invocation that a record without a request id belongs to; none on managed instances
 * - `environments`: inits and restores whose span is not made yet, and the last whose span is
 * - `after`: the last init whose span is in a trace without invocations, until an invocation starts
 * - `instanceId`: the name of the log stream, from `platform.initStart`
 * - `hasBegun`: whether an init or a restore of this environment was seen. Records before it are of the environment that was
 *   reset: it has made the span of an invocation whose start is missing here
 * - `isCold`: whether the next invocation to start is a cold start
 * - `coldStarts`: how many cold starts there were
 * - `coldStartsCounted`: how many of them are in the metric
 * - `isManaged`: whether many invocations run at once
 * - `metricsSince`: the end of the last window of metrics, in nanoseconds since 1970
 * - `badTimes`: how many times of records could not be read
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly seen: Recent.Recent<true>
  readonly invocations: Recent.Recent<Invocation>
  readonly running?: string | undefined
  readonly environments: ReadonlyArray<Environment>
  readonly after?: Spans.Link | undefined
  readonly instanceId?: string | undefined
  readonly hasBegun: boolean
  readonly isCold: boolean
  readonly coldStarts: number
  readonly coldStartsCounted: number
  readonly isManaged: boolean
  readonly metricsSince?: bigint | undefined
  readonly badTimes: number
}

/**
 * The state before the first record.
 *
 * @category constructors
 * @since 0.1.0
 */
export const initial: State = {
  seen: Recent.empty,
  invocations: Recent.empty,
  environments: [],
  hasBegun: false,
  isCold: false,
  coldStarts: 0,
  coldStartsCounted: 0,
  isManaged: false,
  badTimes: 0
}

/** A state, and the spans that are made on the way to it. */
export type WithSpans = readonly [state: State, spans: ReadonlyArray<Spans.Span>]
