/**
 * The names that `@effect-lambda/otel` offers.
 *
 * @since 0.1.0
 */
export * as Attributes from "./Attributes.ts"
export * as Spans from "./Spans.ts"
export * as TraceContext from "./TraceContext.ts"
