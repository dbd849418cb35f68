/** Invocations: from their records to spans, and the place of each in its trace. */
import type * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import * as Spans from "../Spans.ts"
import * as TraceContext from "../TraceContext.ts"
import * as Environments from "./environments.ts"
import * as Recent from "./recent.ts"
import type { Context, Invocation, InvocationFacts, MappingSettings, SpanPlace, State, WithSpans } from "./state.ts"
import { nanosOf, nanosOfMillis } from "./time.ts"

type Start = typeof PlatformEvent.Start.Type
type RuntimeDone = typeof PlatformEvent.RuntimeDone.Type
type Report = typeof PlatformEvent.Report.Type

/** So many invocations may run at once, and so many that have ended are remembered. */
export const limit = 512

/** The end of an invocation, as a record says it. */
interface End {
  readonly at: bigint
  readonly durationMs: number | undefined
  readonly outcome: Spans.Outcome
  readonly phases: ReadonlyArray<PlatformEvent.Span>
}

/** A state with spans, and the request ids of invocations that were given up: their end was never reported. */
export interface Step {
  readonly state: State
  readonly spans: ReadonlyArray<Spans.Span>
  readonly unfinished: ReadonlyArray<string>
  /** Whether the record ended an invocation. */
  readonly isEnd: boolean
}

/** An invocation begins. */
export const started = (state: State, event: Start, context: Context): Step => {
  const at = nanosOf(event.time)
  const before = Recent.get(state.invocations, event.record.requestId)
  const running = state.isManaged ? undefined : event.record.requestId
  if (before !== undefined && isStartOf(before, at)) {
    return { state: { ...state, running }, spans: [], unfinished: [], isEnd: false }
  }
  const isOpen = before !== undefined && before.place === undefined
  // A second attempt under the same request id: the first one was killed.
  const [ended, spans] = isOpen ? giveUp(state, before, at ?? nanosOfMillis(context.observedAt), context) : [state, []]
  const invocation: Invocation = {
    ...unstarted(ended, event),
    startTime: event.time,
    startedAt: at,
    functionArn: event.record.functionArn ?? undefined,
    version: event.record.version,
    sdkSpanId: before?.sdkSpanId
  }
  const remembered = remember({ ...ended, isCold: false, after: undefined }, invocation, context)
  return {
    state: { ...remembered.state, running },
    spans: [...spans, ...remembered.spans],
    unfinished: [...(isOpen ? [before.requestId] : []), ...remembered.unfinished],
    isEnd: false
  }
}

/** Whether a start is that of an invocation whose span was made without it: the start comes after the end. */
const isStartOf = ({ endedAt, startTime }: Invocation, at: bigint | undefined): boolean =>
  startTime === "" && endedAt !== undefined && at !== undefined && at <= endedAt

/** The function is done. A start that was lost is made up for, if it was not before a reset. */
export const done = (state: State, event: RuntimeDone, context: Context): Step => {
  const { errorType, metrics, requestId, spans = [], status } = event.record
  const known = Recent.get(state.invocations, requestId)
  if (known === undefined ? !state.hasBegun : known.place !== undefined) {
    return { state, spans: [], unfinished: [], isEnd: false }
  }
  return finish(state, known ?? unstarted(state, event), event.time, context, {
    durationMs: metrics?.durationMs,
    outcome: { status, errorType },
    phases: spans
  })
}

/**
 * An invocation is over. The report is its end if there was no other: on managed instances, and after a reset. A report alone
 * is of an invocation before this process, unless every invocation ends by its report.
 */
export const reported = (state: State, event: Report, context: Context): Step => {
  const { errorType, metrics, requestId, spans = [], status } = event.record
  const known = Recent.get(state.invocations, requestId)
  const next = state.running === requestId ? { ...state, running: undefined } : state
  if (known === undefined ? !state.isManaged : known.place !== undefined) {
    return { state: next, spans: [], unfinished: [], isEnd: false }
  }
  return finish(next, known ?? unstarted(state, event), event.time, context, {
    durationMs: metrics.durationMs,
    outcome: { status, errorType },
    phases: spans.filter(({ name }) => name !== "extensionOverhead")
  })
}

/** The invocations that never ended, in the order in which they began. */
export const atShutdown = (
  state: State,
  at: bigint,
  context: Context
): { readonly state: State; readonly spans: ReadonlyArray<Spans.Span>; readonly unfinished: ReadonlyArray<string> } => {
  const open = Recent.values(state.invocations)
    .filter(({ place }) => place === undefined)
    .toSorted(byStart)
  return giveUpAll(state, open, at, context)
}

const byStart = (a: Invocation, b: Invocation): number => {
  if (a.startTime !== b.startTime) return a.startTime < b.startTime ? -1 : 1
  return a.requestId < b.requestId ? -1 : 1
}

/** An invocation whose start was lost, as far as another record tells of it. */
const unstarted = (state: State, { record }: Start | RuntimeDone | Report): Invocation => ({
  requestId: record.requestId,
  startTime: "",
  tracing: record.tracing,
  tenantId: record.tenantId ?? undefined,
  isColdStart: state.isCold,
  after: state.after
})

