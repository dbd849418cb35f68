/**
 * The names that `@effect-lambda/extension/testing` offers.
 *
 * @since 0.1.0
 */
export * as ExtensionTest from "./ExtensionTest.ts"
export * as TelemetryTest from "./TelemetryTest.ts"
