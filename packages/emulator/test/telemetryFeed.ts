/** Journal events of an environment, and the telemetry that follows on them in short words. */
import type { JournalEvent } from "@effect-lambda/emulator/Journal"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import { profiles } from "@effect-lambda/emulator/Profile"
import * as PlatformEvents from "../src/internal/telemetry/PlatformEvents.ts"
import type { TelemetryEvent } from "../src/internal/telemetry/TelemetryEvent.ts"

/** Feeds the journal events, one after another, at the given times. */
export const feed = (
  events: ReadonlyArray<readonly [number, JournalEvent]>,
  profile: ProfileName = "real",
  initializationType: PlatformEvents.PlatformEventsOptions["initializationType"] = "on-demand"
) => {
  const next = PlatformEvents.make({
    profile: profiles[profile],
    functionName: "f",
    functionVersion: "1",
    instanceId: "i",
    memorySize: 128,
    initializationType,
    timeoutMs: 3000
  })
  return events.flatMap(([at, event]) => next(event, at))
}

/** A line per event: the time when it was told, its type, its outcome. */
export const words = (events: ReadonlyArray<TelemetryEvent>): ReadonlyArray<string> =>
  events.map((event) =>
    [
      event.at,
      event.type.replace("platform.", ""),
      ...("phase" in event ? [event.phase] : []),
      ...("state" in event ? [event.state] : []),
      ...("status" in event ? [event.status] : []),
      ...("errorType" in event && event.errorType !== undefined ? [event.errorType] : [])
    ].join(" ")
  )

export const a = "extension:a"

export const initStarted = (phase: "init" | "invoke"): JournalEvent => ({ _tag: "InitStarted", phase })

export const initEnded = (
  phase: "init" | "invoke",
  status: "success" | "error" | "timeout",
  errorType?: string
): JournalEvent => ({ _tag: "InitEnded", phase, status, errorType })

export const invoked = (requestId = "r", traceHeader = "", lambdaSegmentId = ""): JournalEvent => ({
  _tag: "InvocationStarted",
  requestId,
  deadlineMs: 0,
  invokedFunctionArn: "arn",
  traceHeader,
  lambdaSegmentId,
  tenantId: ""
})

export const delivered = (requestId = "r"): JournalEvent => ({ _tag: "InvocationDelivered", requestId, lost: false })

export const responded = (requestId = "r"): JournalEvent => ({
  _tag: "RuntimeResponded",
  requestId,
  functionError: undefined,
  producedBytes: 4
})

export const runtimeDone: JournalEvent = { _tag: "RuntimeDone", requestId: "r" }

export const done = (
  status: "success" | "error" | "timeout" | "abandoned",
  errorType?: string,
  requestId = "r"
): JournalEvent => ({
  _tag: "InvocationDone",
  requestId,
  status,
  errorType,
  extensionOverheadMs: 5,
  maxMemoryBytes: 64 * 1_048_576
})

export const reset = (reason: "timeout" | "failure"): ReadonlyArray<readonly [number, JournalEvent]> => [
  [900, { _tag: "ShutdownStarted", reason, deadlineMs: 0, reset: true }],
  [950, { _tag: "ShutdownEnded", reason, reset: true }]
]

export const of = (type: TelemetryEvent["type"], events: ReadonlyArray<TelemetryEvent>) =>
  events.filter((event) => event.type === type)
