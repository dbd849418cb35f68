/** The faults as data: the types of the module `Fault`. */
import type * as Duration from "effect/Duration"
import type { Source } from "./Source.ts"
import type { RouteName } from "./wire/Requests.ts"

/**
 * The routes of both APIs, those of the Runtime API after `runtime/`.
 *
 * @category models
 * @since 0.1.0
 */
export type Route = RouteName

/**
 * The occurrence that is hit: the one of this number, counted from 1; every n-th one; or each one with a probability
 * from 0 to 1.
 *
 * @category models
 * @since 0.1.0
 */
export type Occurrence = { readonly at: number } | { readonly every: number } | { readonly probability: number }

/**
 * A point in the life of a process.
 *
 * - `init`: its process has started
 * - `during-invoke`: INVOKE leaves for the extension, the invocation for the runtime
 * - `after-response`: the runtime has responded
 * - `shutdown`: SHUTDOWN leaves for the extension, SIGTERM is sent to the runtime
 *
 * A process that is killed at the moment itself, without a delay, does not see the event any more.
 *
 * @category models
 * @since 0.1.0
 */
export type Moment = "init" | "during-invoke" | "after-response" | "shutdown"

/**
 * A change of a telemetry delivery.
 *
 * - `again`: a batch that the listener has taken comes once more, byte for byte
 * - `unknown`: a record of an unknown type joins the batch, and its first record has more fields
 * - `dropped`: a `platform.logsDropped` joins the batch
 * - `not-utf8`: the first line of a process in the batch holds bytes that are no UTF-8
 * - `cut`: the last line of a process in the batch is cut, and the rest comes with another delivery; not over TCP
 * - `half`: the connection is reset in the middle of the batch, which then comes as a whole; not over TCP
 *
 * @category models
 * @since 0.1.0
 */
export type DeliveryChange = "again" | "unknown" | "dropped" | "not-utf8" | "cut" | "half"

/** The part that all faults have. */
export interface Common {
  /** Default: the first time. */
  readonly when?: Occurrence
}

/**
 * One fault.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = Common &
  (
    | {
        /** The connection is reset (RST) when the request has come; nothing of it reaches the platform. */
        readonly _tag: "Reset"
        readonly route: Route
      }
    | {
        /**
         * The answer leaves so much later. During that time the platform goes on, and the journal shows what it does.
         */
        readonly _tag: "Slow"
        readonly route: Route
        readonly delay: Duration.Input
      }
    | {
        /** The connection ends after so many bytes of the answer's body; to the platform the answer has left. */
        readonly _tag: "Partial"
        readonly route: Route
        readonly bytes: number
      }
    | {
        /**
         * The whole answer arrives, and with it the end of the connection (FIN), which no header has announced. A client
         * that keeps the connection for its next request has to notice. The process of an extension stands still until
         * both are there, so that no request of it is faster than the end.
         */
        readonly _tag: "Close"
        readonly route: Route
      }
    | {
        /** The request is refused with this status and AWS's body; to the platform it never came. */
        readonly _tag: "Status"
        readonly route: "register" | "next" | "init/error" | "exit/error"
        readonly status: 403 | 500
      }
    | {
        /** The subscription is refused. 202 is the answer of AWS's emulator, which has no telemetry. */
        readonly _tag: "Status"
        readonly route: "telemetry" | "logs"
        readonly status: 202 | 403 | 500
      }
    | {
        /** The next is answered at once with an event of a type that no extension knows; to the platform it never came. */
        readonly _tag: "Event"
        readonly eventType: string
      }
    | {
        /** The answer to register, or an event, has unknown fields with values of every type of JSON. */
        readonly _tag: "Fields"
        readonly route: "register" | "next"
      }
    | {
        /** INVOKE comes without `tracing`. An INVOKE that has none anyway does not count. */
        readonly _tag: "NoTracing"
      }
    | {
        /**
         * Events of this kind carry another `deadlineMs`: any number, or a year from now. AWS's own sample has 676051,
         * which is no point in time. The deadline that the platform keeps to does not change.
         */
        readonly _tag: "Deadline"
        readonly event: "INVOKE" | "SHUTDOWN"
        readonly deadlineMs: number | "year-ahead"
      }
    | {
        /** The connection of a next that waits is cut. The poll stands, and the next event goes to it and is lost. */
        readonly _tag: "DropParkedNext"
      }
    | {
        /** The runtime's answer to an invocation never arrives, so that the function times out. */
        readonly _tag: "Timeout"
      }
    | {
        /** The environment is shut down (`spindown`) while an invocation runs, `delay` (default 0) after the moment. */
        readonly _tag: "Shutdown"
        readonly moment: "during-invoke" | "after-response"
        readonly delay?: Duration.Input
      }
    | {
        /** SIGKILL to the process group, `delay` (default 0) after the moment. */
        readonly _tag: "Crash"
        readonly source: Source
        readonly moment: Moment
        readonly delay?: Duration.Input
      }
    | {
        /**
         * A delivery of telemetry is changed. Batches count, for each extension; a batch that cannot be changed in this
         * way does not count. Records of the fault are told apart in the journal, as `extra`.
         */
        readonly _tag: "Delivery"
        readonly change: DeliveryChange
      }
    | {
        /**
         * A freeze lasts at least so long: an input that would end it waits. Clocks jump by that time. Needs `freeze`.
         */
        readonly _tag: "HoldThaw"
        readonly hold: Duration.Input
      }
  )