const finish = (
  before: State,
  invocation: Invocation,
  time: string,
  context: Context,
  { durationMs, outcome, phases }: Omit<End, "at">
): Step => {
  // An invocation whose start was lost is the first one now, if there was none.
  const state = invocation.startTime === "" ? { ...before, isCold: false, after: undefined } : before
  const began = invocation.startedAt
  const duration = durationMs === undefined ? undefined : Spans.nanosOfDuration(durationMs)
  const at =
    nanosOf(time) ??
    (began === undefined || duration === undefined ? nanosOfMillis(context.observedAt) : began + duration)
  const [ended, spans] = end(state, invocation, { at, durationMs, outcome, phases }, context)
  const sdkSpanId = context.traceOf(invocation.requestId).sdk?.spanId
  const place = placeOf(invocation, context)
  const remembered = remember(ended, { ...invocation, place, endedAt: at, sdkSpanId }, context)
  return {
    state: remembered.state,
    spans: [...spans, ...remembered.spans],
    unfinished: remembered.unfinished,
    isEnd: true
  }
}

/** The spans of an invocation that has ended, and of the inits that waited for it. */
const end = (
  state: State,
  invocation: Invocation,
  { at, durationMs, outcome, phases }: End,
  context: Context
): WithSpans => {
  const place = placeOf(invocation, context)
  const start = invocation.startedAt ?? (durationMs === undefined ? at : at - Spans.nanosOfDuration(durationMs))
  const [next, environments] = Environments.withInvocation(state, { ...place, start }, context)
  if (!place.isSampled) return [next, environments]
  const functionArn = invocation.functionArn ?? context.traceOf(invocation.requestId).functionArn
  const { functionName } = context.settings
  const facts: Spans.Invocation = { ...invocation, functionName, functionArn, isServer: place.isServer }
  const span = Spans.ofInvocation(facts, place, { start, end: at }, outcome)
  return [next, [...environments, span, ...Spans.ofPhases(phases, { ...place, start })]]
}

/** Ends an invocation whose end was never reported. */
const giveUp = (state: State, invocation: Invocation, at: bigint, context: Context): WithSpans => {
  const message = "the end of the invocation was not reported"
  const outcome = { status: "unfinished", message }
  return end(state, invocation, { at, durationMs: undefined, outcome, phases: [] }, context)
}

const giveUpAll = (state: State, open: ReadonlyArray<Invocation>, at: bigint, context: Context) => {
  const spans: Array<Spans.Span> = []
  let next = state
  for (const invocation of open) {
    const [after, made] = giveUp(next, invocation, at, context)
    next = after
    spans.push(...made)
  }
  return { state: next, spans, unfinished: open.map(({ requestId }) => requestId) }
}

/** Remembers an invocation, and gives up those that are forgotten for it and still run. */
const remember = (state: State, invocation: Invocation, context: Context) => {
  const [invocations, forgotten] = Recent.set(state.invocations, invocation.requestId, invocation, limit)
  const open = forgotten.filter(({ place }) => place === undefined).toSorted(byStart)
  return giveUpAll({ ...state, invocations }, open, nanosOfMillis(context.observedAt), context)
}

interface Known {
  readonly settings: MappingSettings
  readonly facts: InvocationFacts
  readonly place: SpanPlace
}

// Each log of an invocation asks for its place, and only what others know of the invocation may change.
const places = /*#__PURE__*/ new WeakMap<Invocation, Known>()

/** The place of an invocation's span, by all that is known now. */
export const placeOf = (invocation: Invocation, { settings, traceOf }: Context): SpanPlace => {
  if (invocation.place !== undefined) return invocation.place
  const facts = traceOf(invocation.requestId)
  const known = places.get(invocation)
  if (known?.settings === settings && isSame(known.facts, facts)) return known.place
  const place = findPlace(invocation, facts, settings)
  places.set(invocation, { settings, facts, place })
  return place
}

const isSame = (a: InvocationFacts, b: InvocationFacts) => a === b || (a.header === b.header && a.sdk === b.sdk)

const findPlace = (
  { after, requestId, sdkSpanId, startTime, tracing }: Invocation,
  { header, sdk: last }: InvocationFacts,
  settings: MappingSettings
): SpanPlace => {
  const sdk = sdkSpanId === undefined || last?.spanId !== sdkSpanId ? last : undefined
  const { adopted, trace, traceId } = traceOfRequest(requestId, tracing?.value, { header, sdk })
  const given = tracing?.spanId?.toLowerCase() ?? ""
  const spanId = TraceContext.isSpanId(given) ? given : TraceContext.deriveSpanId(requestId, startTime)
  // With the propagator of X-Ray, the parent of the SDK's span may be this very span.
  const isParent = (id: string | undefined) => id !== undefined && TraceContext.isSpanId(id) && id !== spanId
  const own = settings.xrayParent === "parent" && traceId === trace.traceId ? trace.parentId : undefined
  const parentId = [adopted?.parentSpanId, own].find(isParent)
  const segment = trace.parentId === parentId || trace.parentId === spanId ? undefined : trace.parentId
  return {
    traceId,
    spanId,
    parentId,
    links: [
      ...(segment === undefined ? [] : [{ traceId: trace.traceId, spanId: segment }]),
      ...(after === undefined ? [] : [after])
    ],
    isServer: settings.serverSpan === "always" || (settings.serverSpan === "auto" && adopted === undefined),
    isSampled: settings.isSampled({ ...trace, traceId })
  }
}

/** The trace of a request: that of the record, of the INVOKE event, or derived; that of the function's SDK goes before. */
export const traceOfRequest = (requestId: string, tracing: string | undefined, { header, sdk }: InvocationFacts) => {
  const trace =
    TraceContext.fromXRay(tracing ?? "") ?? TraceContext.fromXRay(header ?? "") ?? TraceContext.fromRequestId(requestId)
  const adopted = sdk !== undefined && TraceContext.isTraceId(sdk.traceId) ? sdk : undefined
  return { adopted, trace, traceId: (adopted ?? trace).traceId }
}
