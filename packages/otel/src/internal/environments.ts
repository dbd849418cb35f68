/** The init of an environment and its restore: from their records to spans, alone or in the trace of an invocation. */
import type * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import * as Predicate from "effect/Predicate"
import * as Spans from "../Spans.ts"
import * as TraceContext from "../TraceContext.ts"
import * as Recent from "./recent.ts"
import type { Context, Environment, EnvironmentTimes, Invocation, SpanPlace, State, WithSpans } from "./state.ts"
import { nanosOf, nanosOfMillis } from "./time.ts"

type InitStart = typeof PlatformEvent.InitStart.Type
type RestoreStart = typeof PlatformEvent.RestoreStart.Type
type RuntimeDone = typeof PlatformEvent.InitRuntimeDone.Type | typeof PlatformEvent.RestoreRuntimeDone.Type
type Report = typeof PlatformEvent.InitReport.Type | typeof PlatformEvent.RestoreReport.Type
type Event = InitStart | RestoreStart | RuntimeDone | Report

type Step = keyof EnvironmentTimes

// An environment has one init, which may be repeated in the first invocation.
const limit = 8

/** The text in a field that only some of these records have. */
const textIn = (record: object, name: "initializationType" | "phase"): string | undefined =>
  Predicate.hasProperty(record, name) && typeof record[name] === "string" ? record[name] : undefined

const kindOf = ({ type }: Event) => (type.startsWith("platform.init") ? "init" : "restore")

/** The user waits for it, so it belongs to the trace of the invocation that caused it. */
const isCausedByInvocation = ({ initializationType, kind }: Environment) =>
  kind === "restore" || initializationType === "on-demand"

/** An init or a restore begins. */
export const started = (before: State, event: InitStart | RestoreStart, context: Context): WithSpans => {
  const { instanceId, runtimeVersion } = event.record
  const { environment, index, state } = find(before, event, "start")
  return put(
    {
      ...state,
      instanceId: instanceId ?? state.instanceId,
      coldStartsCounted: Math.max(state.coldStartsCounted, environment.coldStart ?? 0)
    },
    index,
    { ...environment, instanceId, runtimeVersion, startedAt: nanosOf(event.time) ?? environment.startedAt },
    context
  )
}

/** The runtime has done its part of an init or a restore. */
export const done = (before: State, event: RuntimeDone, context: Context): WithSpans => {
  const { errorType, spans = [], status } = event.record
  const { environment, index, state } = find(before, event, "done")
  const [next, forgotten] = put(
    state,
    index,
    {
      ...environment,
      endedAt: environment.times.report === undefined ? nanosOf(event.time) : environment.endedAt,
      outcome: firstOf(environment.outcome, { status, errorType }),
      phases: spans
    },
    context
  )
  const [span] = environment.made ?? []
  if (span === undefined) return [next, forgotten]
  const { spanId, startTimeUnixNano, traceId } = span
  return [next, [...forgotten, ...Spans.ofPhases(spans, { traceId, spanId, start: BigInt(startTimeUnixNano) })]]
}

/** An init or a restore has ended, extensions included. Its span is made at once, or waits for the invocation that caused it. */
export const reported = (before: State, event: Report, context: Context): WithSpans => {
  const { errorType, metrics, status } = event.record
  const found = find(before, event, "report")
  const { index, state } = found
  const end = nanosOf(event.time)
  const environment: Environment = {
    ...found.environment,
    endedAt: end ?? found.environment.endedAt,
    startedAt:
      found.environment.startedAt ?? (end === undefined ? undefined : end - Spans.nanosOfDuration(metrics.durationMs)),
    outcome: firstOf({ status, errorType }, found.environment.outcome)
  }
  if (environment.made !== undefined) return put(state, index, environment, context)
  const first = firstSince(state, environment.startedAt)
  if (isCausedByInvocation(environment)) {
    if (first?.place === undefined) return put(state, index, environment, context)
    // The invocation that caused it has ended before.
    const made = inTraceOf(environment, first.place, context)
    const [next, forgotten] = put(state, index, { ...environment, made }, context)
    return [next, [...forgotten, ...made]]
  }
  const otherwise = environment.startedAt ?? nanosOfMillis(context.observedAt)
  const made = alone(environment, otherwise, context, first?.place === undefined ? [] : [first.place])
  const [next, forgotten] = put(state, index, { ...environment, made }, context)
  const [link] = made
  const spans = [...forgotten, ...made]
  if (link === undefined) return [next, spans]
  if (first === undefined) return [{ ...next, after: link }, spans]
  return [first.place === undefined ? change(next, { ...first, after: link }) : next, spans]
}

