/**
 * Spans of OpenTelemetry for an invocation, its phases, and the init or restore of an environment: pure functions from what
 * the records of the Telemetry API say. `Mapping` finds out which records belong together.
 *
 * A span is an error if its status is not `success`, and is otherwise left unset, as OpenTelemetry asks of instrumentations.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-otel-spans.html
 * @since 0.1.0
 */
import type * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import type { TraceData } from "effect/observability/OtlpTracer"
import * as Attributes from "./Attributes.ts"
import { nanosOf } from "./internal/time.ts"
import * as TraceContext from "./TraceContext.ts"

/**
 * A span as Effect's `OtlpSerialization` takes it.
 *
 * @category models
 * @since 0.1.0
 */
export type Span = TraceData["resourceSpans"][number]["scopeSpans"][number]["spans"][number]

/**
 * A span of another trace, or of another part of this one, that a span belongs to.
 *
 * @category models
 * @since 0.1.0
 */
export interface Link {
  readonly traceId: string
  readonly spanId: string
}

/**
 * The place of a span: its ids, its parent if it has one, and its links. All ids are lower case hexadecimal.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly traceId: string
  readonly spanId: string
  readonly parentId?: string | undefined
  readonly links: ReadonlyArray<Link>
}

/**
 * Begin and end in nanoseconds since 1970. An end before the begin is the begin: clocks may be set back.
 *
 * @category models
 * @since 0.1.0
 */
export interface Times {
  readonly start: bigint
  readonly end: bigint
}

/**
 * The end of a phase as its record says it.
 *
 * - `status`: `success`, `error`, `failure` or `timeout`; absent in some schema versions
 * - `errorType`: such as `Runtime.ExitError`; without one, the status is the type of the error
 * - `message`: more about an error, for people
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly status?: string | null | undefined
  readonly errorType?: string | null | undefined
  readonly message?: string | undefined
}

/**
 * The facts about an invocation.
 *
 * - `isServer`: whether the span is of the kind SERVER; it is INTERNAL if the function's SDK makes one
 * - `functionArn`: the ARN by which the function was invoked, with the alias if it was invoked by one
 * - `version`: the version that ran
 *
 * @category models
 * @since 0.1.0
 */
export interface Invocation {
  readonly functionName: string
  readonly requestId: string
  readonly isServer: boolean
  readonly isColdStart: boolean
  readonly functionArn?: string | null | undefined
  readonly version?: string | undefined
  readonly tenantId?: string | null | undefined
}

/**
 * The facts about the init or the restore of an environment.
 *
 * - `initializationType`: such as `on-demand`; a restore has none
 * - `phase`: `invoke` if init is repeated inside an invocation, else `init`
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly functionName: string
  readonly kind: "init" | "restore"
  readonly initializationType?: string | undefined
  readonly phase?: string | undefined
  readonly runtimeVersion?: string | undefined
}

const internal = 1
const server = 2

/**
 * The span of an invocation. `faas.trigger`, which the convention requires, is left out: an extension does not know it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofInvocation = (facts: Invocation, place: Place, times: Times, outcome: Outcome): Span =>
  make({
    name: facts.functionName,
    kind: facts.isServer ? server : internal,
    place,
    times,
    outcome,
    attributes: {
      "faas.invocation_id": facts.requestId,
      "faas.coldstart": facts.isColdStart,
      ...attributesOfArn(facts.functionArn ?? undefined, facts.version),
      "effect_lambda.tenant_id": facts.tenantId ?? undefined
    }
  })

/**
 * The span of an init or a restore, with the name `init <function>` or `restore <function>`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofEnvironment = (facts: Environment, place: Place, times: Times, outcome: Outcome): Span =>
  make({
    name: `${facts.kind} ${facts.functionName}`,
    kind: internal,
    place,
    times,
    outcome,
    attributes: {
      "effect_lambda.initialization_type": facts.initializationType,
      "effect_lambda.initialization_phase": facts.phase,
      "effect_lambda.runtime_version": facts.runtimeVersion
    }
  })

/**
 * A child span for each stretch of time that a record reports, such as `responseLatency`. A stretch whose
 * begin cannot be read begins with its parent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofPhases = (
  phases: ReadonlyArray<PlatformEvent.Span>,
  parent: { readonly traceId: string; readonly spanId: string; readonly start: bigint }
): ReadonlyArray<Span> =>
  phases.map(({ durationMs, name, start: text }) => {
    const start = nanosOf(text) ?? parent.start
    const spanId = TraceContext.deriveSpanId(parent.spanId, name, text)
    return make({
      name,
      kind: internal,
      place: { traceId: parent.traceId, spanId, parentId: parent.spanId, links: [] },
      times: { start, end: start + nanosOfDuration(durationMs) },
      outcome: {},
      attributes: {}
    })
  })

/**
 * A duration of Lambda, in milliseconds with decimals, in whole nanoseconds.
 *
 * @category conversions
 * @since 0.1.0
 */
export const nanosOfDuration = (millis: number): bigint => {
  const whole = Math.floor(millis)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((millis - whole) * 1e6))
}

// `arn:aws:lambda:us-east-1:123456789012:function:name`, and the alias or version as the last part.
const attributesOfArn = (functionArn: string | undefined, version: string | undefined) => {
  if (functionArn === undefined) return {}
  const parts = functionArn.split(":")
  const unqualified = parts.slice(0, 7)
  // An alias may point to another version tomorrow.
  const resolved = parts.length === 8 && version !== undefined ? [...unqualified, version] : unqualified
  return {
    "aws.lambda.invoked_arn": functionArn,
    "cloud.resource_id": resolved.join(":"),
    "cloud.account.id": parts[4] === "" ? undefined : parts[4]
  }
}

interface Parts {
  readonly name: string
  readonly kind: number
  readonly place: Place
  readonly times: Times
  readonly outcome: Outcome
  readonly attributes: Readonly<Record<string, unknown>>
}

// The type of a time in OTLP. A backend refuses a whole batch for a time that does not fit.
const latest = 2n ** 64n - 1n
const fitting = (time: bigint) => (time < 0n ? 0n : time > latest ? latest : time)

const make = ({ attributes, kind, name, outcome, place, times }: Parts): Span => {
  const errorType = errorTypeOf(outcome)
  return {
    traceId: place.traceId,
    spanId: place.spanId,
    parentSpanId: place.parentId,
    name: name.toWellFormed(),
    kind,
    startTimeUnixNano: String(fitting(times.start)),
    endTimeUnixNano: String(fitting(times.end < times.start ? times.start : times.end)),
    attributes: Attributes.entries({ ...attributes, "error.type": errorType }),
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    status:
      errorType === undefined
        ? { code: 0 }
        : { code: 2, ...(outcome.message === undefined ? undefined : { message: outcome.message }) },
    links: place.links.map(({ spanId, traceId }) => ({ traceId, spanId, attributes: [], droppedAttributesCount: 0 })),
    droppedLinksCount: 0
  }
}

/** The type of the error, if there was one. `_OTHER` is the word of the conventions for a type that is not known. */
const errorTypeOf = ({ errorType, status }: Outcome): string | undefined => {
  if (status === "success") return undefined
  return errorType || (status === "" ? "_OTHER" : (status ?? undefined))
}
