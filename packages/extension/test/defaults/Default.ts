import type { TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryApiError from "@effect-lambda/extension/telemetry/TelemetryApiError"
import type * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** An option with the text that the documents have for its default. */
export interface Default {
  readonly module: "Extension" | "Telemetry" | "TelemetrySubscription" | "TelemetrySink"
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
