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
 * import { Extension } from "@effect-lambda/extension"
 * import { ExtensionTest } from "@effect-lambda/extension/testing"
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
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { ExtensionsApiErrorReason } from "../ExtensionError.ts"
import type { ShutdownReason, Tracing } from "../ExtensionEvent.ts"
import type { ExtensionsApi } from "../ExtensionsApi.ts"
import type { LambdaEnvironment } from "../LambdaEnvironment.ts"
import * as lambdaInMemory from "./internal/lambdaInMemory.ts"
import type { Delivery, Entry, Options, Step } from "./internal/script.ts"
import type { TelemetryTransport } from "../telemetry/TelemetryTransport.ts"

export type { Answer, Entry, Options, Step } from "./internal/script.ts"

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
 * The test's side of the in-memory Lambda.
 *
 * @category services
 * @since 0.1.0
 */
export class ExtensionTest extends Context.Service<
  ExtensionTest,
  {
    /** Everything that has happened so far, in order. */
    readonly journal: Effect.Effect<ReadonlyArray<Entry>>
    /** Writes a line of the test into the journal, to see its place among the calls. */
    readonly note: (text: string) => Effect.Effect<void>
    /** Sends the process a signal, as people at a terminal do. */
    readonly terminate: (signal: "SIGTERM" | "SIGINT") => Effect.Effect<void>
  }
>()("@effect-lambda/extension/testing/ExtensionTest") {}

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
 * The in-memory Lambda. At the end of the script the poll stays parked, as on
 * Lambda, so most scripts end with {@link shutdown}.
 *
 * The layer provides the services of a host: the transport of telemetry, and an
 * `HttpClient` whose requests are in the journal as `Sent`. The option `respond`
 * makes the answers. To test with another client, provide it to the extension
 * itself, inside this layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  script: ReadonlyArray<Step>,
  options: Options = {}
): Layer.Layer<ExtensionTest | ExtensionsApi | LambdaEnvironment | TelemetryTransport | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(lambdaInMemory.make(script, options), ({ services, ...test }) =>
      Context.add(services, ExtensionTest, ExtensionTest.of(test))
    )
  )
