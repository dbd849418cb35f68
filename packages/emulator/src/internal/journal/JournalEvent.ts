/** Everything that can happen in an environment, as the journal tells it. */
import type { Fault } from "../FaultKinds.ts"
import type { Source } from "../Source.ts"
import type { ShutdownReason, ShutdownReasonText } from "../ShutdownReason.ts"

/**
 * The channel that a process wrote to. `log` is the descriptor over which Lambda's own runtimes log, record by record.
 *
 * @category models
 * @since 0.1.0
 */
export type Channel = "stdout" | "stderr" | "log"

/**
 * The end of a process: with an exit code or by a signal.
 *
 * @category models
 * @since 0.1.0
 */
export type ExitStatus =
  | { readonly _tag: "Code"; readonly code: number }
  | { readonly _tag: "Signal"; readonly signal: string }

/**
 * The states of an extension, by the names that appear in error messages (docs/protocol.md#states-of-an-extension).
 *
 * @category models
 * @since 0.1.0
 */
export type ExtensionStateName =
  | "Started"
  | "Registered"
  | "Ready"
  | "Running"
  | "InitError"
  | "ExitError"
  | "ShutdownFailed"
  | "Exited"
  | "LaunchError"

/**
 * Everything that can happen. Each journal entry is one of these, with `index` and `at` added.
 *
 * @category models
 * @since 0.1.0
 */