const firstOf = (a: Spans.Outcome, b: Spans.Outcome): Spans.Outcome => ({
  status: a.status ?? b.status,
  errorType: a.errorType ?? b.errorType
})

interface Found {
  readonly state: State
  readonly environment: Environment
  /** Its place in the state; -1 if this record is its first one. */
  readonly index: number
}

/** The init or restore that a record is about, with the time of the record. Its records may come in any order. */
const find = (state: State, event: Event, step: Step): Found => {
  let index = -1
  let nearest: bigint | undefined
  for (const [each, environment] of state.environments.entries()) {
    const distance = distanceOf(environment, event, step)
    if (distance === undefined || (nearest !== undefined && distance > nearest)) continue
    index = each
    nearest = distance
  }
  const known = state.environments[index]
  const [next, environment] = known === undefined ? begun(state, event) : [state, known]
  const times = { ...environment.times, [step]: event.time }
  return {
    state: next,
    index,
    environment: { ...environment, times, tracing: environment.tracing ?? event.record.tracing }
  }
}

const steps = ["start", "done", "report"] as const

/** How far a record is from the records of an init or a restore; `undefined` if it is not one of them. */
const distanceOf = ({ kind, phase, times }: Environment, event: Event, step: Step): bigint | undefined => {
  if (kind !== kindOf(event) || phase !== textIn(event.record, "phase") || times[step] !== undefined) return undefined
  const at = nanosOf(event.time)
  let nearest: bigint | undefined
  for (const other of steps) {
    const time = nanosOf(times[other] ?? "")
    if (at === undefined || time === undefined) continue
    const distance = steps.indexOf(other) < steps.indexOf(step) ? at - time : time - at
    // An environment has one init of the phase `init`, whose times disagree if the clock is set back. Others may be repeated.
    if (distance < 0n && phase !== "init") return undefined
    const length = distance < 0n ? -distance : distance
    if (nearest === undefined || length < nearest) nearest = length
  }
  return nearest ?? 0n
}

/** An init or a restore of which nothing was known. */
const begun = (state: State, event: Event): readonly [State, Environment] => {
  const initializationType = textIn(event.record, "initializationType")
  const environment: Environment = {
    kind: kindOf(event),
    initializationType,
    phase: textIn(event.record, "phase"),
    instanceId: state.instanceId,
    times: {},
    outcome: {},
    phases: []
  }
  const isManaged = state.isManaged || initializationType === "lambda-managed-instances"
  const next = { ...state, hasBegun: true, isManaged }
  if (initializationType !== "on-demand") return [next, environment]
  const first = firstSince(state, nanosOf(event.time))
  // An init that is repeated belongs to the cold start of the one that failed.
  const isRepeated = first === undefined ? state.isCold : first.isColdStart
  const coldStarts = isRepeated ? state.coldStarts : state.coldStarts + 1
  return [
    first === undefined
      ? { ...next, coldStarts, isCold: true }
      : change({ ...next, coldStarts }, { ...first, isColdStart: true }),
    { ...environment, coldStart: coldStarts }
  ]
}

/** The first invocation after a moment, if it has begun before the record of that moment came. */
const firstSince = (state: State, at: bigint | undefined): Invocation | undefined => {
  if (at === undefined) return undefined
  let first: Invocation | undefined
  let firstAt: bigint | undefined
  for (const invocation of Recent.values(state.invocations)) {
    const began = invocation.startedAt ?? invocation.endedAt
    if (began === undefined || began < at || (firstAt !== undefined && began >= firstAt)) continue
    first = invocation
    firstAt = began
  }
  return first
}

