/** Effect's serialisation in protobuf, with logs as this package writes them. */
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as Layer from "effect/Layer"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import { encodeLogs } from "../../src/internal/logsProtobuf.ts"

export const layerProtobuf = Layer.effect(
  OtlpSerialization.OtlpSerialization,
  Effect.map(OtlpSerialization.OtlpSerialization, ({ metrics, traces }) => ({
    traces,
    metrics,
    logs: (data) => HttpBody.uint8Array(encodeLogs(data), "application/x-protobuf")
  }))
).pipe(Layer.provide(OtlpSerialization.layerProtobuf))
