/**
 * The names that `@effect-lambda/extension` offers.
 *
 * @since 0.1.0
 */
export * as Background from "./Background.ts"
export * as Deadline from "./Deadline.ts"
export * as Extension from "./Extension.ts"
export * as ExtensionError from "./ExtensionError.ts"
export * as ExtensionEvent from "./ExtensionEvent.ts"
export * as ExtensionMetrics from "./ExtensionMetrics.ts"
export * as FailurePolicy from "./FailurePolicy.ts"
export * as FlushStrategy from "./telemetry/FlushStrategy.ts"
export * as LambdaEnvironment from "./LambdaEnvironment.ts"
export * as Telemetry from "./telemetry/Telemetry.ts"
export * as TelemetryEvent from "./telemetry/TelemetryEvent.ts"
export * as TelemetrySink from "./telemetry/TelemetrySink.ts"
