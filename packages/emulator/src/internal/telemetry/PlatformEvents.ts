/**
 * Turns the journal events of the environment into platform events, in AWS's order
 * (docs/protocol.md#the-order-of-events): initStart, initRuntimeDone, one `platform.extension` for each extension,
 * initReport, start, runtimeDone, report.
 *
 * If an init runs inside an invocation, start comes after it. After a failure the report comes when the environment has
 * been reset, so that the next generation hears of it first.
 */
import type { JournalEvent } from "../journal/JournalEvent.ts"
import type { Source } from "../Source.ts"
import type { Profile } from "../../Profile.ts"
import * as TraceHeader from "../TraceHeader.ts"
import type { InitializationType } from "../settings/Settings.ts"
import type { InitPhase, Outcome, Span, TelemetryEvent } from "./TelemetryEvent.ts"

export interface PlatformEventsOptions {
  readonly profile: Profile
  readonly functionVersion: string
  readonly functionName: string
  /** The name of the log stream. */
  readonly instanceId: string
  readonly memorySize: number
  readonly initializationType: InitializationType
  readonly timeoutMs: number
}

interface Extension {
  readonly name: string
  state: string
  events: ReadonlyArray<string>
  errorType: string | undefined
}

interface Invocation {
  readonly requestId: string
  readonly startedAt: number
  readonly functionArn: string
  readonly tracing: TraceHeader.TraceContext | undefined
  readonly tenantId: string | undefined
  isStartTold: boolean
  deliveredAt: number | undefined
  responded: { readonly at: number; readonly bytes: number } | undefined
  runtimeDoneAt: number | undefined
}

type Ended = JournalEvent & { readonly _tag: "InvocationDone" }

/** `timeout` names no error; an error of the platform itself is a failure (docs/protocol.md#status-and-error-type). */
const outcomeOf = (status: "success" | "error" | "timeout", errorType: string | undefined): Outcome => {
  if (status !== "error") return { status, errorType: undefined }
  return { status: errorType?.startsWith("Sandbox.") === true ? "failure" : "error", errorType: errorType ?? "" }
}

