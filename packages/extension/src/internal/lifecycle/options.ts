/**
 * The options of `Extension.events` and `Extension.run`.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { EventType, InvokeEvent, ShutdownEvent, UnknownEvent } from "../../ExtensionEvent.ts"
import type { FailurePolicy } from "../../FailurePolicy.ts"
import type { Registration } from "../../Registration.ts"
import type { RunTelemetry } from "./runTelemetry.ts"

/**
 * The options that `events` and `run` have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommonOptions {
  /** The name to register. Default: the name of the environment, the base name of the executed file. */
  readonly name?: string | undefined
  /** The events to register for. Default: both. On managed instances INVOKE is left out, since Lambda refuses it there. */
  readonly events?: ReadonlyArray<EventType> | undefined
  /**
   * The consequence of a failure between register and the first next, in `layer`, `telemetry` or `onRegistered`.
   * `NodeExtension.runMain` handles a failure before the extension begins, and has an option of the same name. Default:
   * `"idle"`.
   */
  readonly onInitFailure?: "idle" | "exit" | undefined
  /**
   * The time after which init counts as failed, measured from the start of the stream. Default: 8 seconds, of the 10
   * that Lambda gives all of init.
   */
  readonly initTimeout?: Duration.Input | undefined
}

/**
 * The options of `events`. Errors of `onRegistered` do not reach the stream, so no caller names `InitError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface EventsOptions<E = never, R1 = never, R2 = never, InitError = unknown> extends CommonOptions {
  /** Runs between register and the first next: the place for slow initialisation, at the same time as the function's. */
  readonly onRegistered?: ((registration: Registration) => Effect.Effect<unknown, InitError, R1>) | undefined
  /** Started once, beside the stream. If this effect fails, the stream fails, even during a parked next. */
  readonly failWhen?: Effect.Effect<never, E, R2> | undefined
}

/**
 * The options of `run`. A policy decides on each error of a handler, so no caller names `E`.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions<R1 = never, R2 = R1, R3 = R1, R4 = R1, E = unknown> extends CommonOptions {
  /** Handles one invocation; next is called when the handler has ended, or its budget has run out. */
  readonly onInvoke?: ((event: InvokeEvent) => Effect.Effect<unknown, E, R1>) | undefined
  /** Handles the end, before background work is interrupted and the layer is released. */
  readonly onShutdown?: ((event: ShutdownEvent) => Effect.Effect<unknown, E, R2>) | undefined
  /** Handles events this library does not know. Default: log each type once. */
  readonly onUnknown?: ((event: UnknownEvent) => Effect.Effect<unknown, E, R3>) | undefined
  /**
   * Telemetry, described by `Telemetry.make` or `Telemetry.stream`. It is flushed between a handler and next, as its
   * strategy says, and before the process ends. If the function crashes or times out under a handler, the handler is
   * abandoned.
   */
  readonly telemetry?: RunTelemetry<E, R4> | undefined
  /** The consequence of a typed failure of a handler. Default: `"continue"`. */
  readonly onFailure?: FailurePolicy | undefined
  /** The consequence of a defect of a handler, or of any failure of background work. Default: `"idle"`. */
  readonly onDefect?: FailurePolicy | undefined
  /**
   * The longest time a handler may run, whatever the invocation's deadline. Only the next poll tells that a function
   * has crashed or timed out, so a handler that outlives the function costs the time for a clean shutdown. Default: no
   * limit but the deadline.
   */
  readonly maxHandlerTime?: Duration.Input | undefined
  /** The time kept free before every deadline. Default: 200 milliseconds. */
  readonly margin?: Duration.Input | undefined
}
