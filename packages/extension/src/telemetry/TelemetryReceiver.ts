/**
 * Receives telemetry: bytes from a {@link TelemetryTransport} become decoded
 * records in bounded queues, and every record that is lost is counted.
 *
 * The receiver never waits for a reader. Lambda repeats a batch that is not
 * accepted, so the receiver takes every batch at once. Records that do not fit
 * into the queue of a consumer are dropped there, the newest first.
 *
 * A program can wait for the end of the function's own work
 * (`platform.runtimeDone`), but not for `platform.report`. Lambda sends the report
 * after every extension has called next, so a program that waits for it before
 * next waits until the function times out.
 *
 * **Example** (The durations of the function, without `Telemetry`)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Stream from "effect/Stream"
 *
 * export const durations = Effect.gen(function* () {
 *   const receiver = yield* TelemetryReceiver.TelemetryReceiver
 *   yield* Extension.events({ onRegistered: receiver.subscribe }).pipe(
 *     Stream.runForEach((event) =>
 *       event.eventType === "INVOKE"
 *         ? Effect.flatMap(receiver.awaitRuntimeDone(event), (done) =>
 *             Effect.log(Option.isSome(done) ? done.value.record.metrics?.durationMs : "unknown")
 *           )
 *         : Effect.void
 *     )
 *   )
 * }).pipe(Effect.provide(TelemetryReceiver.layer({ types: ["platform"] })))
 * ```
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { InvokeEvent } from "../ExtensionEvent.ts"
import type { Registration } from "../Registration.ts"
import * as receiver from "./internal/receive/receiver.ts"
import type * as PlatformEvent from "./PlatformEvent.ts"
import type { TelemetryAccounting } from "./TelemetryAccounting.ts"
import type { TelemetryApiError } from "./TelemetryApiError.ts"
import type { TelemetryEvent } from "./TelemetryEvent.ts"
import type { TelemetryListenerError } from "./TelemetryListener.ts"
import type { Outcome, ReceiverOptions, TelemetryType } from "./TelemetrySubscription.ts"
import type { TelemetryTransport } from "./TelemetryTransport.ts"

/**
 * A receiver that listens. `Telemetry` has one already; this service is for programs that read telemetry without it.
 *
 * @category services
 * @since 0.1.0
 */
export class TelemetryReceiver extends Context.Service<
  TelemetryReceiver,
  {
    /** The port that the receiver listens on. */
    readonly port: number
    /** The types of records that it asks for. */
    readonly types: ReadonlyArray<TelemetryType>
    /**
     * Asks Lambda to deliver, between register and the first next. If no answer comes, it asks again, for three seconds.
     * `NotSupported` is the answer of local emulators.
     */
    readonly subscribe: (registration: Registration) => Effect.Effect<Outcome, TelemetryApiError>
    /**
     * The records from the moment the stream is started, so start it before `subscribe`. Several streams each get all
     * records.
     */
    readonly events: Stream.Stream<TelemetryEvent>
    /**
     * The function's own end of this invocation, also when it came before the invocation was seen. The value is `None` if
     * the deadline passes first, if the type `platform` is not subscribed, or if there is no telemetry here or it is closed.
     * The value is also `None` if no telemetry of this invocation comes within two seconds after the call (100 milliseconds,
     * after three such invocations in a row). Lambda repeats a failed asynchronous invocation under the same id: the end
     * of the attempt that is under way counts.
     */
    readonly awaitRuntimeDone: (
      event: InvokeEvent
    ) => Effect.Effect<Option.Option<typeof PlatformEvent.RuntimeDone.Type>>
    /** Completes when this invocation ends in anything but success. */
    readonly functionFailed: (requestId: string) => Effect.Effect<typeof PlatformEvent.RuntimeDone.Type>
    /** The counts of all records, by their ends. */
    readonly accounting: Effect.Effect<TelemetryAccounting>
    /** Stops listening and ends the streams; waiting records can still be read. */
    readonly close: Effect.Effect<void>
  }
>()("@effect-lambda/extension/telemetry/TelemetryReceiver") {}

/**
 * Binds the listener.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: ReceiverOptions
): Effect.Effect<TelemetryReceiver["Service"], TelemetryListenerError, TelemetryTransport | Scope.Scope> =>
  Effect.map(
    receiver.make(options),
    ({ accounting, awaitRuntimeDone, close, events, functionFailed, port, subscribe, types }) =>
      TelemetryReceiver.of({ accounting, awaitRuntimeDone, close, events, functionFailed, port, subscribe, types })
  )

/**
 * Layer of {@link make}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: ReceiverOptions
): Layer.Layer<TelemetryReceiver, TelemetryListenerError, TelemetryTransport> =>
  Layer.effect(TelemetryReceiver, make(options))
