/**
 * The script that an in-memory Lambda plays in a test, and the journal that it keeps.
 */
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { ErrorRequest, ExtensionsApiError, ExtensionsApiErrorReason } from "../../ExtensionError.ts"
import type { EventType, ExtensionEvent } from "../../ExtensionEvent.ts"
import type { InitializationType } from "../../LambdaEnvironment.ts"
import type { Registration } from "../../Registration.ts"
import type { Subscription } from "../../telemetry/TelemetrySubscription.ts"

/**
 * An HTTP body, and the time at which it arrives.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delivery {
  readonly afterMillis: number
  readonly body: string
}

/**
 * A step of the script, made by the constructors of `ExtensionTest`: an answer of
 * next, or a wait before it.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | {
      readonly _tag: "Event"
      readonly make: (now: number, index: number) => ExtensionEvent
      readonly delivers: ReadonlyArray<Delivery>
    }
  | { readonly _tag: "Failure"; readonly reason: ExtensionsApiErrorReason }
  | { readonly _tag: "Lost"; readonly standsMillis: number }
  | { readonly _tag: "Delay"; readonly millis: number }

/**
 * An entry of the journal; `at` is the clock's time in milliseconds. `Sent` is a
 * request of the `HttpClient` and the status of its answer, when it is answered.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = { readonly at: number } & (
  | { readonly _tag: "Registered"; readonly name: string; readonly events: ReadonlyArray<EventType> }
  | { readonly _tag: "Next" }
  | { readonly _tag: "Event"; readonly event: ExtensionEvent }
  | { readonly _tag: "PollInterrupted" }
  | { readonly _tag: "Subscribed"; readonly subscription: Subscription }
  | { readonly _tag: "Delivered"; readonly bytes: number }
  | { readonly _tag: "InitError" | "ExitError"; readonly error: ErrorRequest }
  | { readonly _tag: "Refused"; readonly error: ExtensionsApiError }
  | { readonly _tag: "ExitAt"; readonly epochMillis: number; readonly code: number }
  | { readonly _tag: "Sent"; readonly request: HttpClientRequest; readonly status: number }
  | { readonly _tag: "Note"; readonly text: string }
)

/**
 * The answer of a backend.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  /** 200 to 599. */
  readonly status: number
  /** Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The text of the answer, such as the reason of a refusal. Default: none. */
  readonly body?: string | undefined
}

/**
 * The options of `ExtensionTest.layer`: the environment that the extension finds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Base name of the extension's file. Default: `extension`. */
  readonly fileName?: string | undefined
  /** Default: `on-demand`. */
  readonly initializationType?: InitializationType | undefined
  /** A registration made before the process began. */
  readonly registration?: Registration | undefined
  /** `"not supported"` answers a telemetry subscription as local emulators do. Default: `"supported"`. */
  readonly telemetry?: "supported" | "not supported" | undefined
  /** Telemetry from before the first event; arrives as soon as the extension has subscribed. */
  readonly history?: ReadonlyArray<Delivery> | undefined
  /** The first calls of register fail with these reasons, one after the other. */
  readonly registerFailures?: ReadonlyArray<ExtensionsApiErrorReason> | undefined
  /** Answers the requests of the `HttpClient`, which is that of sinks, at once. Default: 200 to each. */
  readonly respond?: ((request: HttpClientRequest) => Answer) | undefined
}
