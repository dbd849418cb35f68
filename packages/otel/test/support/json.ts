/** Bodies of OTLP in JSON, as far as the tests of sinks ask about them. */
import * as Schema from "effect/Schema"

const Attribute = Schema.Struct({ key: Schema.String, value: Schema.Unknown })
const Resource = Schema.Struct({ attributes: Schema.optionalKey(Schema.Array(Attribute)) })

const Span = Schema.Struct({
  traceId: Schema.String,
  spanId: Schema.String,
  parentSpanId: Schema.optionalKey(Schema.String),
  name: Schema.String,
  kind: Schema.Number
})

const Traces = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({ resource: Resource, scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) })) })
  )
})

const Log = Schema.Struct({
  traceId: Schema.optionalKey(Schema.String),
  spanId: Schema.optionalKey(Schema.String),
  body: Schema.Unknown
})

const Logs = Schema.Struct({
  resourceLogs: Schema.Array(
    Schema.Struct({ resource: Resource, scopeLogs: Schema.Array(Schema.Struct({ logRecords: Schema.Array(Log) })) })
  )
})

const Point = Schema.Struct({ asInt: Schema.optionalKey(Schema.Number), count: Schema.optionalKey(Schema.Number) })
const Data = Schema.Struct({ dataPoints: Schema.Array(Point), aggregationTemporality: Schema.Number })

const Metrics = Schema.Struct({
  resourceMetrics: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeMetrics: Schema.Array(
        Schema.Struct({
          metrics: Schema.Array(
            Schema.Struct({ name: Schema.String, sum: Schema.optionalKey(Data), histogram: Schema.optionalKey(Data) })
          )
        })
      )
    })
  )
})

const reading = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(schema))
  return (body: Uint8Array): S["Type"] => decode(new TextDecoder().decode(body))
}

export const traces = reading(Traces)
export const logs = reading(Logs)
export const metrics = reading(Metrics)

export const spansIn = (body: Uint8Array) =>
  traces(body).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))

export const logsIn = (body: Uint8Array) =>
  logs(body).resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))

export const metricsIn = (body: Uint8Array) =>
  metrics(body).resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
