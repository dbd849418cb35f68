/**
 * The telemetry of a run, as the lifecycle sees it: started after register, and told of each invocation and of the end.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
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

/** Telemetry that a run can start; `Telemetry` is one. */
export interface RunTelemetry<out R, out E = unknown> {
  /** Begins telemetry, between register and the first next; `Extension.run` calls it. */
  readonly start: (registration: Registration) => Effect.Effect<TelemetrySession, E, R | Background | Scope.Scope>
}
