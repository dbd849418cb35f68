/**
 * The spans and metrics of the extension itself: what its program measures with `Effect.withSpan` and `Metric`, sent to the same
 * backend by Effect's exporters.
 *
 * Those exporters send on a clock, which stands still while the environment is frozen, and they drop what a backend refuses:
 * after a failure nothing is sent for a minute. So {@link flush} belongs at the end of every handler, and what must not be lost
 * belongs into telemetry.
 *
 * **Example** (A handler with a span of its name)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import { NodeExtension, SinkHttpClient } from "@effect-lambda/extension-node"
 * import { OwnTelemetry } from "@effect-lambda/otel"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const work = Effect.withSpan(Effect.log("at work"), "work")
 *
 * export const main = () =>
 *   Extension.run({
 *     layer: Layer.provide(OwnTelemetry.layer, SinkHttpClient.layer),
 *     onInvoke: () => Effect.ensuring(work, OwnTelemetry.flush)
 *   }).pipe(NodeExtension.runMain)
 * ```
 *
 * @since 0.1.0
 */
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import type * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import * as Redacted from "effect/Redacted"
import * as OtelConfig from "./OtelConfig.ts"

const serializationOf = ({ protocol }: OtelConfig.Backend) =>
  protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf

// SHUTDOWN has two seconds.
const shutdownTimeout: Duration.Input = "400 millis"

/**
 * Exporters of spans and metrics to the backends of the variables (`OtelConfig`). `service.name` is the name of the extension. Building
 * it fails if a variable is missing or wrong.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  OtlpExporter.Flusher,
  OtelConfig.OtelConfigError | Config.ConfigError,
  HttpClient.HttpClient | LambdaEnvironment
> = Layer.unwrap(
  Effect.gen(function* () {
    const { backends, temporality } = yield* OtelConfig.settings
    const { extensionName } = yield* LambdaEnvironment
    const names = yield* Headers.CurrentRedactedNames
    const optionsOf = (backend: OtelConfig.Backend) => ({
      url: backend.url,
      resource: { serviceName: extensionName },
      headers: Object.fromEntries(
        Object.entries(backend.headers).map(([name, value]) => [name, Redacted.value(value)])
      ),
      compression: backend.gzip ? ("gzip" as const) : ("none" as const),
      shutdownTimeout
    })
    const secret = [backends.traces, backends.metrics].flatMap((backend) => Object.keys(backend?.headers ?? {}))
    const { metrics, traces } = backends
    return Layer.mergeAll(
      OtlpExporter.layerFlusher,
      traces === undefined ? Layer.empty : Layer.provide(OtlpTracer.layer(optionsOf(traces)), serializationOf(traces)),
      metrics === undefined
        ? Layer.empty
        : Layer.provide(OtlpMetrics.layer({ ...optionsOf(metrics), temporality }), serializationOf(metrics))
    ).pipe(Layer.provide(Layer.succeed(Headers.CurrentRedactedNames, [...names, ...secret])))
  })
)

/**
 * Sends what waits, for half a second at most. The effect never fails: spans that a backend refuses are lost.
 *
 * @category operations
 * @since 0.1.0
 */
export const flush: Effect.Effect<void, never, OtlpExporter.Flusher> = Effect.flatMap(OtlpExporter.Flusher, (flusher) =>
  Effect.asVoid(Effect.timeoutOption(flusher.flush, "500 millis"))
)
