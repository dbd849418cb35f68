import type { TelemetryApiError, TelemetryListener, TelemetrySink } from "@effect-lambda/extension"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** An option with the text that the documents have for its default. */
export interface Default {
  readonly module: "Extension" | "Telemetry" | "TelemetryReceiver" | "TelemetrySink"
  readonly option: string
  readonly standard: string
  readonly shows: Effect.Effect<
    void,
    | TelemetrySink.HttpSinkError
    | TelemetrySink.TelemetrySinkError
    | TelemetryApiError.TelemetryApiError
    | TelemetryListener.TelemetryListenerError,
    Scope.Scope
  >
}
