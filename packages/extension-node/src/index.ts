/**
 * The names that `@effect-lambda/extension-node` offers.
 *
 * @since 0.1.0
 */
export * as BunHttpClient from "./BunHttpClient.ts"
export * as LambdaHttpClient from "./LambdaHttpClient.ts"
export * as LoopbackListener from "./LoopbackListener.ts"
export * as NodeExtension from "./NodeExtension.ts"
export * as NodeTelemetry from "./NodeTelemetry.ts"
export * as NodeTelemetryListener from "./NodeTelemetryListener.ts"
export * as PreRegistration from "./PreRegistration.ts"
export * as SinkHttpClient from "./SinkHttpClient.ts"