export type JournalEvent =
  /** A phase began: `init` before the first invocation, `invoke` when init runs again inside one. */
  | { readonly _tag: "InitStarted"; readonly phase: "init" | "invoke" }
  | {
      readonly _tag: "InitEnded"
      readonly phase: "init" | "invoke"
      readonly status: "success" | "error" | "timeout"
      readonly errorType: string | undefined
    }
  /** A process runs. `pid` is `undefined` for a manual process. */
  | { readonly _tag: "ProcessStarted"; readonly source: Source; readonly pid: number | undefined }
  /** A process could not be started. `message` is what Lambda says, `advice` how to mend it. */
  | {
      readonly _tag: "LaunchFailed"
      readonly source: Source
      readonly errorType: string
      readonly message: string
      readonly advice: string
    }
  /**
   * A process ended; `state` is the state of the extension afterwards. `peakMemoryBytes` is the most memory that its
   * process group had when it was measured: at a request, at a time limit, before a signal. Shared pages count once.
   * `undefined` means that it was never measured, or that this is not Linux. `advice` tells how to mend it if the code
   * is 126 or 127: a program that the process needs cannot be executed, or is missing.
   */
  | {
      readonly _tag: "ProcessExited"
      readonly source: Source
      readonly status: ExitStatus
      readonly state: ExtensionStateName | undefined
      readonly peakMemoryBytes: number | undefined
      readonly advice?: string | undefined
    }
  /** The environment sent a signal to the process group. */
  | { readonly _tag: "Killed"; readonly source: Source; readonly signal: "SIGTERM" | "SIGKILL" }
  /** A line of a process, without its line break; of the channel `log` a record, which may have several lines. */
  | {
      readonly _tag: "Output"
      readonly source: Source
      readonly channel: Channel
      readonly line: string
    }
  | {
      readonly _tag: "Registered"
      readonly source: Source
      readonly kind: "external" | "internal"
      readonly identifier: string
      readonly events: ReadonlyArray<"INVOKE" | "SHUTDOWN">
    }
  /** The API refused a request. Status 0: it closed the connection without an answer. */
  | {
      readonly _tag: "ApiRefused"
      readonly method: string
      readonly path: string
      readonly status: number
      readonly errorType: string
      readonly message: string
    }
  | { readonly _tag: "NextCalled"; readonly source: Source }
  /** SnapStart: the runtime has done its init and waits for the restore. */
  | { readonly _tag: "RestoreNextCalled" }
  /**
   * An event left for an extension. `lost` means that the poll's connection was gone already, so the event was not
   * received.
   */
  | {
      readonly _tag: "EventDelivered"
      readonly source: Source
      readonly eventType: "INVOKE" | "SHUTDOWN"
      readonly deadlineMs: number
      readonly requestId: string | undefined
      readonly shutdownReason: ShutdownReasonText | undefined
      readonly lost: boolean
    }
  /** The connection of a waiting poll was closed by its client. The poll still stands and swallows the next event. */
  | { readonly _tag: "PollAborted"; readonly source: Source }
  /** An error route was called; `errorType` is what the sender named, `body` is what it posted. */
  | {
      readonly _tag: "ErrorReported"
      readonly source: Source
      readonly route: "init/error" | "exit/error" | "invocation/error" | "restore/error"
      readonly errorType: string
      readonly body: string
    }
  /** A fatal error was stored: the first of a generation decides what the invoker sees. */
  | { readonly _tag: "Fatal"; readonly source: Source; readonly errorType: string; readonly first: boolean }
  /** The environment took up an invocation. A field without a value is `""`. */
  | {
      readonly _tag: "InvocationStarted"
      readonly requestId: string
      readonly deadlineMs: number
      readonly invokedFunctionArn: string
      readonly traceHeader: string
      /** The segment that Lambda itself would send to X-Ray, with active tracing. */
      readonly lambdaSegmentId: string
      readonly tenantId: string
    }
  /** The invocation left for the runtime. */
  | { readonly _tag: "InvocationDelivered"; readonly requestId: string; readonly lost: boolean }
  /** The runtime answered with so many bytes; the caller has its result from here on. */
  | {
      readonly _tag: "RuntimeResponded"
      readonly requestId: string
      readonly functionError: string | undefined
      readonly producedBytes: number
    }
  /** The runtime asked for the next invocation. */
  | { readonly _tag: "RuntimeDone"; readonly requestId: string }
  /**
   * The invocation ended, extensions included; `extensionOverheadMs` is the time from `RuntimeDone` to here.
   * `maxMemoryBytes` is the sum of the most memory that the process groups of the runtime and of each extension had so
   * far; `undefined` if it cannot be measured (manual processes, other systems than Linux).
   */
  | {
      readonly _tag: "InvocationDone"
      readonly requestId: string
      readonly status: "success" | "error" | "timeout" | "abandoned"
      readonly errorType: string | undefined
      readonly extensionOverheadMs: number
      readonly maxMemoryBytes: number | undefined
    }
  /**
   * The telemetry service took a subscription of the Telemetry or Logs API, knew it already, or refused it.
   * `schemaVersion` and `destination` are known if it did not refuse.
   */
  | {
      readonly _tag: "TelemetrySubscription"
      readonly source: Source
      readonly api: "telemetry" | "logs"
      readonly state: "Subscribed" | "Already subscribed" | "Validation error" | "Forbidden"
      readonly types: ReadonlyArray<string>
      readonly schemaVersion: string | undefined
      readonly destination: string | undefined
      /** The request, as it came. */
      readonly body: string
    }
  /**
   * A listener took a batch; `status` is what it answered, `undefined` over TCP. `extra` counts the records that a fault
   * added or repeated; they are not part of `records`, so that the records of all entries add up.
   */
  | {
      readonly _tag: "TelemetryDelivered"
      readonly source: Source
      readonly destination: string
      readonly records: number
      readonly bytes: number
      readonly status: number | undefined
      readonly extra?: number
    }
  /** A batch did not get through. The real service tries again, a managed instance drops it. */
  | {
      readonly _tag: "TelemetryNotDelivered"
      readonly source: Source
      readonly destination: string
      readonly records: number
      readonly bytes: number
      readonly problem: string
    }
  /**
   * Only with the option `wire`. An exchange has ended: a request of a process to the platform (`api`), or a delivery of
   * telemetry to a process (`delivery`). `exchange` numbers each of both kinds. Payloads are in it.
   */
  | {
      readonly _tag: "Exchanged"
      readonly kind: "api" | "delivery"
      readonly exchange: number
      /** The process that asked, or that listens. `undefined` if the request does not say who sends it. */
      readonly process: Source | undefined
      /** The method of HTTP, or `TCP`. */
      readonly method: string
      /** The path of a request, the whole destination of a delivery. */
      readonly path: string
      /** The headers that the protocol defines, by their names in lower case. */
      readonly requestHeaders: Readonly<Record<string, string>>
      /** The beginning of the body. The option says how many bytes are kept; `requestBytes` counts all. */
      readonly requestBody: string
      readonly requestBytes: number
      /** Epoch milliseconds when the request began; `at` is its end. */
      readonly requestedAt: number
      /** 0: the connection was closed without an answer. `undefined` over TCP, which has no answers. */
      readonly status: number | undefined
      readonly answerHeaders: Readonly<Record<string, string>>
      /** The beginning of the body as it left, also if a fault cut it. The body that a listener answers is not kept. */
      readonly answerBody: string
      readonly answerBytes: number
      /** The side that closed the connection before the answer was whole, or at its end; `undefined` if it was kept. */
      readonly closedBy: "client" | "platform" | undefined
    }
  /** Events that a subscription will never get. */
  | {
      readonly _tag: "TelemetryDropped"
      readonly source: Source
      readonly destination: string
      readonly records: number
      readonly bytes: number
      readonly reason: string
    }
  /**
   * The runtime and every extension waited in next, so every process was stopped. A manual process goes on, since it
   * has no process.
   */
  | { readonly _tag: "Frozen" }
  /** There is an event: every process goes on, before the event leaves. */
  | { readonly _tag: "Thawed"; readonly frozenMs: number }
  /**
   * SnapStart: init has ended, every process is stopped, and `connections` of them to the outside are cut. `problem`
   * says why connections could not be cut, or not all of them.
   */
  | { readonly _tag: "SnapshotTaken"; readonly connections: number; readonly problem: string | undefined }
  /** SnapStart: the first invocation is there, so the environment comes back from its snapshot. */
  | { readonly _tag: "RestoreStarted" }
  /** The runtime has run its hooks and asks for an invocation, or never waited for the restore. */
  | {
      readonly _tag: "RestoreEnded"
      readonly status: "success" | "error"
      readonly errorType: string | undefined
    }
  /** A fault acted. `target` is the process that it hit; `undefined` means the whole environment. */
  | {
      readonly _tag: "FaultInjected"
      readonly fault: Fault
      readonly target: Source | undefined
      readonly description: string
    }
  | {
      readonly _tag: "ShutdownStarted"
      readonly reason: ShutdownReason
      readonly deadlineMs: number
      /** `true`: a reset, the next invocation starts the environment again; `false`: the environment ends. */
      readonly reset: boolean
    }
  | { readonly _tag: "ShutdownEnded"; readonly reason: ShutdownReason; readonly reset: boolean }

/**
 * A journal event with its place and time.
 *
 * @category models
 * @since 0.1.0
 */
export type JournalEntry = JournalEvent & { readonly index: number; readonly at: number }

/**
 * A single kind of entry, for example `EntryOf<"EventDelivered">`.
 *
 * @category models
 * @since 0.1.0
 */
export type EntryOf<Tag extends JournalEvent["_tag"]> = Extract<JournalEntry, { readonly _tag: Tag }>