/** Takes the journal events one by one, and gives the events that each causes, in order. */
export const make = (
  options: PlatformEventsOptions
): ((event: JournalEvent, at: number) => ReadonlyArray<TelemetryEvent>) => {
  const { givesInvoke, reportsBilling, resets, runsConcurrently } = options.profile
  const { initializationType } = options
  const { functionName, functionVersion, instanceId, memorySize } = options
  const instance = { functionName, functionVersion, instanceId, instanceMaxMemoryBytes: memorySize * 1_048_576 }
  const extensions = new Map<Source, Extension>()
  const invocations = new Map<string, Invocation>()
  /** Reports that wait for the end of the reset. */
  const afterReset: Array<(at: number) => ReadonlyArray<TelemetryEvent>> = []
  let init: { readonly phase: InitPhase; readonly startedAt: number; isRuntimeDone: boolean } | undefined
  let isInitialised = false
  /** Duration of the init phase, until a report has told it. */
  let initDurationMs: number | undefined
  const snapStart = initializationType === "snap-start"
  let restoreStartedAt = 0
  /** Duration of the restore, until a report has told it. */
  let restoreDurationMs: number | undefined

  const start = (invocation: Invocation, at: number): ReadonlyArray<TelemetryEvent> => {
    if (invocation.isStartTold) return []
    invocation.isStartTold = true
    const { functionArn, requestId, tenantId, tracing } = invocation
    const version = options.functionVersion
    return [{ at, type: "platform.start", requestId, version, tracing, functionArn, tenantId }]
  }

  const runtimeInitialised = (at: number): ReadonlyArray<TelemetryEvent> => {
    if (init === undefined || init.isRuntimeDone) return []
    init.isRuntimeDone = true
    const success = outcomeOf("success", undefined)
    return [{ at, type: "platform.initRuntimeDone", initializationType, phase: init.phase, ...success }]
  }

  const initEnded = (outcome: Outcome, at: number): ReadonlyArray<TelemetryEvent> => {
    const events: Array<TelemetryEvent> = []
    if (init === undefined) return events
    const { isRuntimeDone, phase, startedAt } = init
    if (!isRuntimeDone) events.push({ at, type: "platform.initRuntimeDone", initializationType, phase, ...outcome })
    for (const { errorType, events: names, name, state } of extensions.values()) {
      events.push({ at, type: "platform.extension", name, state, events: names, errorType })
    }
    const durationMs = at - startedAt
    events.push({ at, type: "platform.initReport", initializationType, phase, durationMs, ...outcome })
    init = undefined
    isInitialised = outcome.status === "success"
    // No invocation waited for the init of a snapshot, so no report of an invocation tells of it.
    if (isInitialised && phase === "init" && !snapStart) initDurationMs = durationMs
    for (const invocation of invocations.values()) events.push(...start(invocation, at))
    return events
  }

  const runtimeDone = (invocation: Invocation, outcome: Outcome, at: number): TelemetryEvent => {
    const { deliveredAt, requestId, responded, startedAt, tenantId, tracing } = invocation
    const spans: ReadonlyArray<Span> | undefined =
      deliveredAt === undefined || responded === undefined
        ? undefined
        : [
            { name: "responseLatency", start: deliveredAt, durationMs: responded.at - deliveredAt },
            { name: "responseDuration", start: responded.at, durationMs: 0 },
            { name: "runtimeOverhead", start: responded.at, durationMs: at - responded.at }
          ]
    const metrics = { durationMs: at - startedAt, producedBytes: responded?.bytes }
    return { at, type: "platform.runtimeDone", requestId, ...outcome, metrics, spans, tracing, tenantId }
  }

  /** `at` is the time of the event, `endedAt` the end of the invocation. */
  const report = (
    invocation: Invocation,
    ended: Ended,
    outcome: Outcome,
    endedAt: number,
    at: number
  ): TelemetryEvent => {
    const { requestId, runtimeDoneAt, startedAt, tenantId, tracing } = invocation
    const durationMs = outcome.status === "timeout" ? options.timeoutMs : endedAt - startedAt
    const memory = ended.maxMemoryBytes ?? 0
    const restore =
      restoreDurationMs === undefined
        ? undefined
        : { restoreDurationMs, billedRestoreDurationMs: Math.ceil(restoreDurationMs) }
    const billedMs = Math.ceil(durationMs + (initDurationMs ?? 0)) + (restore?.billedRestoreDurationMs ?? 0)
    const metrics = {
      durationMs,
      billedDurationMs: reportsBilling ? billedMs : undefined,
      memorySizeMB: reportsBilling ? options.memorySize : undefined,
      maxMemoryUsedMB: reportsBilling ? Math.round(memory / 1_048_576) : undefined,
      initDurationMs: reportsBilling ? initDurationMs : undefined,
      ...restore
    }
    initDurationMs = undefined
    restoreDurationMs = undefined
    const spans: ReadonlyArray<Span> | undefined =
      !givesInvoke || runtimeDoneAt === undefined || extensions.size === 0
        ? undefined
        : [{ name: "extensionOverhead", start: runtimeDoneAt, durationMs: ended.extensionOverheadMs }]
    return { at, type: "platform.report", requestId, ...outcome, metrics, spans, tracing, tenantId }
  }

  const invocationDone = (ended: Ended, at: number): ReadonlyArray<TelemetryEvent> => {
    const { errorType, requestId, status } = ended
    const invocation = invocations.get(requestId)
    invocations.delete(requestId)
    // AWS shuts down no environment during an invocation, so there is no report of it.
    if (invocation === undefined || status === "abandoned") return []
    const outcome = outcomeOf(status, errorType)
    const events: Array<TelemetryEvent> = [...start(invocation, at)]
    const isOpen = invocation.deliveredAt !== undefined && invocation.runtimeDoneAt === undefined
    if (isOpen && !runsConcurrently) events.push(runtimeDone(invocation, outcome, at))
    const what = outcome.errorType === undefined ? status : `${status}\tErrorType: ${outcome.errorType}`
    const text = `RequestId: ${requestId}\tStatus: ${what}\n`
    const tellEnd = (told: number): ReadonlyArray<TelemetryEvent> => [
      ...(status === "success" ? [] : [{ at: told, type: "platform.fault", text } as const]),
      { at: told, type: "platform.end", requestId },
      report(invocation, ended, outcome, at, told)
    ]
    // After a failure the report waits for the end of the reset.
    if (status === "success" || !resets) events.push(...tellEnd(at))
    else afterReset.push(tellEnd)
    return events
  }

  /** Keeps the state of the extensions, as `platform.extension` tells it. */
  const follow = (event: JournalEvent): ReadonlyArray<TelemetryEvent> => {
    if (!("source" in event) || event.source === "runtime") return []
    const { source } = event
    const known = extensions.get(source)
    const set = (change: Partial<Extension>): void => {
      const name = source.replace("extension:", "")
      extensions.set(source, { name, state: "Started", events: [], errorType: undefined, ...known, ...change })
    }
    switch (event._tag) {
      case "ProcessStarted":
        set({})
        break
      case "Registered":
        set({ state: "Registered", events: event.events })
        break
      case "NextCalled":
        set({ state: "Ready" })
        break
      case "LaunchFailed":
        set({ state: "LaunchError", errorType: event.errorType })
        break
      case "ErrorReported":
        set({
          state: event.route === "init/error" ? "InitError" : "ExitError",
          errorType: known?.errorType ?? event.errorType
        })
        break
      default:
        break
    }
    return []
  }

  return (event, at) => {
    switch (event._tag) {
      case "InitStarted": {
        const { phase } = event
        extensions.clear()
        init = { phase, startedAt: at, isRuntimeDone: false }
        return [{ at, type: "platform.initStart", initializationType, phase, ...instance }]
      }
      case "RestoreStarted":
        restoreStartedAt = at
        return [{ at, type: "platform.restoreStart", ...instance }]
      case "RestoreEnded": {
        const outcome = outcomeOf(event.status, event.errorType)
        const durationMs = at - restoreStartedAt
        restoreDurationMs = durationMs
        return [
          { at, type: "platform.restoreRuntimeDone", ...outcome },
          { at, type: "platform.restoreReport", durationMs, ...outcome }
        ]
      }
      case "InitEnded":
        return initEnded(outcomeOf(event.status, event.errorType), at)
      case "InvocationStarted": {
        const { invokedFunctionArn, requestId, tenantId } = event
        const invocation: Invocation = {
          requestId,
          startedAt: at,
          functionArn: invokedFunctionArn,
          tracing: TraceHeader.contextOf(event),
          tenantId: tenantId === "" ? undefined : tenantId,
          isStartTold: false,
          deliveredAt: undefined,
          responded: undefined,
          runtimeDoneAt: undefined
        }
        invocations.set(requestId, invocation)
        return isInitialised ? start(invocation, at) : []
      }
      case "InvocationDelivered": {
        const invocation = invocations.get(event.requestId)
        if (invocation !== undefined) invocation.deliveredAt ??= at
        return []
      }
      case "RuntimeResponded": {
        const invocation = invocations.get(event.requestId)
        if (invocation !== undefined) invocation.responded = { at, bytes: event.producedBytes }
        return []
      }
      case "RuntimeDone": {
        const invocation = invocations.get(event.requestId)
        // A runtime that reports the error of its handler has done its job: success
        // (docs/protocol.md#status-and-error-type).
        if (invocation === undefined) return []
        invocation.runtimeDoneAt = at
        return [runtimeDone(invocation, outcomeOf("success", undefined), at)]
      }
      case "InvocationDone":
        return invocationDone(event, at)
      case "ShutdownStarted":
        isInitialised = false
        return []
      case "ShutdownEnded":
        return afterReset.splice(0).flatMap((tell) => tell(at))
      case "TelemetrySubscription": {
        const { api, source, state, types } = event
        const type = api === "logs" ? "platform.logsSubscription" : "platform.telemetrySubscription"
        return [{ at, type, name: source.replace("extension:", ""), state, types }]
      }
      case "RestoreNextCalled":
        return runtimeInitialised(at)
      case "NextCalled":
        return event.source === "runtime" ? runtimeInitialised(at) : follow(event)
      default:
        return follow(event)
    }
  }
}
