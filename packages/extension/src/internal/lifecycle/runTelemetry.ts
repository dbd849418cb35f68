/**
 * The telemetry of a run, as the lifecycle sees it: started after register, and told of each invocation and of the end.
 */
import type * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Types from "effect/Types"
import type { Background } from "../../Background.ts"
import type { InvokeEvent } from "../../ExtensionEvent.ts"
import type { Registration } from "../../Registration.ts"

/** Telemetry while the extension runs. */
export interface TelemetrySession {
  readonly invoked: (event: InvokeEvent) => Effect.Effect<void>
  /** Completes when the function's part of this invocation ended in anything but success. */
  readonly functionFailed: (requestId: string) => Effect.Effect<unknown>
  /** Does what the strategy asks for between the handler and next. The caller bounds it. */
  readonly beforeNext: (event: InvokeEvent) => Effect.Effect<void>
  /** Takes the budget at most. A second call does nothing. */
  readonly shutdown: (budgetMillis: number) => Effect.Effect<void>
}

const TypeId = "~@effect-lambda/extension/Telemetry"

/** Starts telemetry, between register and the first next. */
type Start<E, R> = (registration: Registration) => Effect.Effect<TelemetrySession, E, R | Background | Scope.Scope>

/**
 * Telemetry that a run can start. Only `Telemetry.make` and `Telemetry.stream` make it, so its shape can change.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunTelemetry<out E, out R> {
  readonly [TypeId]: { readonly _E: Types.Covariant<E>; readonly _R: Types.Covariant<R> }
  /** @internal */
  readonly start: Start<E, R>
}

export const ofStart = <E, R>(start: Start<E, R>): RunTelemetry<E, R> => ({
  [TypeId]: { _E: identity, _R: identity },
  start
})
