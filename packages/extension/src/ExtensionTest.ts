/**
 * Tests of extensions without AWS, sockets or real time: an in-memory
 * `ExtensionsApi` that plays a script of events and keeps a journal of calls.
 *
 * The in-memory API is as strict as Lambda: calls in an order that Lambda
 * refuses are refused with the same errors. Time is the `Clock`, so `TestClock`
 * drives it.
 *
 * **Example** (An extension under test)
 *
 * ```ts
 * import { Extension, ExtensionTest } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 *
 * export const test = Effect.gen(function* () {
 *   yield* Extension.run({ onInvoke: (event) => ExtensionTest.note(`handled ${event.requestId}`) })
 *   return (yield* ExtensionTest.journal).map((entry) => entry._tag)
 *   // => ["Registered", "Next", "Event", "Note", "Next", "Event", "ExitAt"]
 * }).pipe(Effect.provide(ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ErrorRequest, ExtensionsApiError, ExtensionsApiErrorReason } from "./ExtensionError.ts"
import type { EventType, ExtensionEvent, ShutdownReason, Tracing } from "./ExtensionEvent.ts"
import type { ExtensionsApi } from "./ExtensionsApi.ts"
import type { InitializationType, LambdaEnvironment } from "./LambdaEnvironment.ts"
import * as lambdaInMemory from "./internal/lambdaInMemory.ts"
import type { Registration } from "./Registration.ts"
import type { TelemetryApi } from "./TelemetryApi.ts"
import type { TelemetryListener } from "./TelemetryListener.ts"
import type { Subscription } from "./TelemetrySubscription.ts"
import type { Delivery } from "./TelemetryTest.ts"

/**
 * A step of the script, made by the constructors below: an answer of next, or a
 * wait before it.
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
 * An INVOKE event. The request ids of a script are `request-1`, `request-2`, …
 *
 * @param options.timeout time until the deadline. Default: 3 seconds
 * @param options.deadlineMs the deadline itself, for implausible ones
 * @param options.delivers telemetry that arrives with it or after it
 * @category constructors
 * @since 0.1.0
 */
export const invoke = (
  options: {
    readonly requestId?: string | undefined
    readonly timeout?: Duration.Input | undefined
    readonly deadlineMs?: number | undefined
    readonly tracing?: Tracing | undefined
    readonly delivers?: ReadonlyArray<Delivery> | undefined
  } = {}
): Step => ({
  _tag: "Event",
  delivers: options.delivers ?? [],
  make: (now, index) => ({
    eventType: "INVOKE",
    deadlineMs: options.deadlineMs ?? now + Duration.toMillis(options.timeout ?? "3 seconds"),
    requestId: options.requestId ?? `request-${index}`,
    invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:test",
    ...(options.tracing === undefined ? undefined : { tracing: options.tracing })
  })
})

/**
 * The SHUTDOWN event.
 *
 * @param options.reason default: `spindown`
 * @param options.timeout time until the deadline. Default: 2 seconds
 * @param options.delivers telemetry that arrives with it or after it
 * @category constructors
 * @since 0.1.0
 */
export const shutdown = (
  options: {
    readonly reason?: ShutdownReason | undefined
    readonly timeout?: Duration.Input | undefined
    readonly delivers?: ReadonlyArray<Delivery> | undefined
  } = {}
): Step => ({
  _tag: "Event",
  delivers: options.delivers ?? [],
  make: (now) => ({
    eventType: "SHUTDOWN",
    deadlineMs: now + Duration.toMillis(options.timeout ?? "2 seconds"),
    shutdownReason: options.reason ?? "spindown"
  })
})

/**
 * An event of a type the library does not know.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown = (payload: { readonly eventType: string; readonly [key: string]: unknown }): Step => ({
  _tag: "Event",
  delivers: [],
  make: () => ({ eventType: "UNKNOWN", payload })
})

/**
 * Next fails with this reason; the state of the extension does not change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failure = (reason: ExtensionsApiErrorReason): Step => ({ _tag: "Failure", reason })

/**
 * The parked poll loses its connection. As on Lambda, the lost poll stays open
 * for a while (default: 1 second), and other polls are refused until then. The
 * next step of the script is for the first poll after that.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lost = (standsFor: Duration.Input = "1 second"): Step => ({
  _tag: "Lost",
  standsMillis: Duration.toMillis(standsFor)
})

/**
 * The poll stays parked for a while before the next step.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (duration: Duration.Input): Step => ({ _tag: "Delay", millis: Duration.toMillis(duration) })

/**
 * An entry of the journal; `at` is the clock's time in milliseconds.
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
  | { readonly _tag: "Note"; readonly text: string }
)

/**
 * The test's side of the in-memory Lambda.
 *
 * - `journal`: everything that has happened so far, in order
 * - `note`: writes a line of the test into the journal, to see its place among
 *   the calls
 * - `terminate`: sends the process a signal
 *
 * @category services
 * @since 0.1.0
 */
export class ExtensionTest extends Context.Service<
  ExtensionTest,
  {
    readonly journal: Effect.Effect<ReadonlyArray<Entry>>
    readonly note: (text: string) => Effect.Effect<void>
    readonly terminate: (signal: "SIGTERM" | "SIGINT") => Effect.Effect<void>
  }
>()("@effect-lambda/extension/ExtensionTest") {}

/**
 * Everything that has happened so far, in order.
 *
 * @category accessors
 * @since 0.1.0
 */
export const journal: Effect.Effect<ReadonlyArray<Entry>, never, ExtensionTest> = Effect.flatMap(
  ExtensionTest,
  (test) => test.journal
)

/**
 * Writes a line of the test into the journal.
 *
 * @category accessors
 * @since 0.1.0
 */
export const note = (text: string): Effect.Effect<void, never, ExtensionTest> =>
  Effect.flatMap(ExtensionTest, (test) => test.note(text))

/**
 * Sends a signal to the process, as people at a terminal do.
 *
 * @category accessors
 * @since 0.1.0
 */
export const terminate = (signal: "SIGTERM" | "SIGINT"): Effect.Effect<void, never, ExtensionTest> =>
  Effect.flatMap(ExtensionTest, (test) => test.terminate(signal))

/**
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
}

/**
 * The in-memory Lambda. At the end of the script the poll stays parked, as on
 * Lambda, so most scripts end with {@link shutdown}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  script: ReadonlyArray<Step>,
  options: Options = {}
): Layer.Layer<ExtensionTest | ExtensionsApi | LambdaEnvironment | TelemetryListener | TelemetryApi> =>
  Layer.effectContext(
    Effect.map(lambdaInMemory.make(script, options), ({ services, ...test }) =>
      Context.add(services, ExtensionTest, ExtensionTest.of(test))
    )
  )
