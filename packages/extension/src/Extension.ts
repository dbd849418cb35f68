/**
 * The life of an extension: {@link events}, the supervised stream, and
 * {@link run}, its fold over handlers.
 *
 * Two facts govern both. After register, exit is never safe: any exit before
 * SHUTDOWN, code 0 included, is `Extension.Crash` and fails the user's
 * function. And a poll is a promise: calling next says "I am done".
 * `docs/architecture.md` has the policy as a table.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Background } from "./Background.ts"
import type * as Deadline from "./Deadline.ts"
import type { ExtensionsApiError } from "./ExtensionError.ts"
import type { EventType, ExtensionEvent, InvokeEvent, ShutdownEvent, UnknownEvent } from "./ExtensionEvent.ts"
import type { ExtensionsApi } from "./ExtensionsApi.ts"
import type { ExtensionAborted, FailurePolicy } from "./FailurePolicy.ts"
import { runWith } from "./internal/run.ts"
import { supervise } from "./internal/supervise.ts"
import type { LambdaEnvironment } from "./LambdaEnvironment.ts"
import type { Registration } from "./Registration.ts"
import type { Telemetry } from "./Telemetry.ts"

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
 * @category models
 * @since 0.1.0
 */
export interface EventsOptions<E1, R1, E2, R2> extends CommonOptions {
  /** Runs between register and the first next: the place for slow initialisation, at the same time as the function's. */
  readonly onRegistered?: ((registration: Registration) => Effect.Effect<unknown, E1, R1>) | undefined
  /** Started once, beside the stream. If this effect fails, the stream fails, even during a parked next. */
  readonly failWhen?: Effect.Effect<never, E2, R2> | undefined
}

/**
 * The supervised stream of events. The stream registers, or adopts a
 * registration made before the process began, and survives lost polls. A
 * failure of the stream or of its consumer is reported to Lambda: init/error
 * before the first next, exit/error after it. SHUTDOWN is the last element.
 *
 * A process can run this stream once: a second stream dies of a defect. So
 * handle the errors of an event inside the stream, not with `retry` around it.
 *
 * A refused poll, SIGTERM and SIGINT also appear as SHUTDOWN, with the reasons
 * `next-refused`, `SIGTERM` and `SIGINT`.
 *
 * Each pull is one next, so use only operators that pull one element at a time
 * (see `ExtensionsApi.events`).
 *
 * **Example** (Counting invocations)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * export const count = Extension.events().pipe(
 *   Stream.filter((event) => event.eventType === "INVOKE"),
 *   Stream.runCount,
 *   Effect.flatMap((invocations) => Effect.log(`${invocations} invocations`))
 * )
 * ```
 *
 * @category streams
 * @since 0.1.0
 */
export const events = <E1 = never, R1 = never, E2 = never, R2 = never>(
  options: EventsOptions<E1, R1, E2, R2> = {}
): Stream.Stream<
  ExtensionEvent,
  ExtensionsApiError | ExtensionAborted | E2,
  ExtensionsApi | LambdaEnvironment | R1 | R2
> => supervise(options)

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions<
  E1 = never,
  R1 = never,
  E2 = E1,
  R2 = R1,
  E3 = E1,
  R3 = R1,
  E4 = E1,
  R4 = R1
> extends CommonOptions {
  /** Handles one invocation; next is called when the handler has ended, or its budget has run out. */
  readonly onInvoke?: ((event: InvokeEvent) => Effect.Effect<unknown, E1, R1>) | undefined
  /** Handles the end, before background work is interrupted and the layer is released. */
  readonly onShutdown?: ((event: ShutdownEvent) => Effect.Effect<unknown, E2, R2>) | undefined
  /** Handles events this library does not know. Default: log each type once. */
  readonly onUnknown?: ((event: UnknownEvent) => Effect.Effect<unknown, E3, R3>) | undefined
  /**
   * The pipeline of telemetry, made with `Telemetry.make`. Telemetry is flushed between a handler and next, as its
   * strategy says, and before the process ends. If the function crashes or times out under a handler, the handler is
   * abandoned.
   */
  readonly telemetry?: Telemetry<E4, R4> | undefined
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

type Provided = Deadline.Deadline | Background

type RunRequirements = ExtensionsApi | LambdaEnvironment

/**
 * The errors of a run.
 *
 * @category errors
 * @since 0.1.0
 */
export type RunFailure = ExtensionsApiError | ExtensionAborted

/**
 * Runs an extension: registers, builds `layer`, handles events one by one, and
 * completes on SHUTDOWN with everything released within the deadline. The run
 * fails only if Lambda refuses to register it or if a policy says `"exit"`.
 *
 * **Example** (A whole extension)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 *
 * export const main = Extension.run({
 *   onInvoke: (event) => Effect.log(`invoke ${event.requestId}`),
 *   onShutdown: (event) => Effect.log(`shutdown: ${event.shutdownReason}`)
 * })
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export function run<E1 = never, R1 = never, E2 = never, R2 = never, E3 = never, R3 = never, E4 = never, R4 = never>(
  options: RunOptions<E1, R1, E2, R2, E3, R3, E4, R4> & { readonly layer?: undefined }
): Effect.Effect<
  void,
  RunFailure,
  RunRequirements | Exclude<R1 | R2 | R3, Provided> | Exclude<R4, Background | Scope.Scope>
>
export function run<
  ROut,
  LE,
  RIn,
  E1 = never,
  R1 = never,
  E2 = never,
  R2 = never,
  E3 = never,
  R3 = never,
  E4 = never,
  R4 = never
>(
  options: RunOptions<E1, R1, E2, R2, E3, R3, E4, R4> & {
    /** Resources of the handlers, built between register and the first next, released at SHUTDOWN. */
    readonly layer: Layer.Layer<ROut, LE, RIn>
  }
): Effect.Effect<
  void,
  RunFailure,
  | RunRequirements
  | Exclude<R1 | R2 | R3, Provided | ROut>
  | Exclude<R4, Background | Scope.Scope | ROut>
  | Exclude<RIn, Background>
>
export function run<ROut, LE, RIn, E, R>(
  options: RunOptions<E, R> & { readonly layer?: Layer.Layer<ROut, LE, RIn> | undefined }
): Effect.Effect<void, RunFailure, RunRequirements | R | RIn> {
  const { layer } = options
  return layer === undefined
    ? runWith(options, () => Effect.succeed(Context.empty()))
    : runWith(options, (scope) => Layer.buildWithScope(layer, scope))
}
