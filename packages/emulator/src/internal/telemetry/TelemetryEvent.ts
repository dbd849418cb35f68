/**
 * The events that the platform tells telemetry subscribers, before they are written for a schema version. Times are
 * epoch ms.
 */
import type { Source } from "../Source.ts"
import type { TraceContext } from "../TraceHeader.ts"
import type { InitializationType } from "../settings/Settings.ts"

/**
 * The phase in which init ran: `invoke` when it was repeated inside an invocation (docs/protocol.md#platform-events).
 */
export type InitPhase = "init" | "invoke"

/**
 * The end of a phase or an invocation. `errorType: ""` is sent as `""`, `undefined` is left out
 * (docs/protocol.md#status-and-error-type).
 */
export interface Outcome {
  readonly status: "success" | "error" | "failure" | "timeout"
  readonly errorType: string | undefined
}

export interface Span {
  readonly name: "responseLatency" | "responseDuration" | "runtimeOverhead" | "extensionOverhead"
  readonly start: number
  readonly durationMs: number
}

interface Init {
  readonly initializationType: InitializationType
  readonly phase: InitPhase
}

interface Instance {
  readonly functionName: string
  readonly functionVersion: string
  /** The name of the log stream. */
  readonly instanceId: string
  readonly instanceMaxMemoryBytes: number
}

interface Invoked {
  readonly requestId: string
  readonly tracing: TraceContext | undefined
  readonly tenantId: string | undefined
}

/** The states in `platform.telemetrySubscription` (docs/protocol.md#states-in-platform-events). */
export type SubscriptionState = "Subscribed" | "Already subscribed" | "Validation error" | "Forbidden"

export type TelemetryEvent = { readonly at: number } & (
  | (Init & Instance & { readonly type: "platform.initStart" })
  | (Init & Outcome & { readonly type: "platform.initRuntimeDone" })
  | (Init & Outcome & { readonly type: "platform.initReport"; readonly durationMs: number })
  | (Instance & { readonly type: "platform.restoreStart" })
  | (Outcome & { readonly type: "platform.restoreRuntimeDone" })
  | (Outcome & { readonly type: "platform.restoreReport"; readonly durationMs: number })
  | (Invoked & { readonly type: "platform.start"; readonly version: string; readonly functionArn: string })
  | (Invoked &
      Outcome & {
        readonly type: "platform.runtimeDone"
        readonly metrics: { readonly durationMs: number; readonly producedBytes: number | undefined } | undefined
        readonly spans: ReadonlyArray<Span> | undefined
      })
  | (Invoked &
      Outcome & {
        readonly type: "platform.report"
        readonly metrics: {
          readonly durationMs: number
          /** These three are missing on a managed instance. */
          readonly billedDurationMs: number | undefined
          readonly memorySizeMB: number | undefined
          readonly maxMemoryUsedMB: number | undefined
          readonly initDurationMs: number | undefined
          /** Present for the first invocation after a restore. */
          readonly restoreDurationMs?: number
          readonly billedRestoreDurationMs?: number | undefined
        }
        readonly spans: ReadonlyArray<Span> | undefined
      })
  /** Only the Logs API has these two. */
  | { readonly type: "platform.end"; readonly requestId: string }
  | { readonly type: "platform.fault"; readonly text: string }
  | {
      readonly type: "platform.extension"
      readonly name: string
      readonly state: string
      readonly events: ReadonlyArray<string>
      readonly errorType: string | undefined
    }
  | {
      readonly type: "platform.telemetrySubscription" | "platform.logsSubscription"
      readonly name: string
      readonly state: SubscriptionState
      readonly types: ReadonlyArray<string>
    }
  | {
      readonly type: "platform.logsDropped"
      readonly droppedBytes: number
      readonly droppedRecords: number
      readonly reason: string
    }
  /**
   * A line of a process, with its line break if the profile keeps it. `json` is the text of a JSON log line, as
   * written.
   */
  | {
      readonly type: "function" | "extension"
      readonly text: string
      readonly json: string | undefined
    }
)

/** The kinds that can be subscribed to (docs/protocol.md#subscribe). */
export type TelemetryType = "platform" | "function" | "extension"

export const kindOf = ({ type }: TelemetryEvent): TelemetryType =>
  type === "function" || type === "extension" ? type : "platform"

/** The kind of a process's lines: those of the function, or of an external extension. */
export const logTypeOf = (source: Source): "function" | "extension" => (source === "runtime" ? "function" : "extension")
