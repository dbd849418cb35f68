/** The init of an environment and its restore: from their records to spans, alone or in the trace of an invocation. */
import type * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import * as Spans from "../Spans.ts"
import * as TraceContext from "../TraceContext.ts"
import type { Context, Environment, SpanPlace, State, WithSpans } from "./state.ts"
import { nanosOf, nanosOfMillis } from "./time.ts"

type InitStart = typeof PlatformEvent.InitStart.Type
type RestoreStart = typeof PlatformEvent.RestoreStart.Type
type RuntimeDone = typeof PlatformEvent.InitRuntimeDone.Type | typeof PlatformEvent.RestoreRuntimeDone.Type
type Report = typeof PlatformEvent.InitReport.Type | typeof PlatformEvent.RestoreReport.Type

// An environment has one init, which may be repeated in the first invocation.
const limit = 8

const phaseOf = (record: object): string | undefined =>
  "phase" in record && typeof record.phase === "string" ? record.phase : undefined

const typeOf = (record: object): string | undefined =>
  "initializationType" in record && typeof record.initializationType === "string"
    ? record.initializationType
    : undefined

const kindOf = ({ type }: InitStart | RestoreStart | RuntimeDone | Report) =>
  type.startsWith("platform.init") ? "init" : "restore"

/** The user waits for it, so it belongs to the trace of the invocation that caused it. */
const isCausedByInvocation = ({ initializationType, kind }: Environment) =>
  kind === "restore" || initializationType === "on-demand"

/** An init or a restore begins. */
export const started = (state: State, event: InitStart | RestoreStart, context: Context): WithSpans => {
  const { instanceId, runtimeVersion, tracing } = event.record
  const initializationType = typeOf(event.record)
  const environment: Environment = {
    kind: kindOf(event),
    initializationType,
    phase: phaseOf(event.record),
    runtimeVersion,
    instanceId,
    tracing,
    startTime: event.time,
    startedAt: nanosOf(event.time),
    endedAt: undefined,
    outcome: {},
    phases: []
  }
  return add(
    {
      ...state,
      instanceId: instanceId ?? state.instanceId,
      hasBegun: true,
      isCold: state.isCold || initializationType === "on-demand",
      isManaged: state.isManaged || initializationType === "lambda-managed-instances"
    },
    environment,
    context
  )
}

/** The runtime has done its part of an init or a restore. */
export const done = (state: State, event: RuntimeDone): State => {
  const at = state.environments.findLastIndex(isOf(event))
  const environment = state.environments[at]
  if (environment === undefined) return state
  const { errorType, spans = [], status } = event.record
  return {
    ...state,
    environments: state.environments.with(at, {
      ...environment,
      endedAt: nanosOf(event.time),
      outcome: { status, errorType },
      phases: [...environment.phases, ...spans]
    })
  }
}

/** An init or a restore has ended, extensions included. Its span is made at once, or waits for the invocation that caused it. */
export const reported = (before: State, event: Report, context: Context): WithSpans => {
  const state = { ...before, hasBegun: true }
  const at = state.environments.findLastIndex(isOf(event))
  const ended = withReport(state.environments[at] ?? withoutStart(state, event), event)
  const rest = state.environments.filter((_, index) => index !== at)
  if (isCausedByInvocation(ended)) return add({ ...state, environments: rest }, ended, context)
  const spans = alone(ended, ended.startedAt ?? nanosOfMillis(context.observedAt), context)
  return [{ ...state, environments: rest, after: spans[0] ?? state.after }, spans]
}

const isOf = (event: RuntimeDone | Report) => (environment: Environment) =>
  environment.kind === kindOf(event) && environment.phase === phaseOf(event.record)

const withReport = (environment: Environment, { record, time }: Report): Environment => ({
  ...environment,
  endedAt: nanosOf(time) ?? environment.endedAt,
  startedAt: environment.startedAt ?? startOf(nanosOf(time), record.metrics.durationMs),
  outcome: {
    status: record.status ?? environment.outcome.status,
    errorType: record.errorType ?? environment.outcome.errorType
  }
})

const startOf = (end: bigint | undefined, durationMs: number) =>
  end === undefined ? undefined : end - Spans.nanosOfDuration(durationMs)

const withoutStart = (state: State, event: Report): Environment => ({
  kind: kindOf(event),
  initializationType: typeOf(event.record),
  phase: phaseOf(event.record),
  runtimeVersion: undefined,
  instanceId: state.instanceId,
  tracing: event.record.tracing,
  // Not the time of a start, from which ids are derived.
  startTime: `report ${event.time}`,
  startedAt: undefined,
  endedAt: undefined,
  outcome: {},
  phases: []
})

const add = (state: State, environment: Environment, context: Context): WithSpans => {
  const [oldest, ...others] = state.environments
  if (oldest === undefined || others.length + 1 < limit) {
    return [{ ...state, environments: [...state.environments, environment] }, []]
  }
  return [
    { ...state, environments: [...others, environment] },
    alone(oldest, nanosOfMillis(context.observedAt), context)
  ]
}

/** The spans of all that wait, with the first invocation that ended: in its trace, or linked to it. */
export const withInvocation = (
  state: State,
  invocation: SpanPlace & { readonly start: bigint },
  context: Context
): WithSpans => {
  if (state.environments.length === 0) return [state, []]
  const spans = state.environments.flatMap((environment) => {
    if (!isCausedByInvocation(environment)) return alone(environment, invocation.start, context, [invocation])
    if (!invocation.isSampled) return []
    const { parentId, traceId } = invocation
    return make(environment, { traceId, spanId: spanIdOf(environment), parentId, links: [] }, invocation.start, context)
  })
  return [{ ...state, environments: [] }, spans]
}

/** The spans of all that wait when the environment ends: no invocation came. */
export const atShutdown = (state: State, at: bigint, context: Context): ReadonlyArray<Spans.Span> =>
  state.environments.flatMap((environment) => {
    const message = `the end of ${environment.kind} was not reported before SHUTDOWN`
    const outcome = environment.endedAt === undefined ? { status: "unfinished", message } : environment.outcome
    return alone({ ...environment, outcome }, at, context)
  })

const spanIdOf = ({ instanceId = "", kind, phase = "", startTime }: Environment) =>
  TraceContext.deriveSpanId(kind, phase, instanceId, startTime)

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
