/**
 * The names that `@effect-lambda/otel` offers.
 *
 * @since 0.1.0
 */
export * as Attributes from "./Attributes.ts"
export * as Logs from "./Logs.ts"
export * as Mapping from "./Mapping.ts"
export * as Metrics from "./Metrics.ts"
export * as Otel from "./Otel.ts"
export * as OtelConfig from "./OtelConfig.ts"
export * as OtlpReceiver from "./OtlpReceiver.ts"
export * as OtlpSink from "./OtlpSink.ts"
export * as OwnTelemetry from "./OwnTelemetry.ts"
export * as Redaction from "./Redaction.ts"
export * as Resource from "./Resource.ts"
export * as Sampling from "./Sampling.ts"
export * as Spans from "./Spans.ts"
export * as TraceContext from "./TraceContext.ts"