/** Changes an invocation in its place, which forgets none. */
const change = (state: State, invocation: Invocation): State => ({
  ...state,
  invocations: Recent.replace(state.invocations, invocation.requestId, invocation)
})

/** Keeps an init or a restore, and makes the span of the oldest one if there are too many. */
const put = (state: State, index: number, environment: Environment, context: Context): WithSpans => {
  if (index !== -1) return [{ ...state, environments: state.environments.with(index, environment) }, []]
  const environments = [...state.environments, environment]
  if (environments.length <= limit) return [{ ...state, environments }, []]
  // Those whose span is made are kept for records that come late.
  const made = state.environments.findIndex((each) => each.made !== undefined)
  const oldest = made === -1 ? state.environments[0] : undefined
  return [
    { ...state, environments: environments.toSpliced(Math.max(made, 0), 1) },
    oldest === undefined ? [] : alone(oldest, nanosOfMillis(context.observedAt), context)
  ]
}

/** The spans of all that wait, with the first invocation that ended: in its trace, or linked to it. */
export const withInvocation = (
  state: State,
  invocation: SpanPlace & { readonly start: bigint },
  context: Context
): WithSpans => {
  if (state.environments.every(({ made }) => made !== undefined)) return [state, []]
  const spans: Array<Spans.Span> = []
  const environments = state.environments.map((environment) => {
    if (environment.made !== undefined) return environment
    const made = isCausedByInvocation(environment)
      ? inTraceOf(environment, invocation, context, invocation.start)
      : alone(environment, invocation.start, context, [invocation])
    spans.push(...made)
    return { ...environment, made }
  })
  return [{ ...state, environments }, spans]
}

/** The spans of all that wait when the environment ends: no invocation came. */
export const atShutdown = (state: State, at: bigint, context: Context): ReadonlyArray<Spans.Span> =>
  state.environments.flatMap((environment) => {
    if (environment.made !== undefined) return []
    const message = `the end of ${environment.kind} was not reported before SHUTDOWN`
    const outcome = environment.endedAt === undefined ? { status: "unfinished", message } : environment.outcome
    return alone({ ...environment, outcome }, at, context)
  })

// Ids are derived from the start, and from another record only if the start has not come.
const spanIdOf = ({ instanceId = "", kind, phase = "", times }: Environment) =>
  TraceContext.deriveSpanId(
    kind,
    phase,
    instanceId,
    times.start ?? (times.report === undefined ? `done ${times.done}` : `report ${times.report}`)
  )

/** The spans in the trace of the invocation that caused an init or a restore. */
const inTraceOf = (
  environment: Environment,
  { isSampled, parentId, traceId }: SpanPlace,
  context: Context,
  otherwise = nanosOfMillis(context.observedAt)
): ReadonlyArray<Spans.Span> =>
  isSampled
    ? make(environment, { traceId, spanId: spanIdOf(environment), parentId, links: [] }, otherwise, context)
    : []

/** The spans in a trace without invocations. */
const alone = (
  environment: Environment,
  otherwise: bigint,
  context: Context,
  links: ReadonlyArray<Spans.Link> = []
): ReadonlyArray<Spans.Span> => {
  const spanId = spanIdOf(environment)
  const { traceId } = TraceContext.fromRequestId(`environment ${spanId}`)
  const xray = TraceContext.fromXRay(environment.tracing?.value ?? "")
  if (!context.settings.isSampled({ traceId, isSampled: xray?.isSampled ?? true })) return []
  const segment = xray?.parentId === undefined ? [] : [{ traceId: xray.traceId, spanId: xray.parentId }]
  return make(environment, { traceId, spanId, links: [...segment, ...links] }, otherwise, context)
}

const make = (
  environment: Environment,
  place: Spans.Place,
  /** The end, if no record says it. */
  otherwise: bigint,
  { settings: { functionName } }: Context
): ReadonlyArray<Spans.Span> => {
  const end = environment.endedAt ?? otherwise
  const start = environment.startedAt ?? end
  return [
    Spans.ofEnvironment({ ...environment, functionName }, place, { start, end }, environment.outcome),
    ...Spans.ofPhases(environment.phases, { ...place, start })
  ]
}
