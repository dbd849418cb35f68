/** Records of the Telemetry API as Lambda sends them, with times that a test chooses, and their fold. */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Mapping from "@effect-lambda/otel/Mapping"

/** A time of the day of all tests, by its milliseconds. */
export const at = (millis: number): string => new Date(Date.UTC(2026, 10, 3, 12) + millis).toISOString()

/** The same time in nanoseconds since 1970, as OTLP has it. */
export const nanos = (millis: number): string =>
  String((BigInt(Date.UTC(2026, 10, 3, 12)) * 1000n + BigInt(Math.round(millis * 1000))) * 1000n)

export const requestId = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
/** The trace id that is derived from it. */
export const derivedTraceId = "97392dfe598c3fcd8476a536e9f411e8"
export const xrayTraceId = "5759e988bd862e3fe1be46a994272793"
export const xrayParentId = "53995c3f42cd8ad8"
export const header = `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=${xrayParentId};Sampled=1`
export const tracing = { type: "X-Amzn-Trace-Id", value: header, spanId: "54565fb41ac79632" }
export const arn = "arn:aws:lambda:us-east-1:123456789012:function:checkout"

type Fields = Readonly<Record<string, unknown>>

/** Any record, as the receiver makes an event of it. */
export const event = (time: string, type: string, record: unknown): TelemetryEvent.TelemetryEvent =>
  TelemetryEvent.decode({ time, type, record })

const init = { initializationType: "on-demand", phase: "init" }

export const initStart = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.initStart", {
    ...init,
    instanceId: "2026/11/03/[$LATEST]1d58ec6f22d0421bb18ca2a71b4b8ebd",
    runtimeVersion: "nodejs:22.v1",
    ...more
  })
export const initRuntimeDone = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.initRuntimeDone", { ...init, status: "success", ...more })
export const initReport = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.initReport", { ...init, status: "success", metrics: { durationMs: 150 }, ...more })
export const restoreStart = (millis: number, more: Fields = {}) => event(at(millis), "platform.restoreStart", more)
export const restoreRuntimeDone = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.restoreRuntimeDone", { status: "success", ...more })
export const restoreReport = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.restoreReport", { status: "success", metrics: { durationMs: 90 }, ...more })
export const start = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.start", { requestId, version: "7", ...more })
export const runtimeDone = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.runtimeDone", { requestId, status: "success", metrics: { durationMs: 40 }, ...more })
export const report = (millis: number, more: Fields = {}) =>
  event(at(millis), "platform.report", {
    requestId,
    status: "success",
    metrics: { durationMs: 40, billedDurationMs: 190, memorySizeMB: 128, maxMemoryUsedMB: 64 },
    ...more
  })
export const log = (millis: number, record: unknown) => event(at(millis), "function", record)

/** A context of a function without active tracing, whose INVOKE event is not known. */
export const context = (
  settings: Partial<Mapping.MappingSettings> = {},
  facts: Mapping.InvocationFacts = {}
): Mapping.Context => ({
  settings: {
    functionName: "checkout",
    serverSpan: "auto",
    xrayParent: "link",
    isSampled: () => true,
    platformEvents: false,
    ...settings
  },
  observedAt: Date.UTC(2026, 10, 3, 13),
  traceOf: () => facts
})

/** Folds the records, and closes the state at SHUTDOWN if its time is given. */
export const fold = (
  events: ReadonlyArray<TelemetryEvent.TelemetryEvent>,
  given: Mapping.Context = context(),
  shutdownMillis?: number
): Mapping.Signals & { readonly state: Mapping.State } => {
  let state = Mapping.initial
  const all = events.map((event) => {
    const [next, signals] = Mapping.step(state, event, given)
    state = next
    return signals
  })
  if (shutdownMillis !== undefined) all.push(Mapping.end(state, Date.parse(at(shutdownMillis)), given))
  return {
    state,
    spans: all.flatMap(({ spans }) => spans),
    metrics: all.flatMap(({ metrics }) => metrics),
    logs: all.flatMap(({ logs }) => logs)
  }
}

/** The attributes as an object; none of ours is nested. */
export const attributesOf = ({ attributes }: { readonly attributes: ReadonlyArray<Attribute> }): Fields =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.intValue ?? value.doubleValue
    ])
  )

interface Attribute {
  readonly key: string
  readonly value: {
    readonly stringValue?: string | null
    readonly boolValue?: boolean | null
    readonly intValue?: string | number | null
    readonly doubleValue?: number | null
  }
}

/** The sums of the metrics that count something, by name. */
export const sumsOf = (metrics: ReturnType<typeof fold>["metrics"]): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {}
  for (const { name, sum } of metrics) {
    for (const { asInt } of sum?.dataPoints ?? []) sums[name] = (sums[name] ?? 0) + Number(asInt)
  }
  return sums
}
