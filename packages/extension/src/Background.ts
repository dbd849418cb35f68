/**
 * Background work of a running extension: fibers that live until SHUTDOWN,
 * each one observed.
 *
 * Between invocations the environment is frozen, and background fibers with it: work that must be done before the
 * freeze belongs into `onInvoke`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/**
 * Starts background fibers. `Extension.run` provides this service to the layer and to the handlers.
 *
 * @category services
 * @since 0.1.0
 */
export class Background extends Context.Service<
  Background,
  {
    /** Starts a fiber that is interrupted at SHUTDOWN. `onDefect` of `Extension.run` decides on its failure. */
    readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<Fiber.Fiber<A, E>>
  }
>()("@effect-lambda/extension/Background") {}

/**
 * Starts background work. A failure of the work counts as a defect (`onDefect` of `Extension.run`) and is never silent.
 * Under `"continue"` and `"idle"` the parked next is not interrupted.
 *
 * **Example** (A ticker beside the handlers)
 *
 * ```ts
 * import { Background } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 *
 * export const ticker = Effect.log("tick").pipe(Effect.delay("10 seconds"), Effect.forever, Background.fork)
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const fork = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.Fiber<A, E>, never, R | Background> =>
  Effect.contextWith((context: Context.Context<R | Background>) =>
    Context.get(context, Background).fork(Effect.provideContext(effect, context))
  )
