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
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Background } from "./Background.ts"
import type * as Deadline from "./Deadline.ts"
import type { ExtensionsApiError } from "./ExtensionError.ts"
import type { ExtensionEvent } from "./ExtensionEvent.ts"
import type { ExtensionsApi } from "./ExtensionsApi.ts"
import type { ExtensionAborted } from "./FailurePolicy.ts"
import type { EventsOptions, RunOptions } from "./internal/lifecycle/options.ts"
import { runWith } from "./internal/lifecycle/run.ts"
import { supervise } from "./internal/lifecycle/supervise.ts"
import type { LambdaEnvironment } from "./LambdaEnvironment.ts"

export type { CommonOptions, EventsOptions, RunOptions } from "./internal/lifecycle/options.ts"
export type { RunTelemetry } from "./internal/lifecycle/runTelemetry.ts"

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
export const events = <E = never, R1 = never, R2 = never>(
  options: EventsOptions<E, R1, R2> = {}
): Stream.Stream<
  ExtensionEvent,
  ExtensionsApiError | ExtensionAborted | E,
  ExtensionsApi | LambdaEnvironment | R1 | R2
> => supervise(options)

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
 * Runs an extension: registers, builds `layer`, starts `telemetry`, handles
 * events one by one, and completes on SHUTDOWN with everything released within
 * the deadline. The run fails only if Lambda refuses to register it or if a policy says `"exit"`.
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
export function run<R1 = never, R2 = never, R3 = never, R4 = never, ROut = never, RIn = never>(
  options: RunOptions<R1, R2, R3, R4> & {
    /** Resources of the handlers, built between register and the first next, released at SHUTDOWN. */
    readonly layer?: Layer.Layer<ROut, unknown, RIn> | undefined
  }
): Effect.Effect<
  void,
  RunFailure,
  | RunRequirements
  | Exclude<R1 | R2 | R3, Provided | ROut>
  | Exclude<R4, Background | Scope.Scope | ROut>
  | Exclude<RIn, Background>
>
export function run<E, R, ROut, RIn>(
  options: RunOptions<R, R, R, R, E> & { readonly layer?: Layer.Layer<ROut, E, RIn> | undefined }
): Effect.Effect<void, RunFailure, RunRequirements | R | RIn> {
  const { layer } = options
  return layer === undefined
    ? runWith(options, () => Effect.succeed(Context.empty()))
    : runWith(options, (scope) => Layer.buildWithScope(layer, scope))
}
