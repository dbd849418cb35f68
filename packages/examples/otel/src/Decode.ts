/** Requests of OTLP, decoded with the definitions of OpenTelemetry, as flat values to compare and to print. */
import * as Schema from "effect/Schema"
import { requestType } from "../../../otel/test/support/official.ts"

export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: string
  /** Nanoseconds since 1970. */
  readonly start: bigint
  readonly end: bigint
  readonly isError: boolean
  readonly attributes: Readonly<Record<string, unknown>>
  readonly scope: string
}

export interface Point {
  readonly name: string
  readonly unit: string
  readonly kind: "sum" | "gauge" | "histogram"
  /** Nanoseconds since 1970. */
  readonly time: bigint
  /** How many values the point stands for. */
  readonly count: number
  readonly sum: number
  /** The sum since the start, as SDKs count by default, and not since the point before. */
  readonly isCumulative: boolean
  readonly min: number | undefined
  readonly max: number | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  readonly scope: string
}

export interface Log {
  /** Empty for a log without a trace. */
  readonly traceId: string
  readonly spanId: string
  readonly severity: string
  readonly body: unknown
  readonly attributes: Readonly<Record<string, unknown>>
}

const list = <S extends Schema.Constraint>(item: S) => Schema.optionalKey(Schema.Array(item))
const text = Schema.optionalKey(Schema.String)
const number = Schema.optionalKey(Schema.Finite)
/** 64 bits: a text, or a number in JSON. */
const long = Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite]))

/** An id of another length is none, also an empty one: backends such as Tempo refuse it too. */
const id = (digits: number) => Schema.String.check(Schema.isPattern(new RegExp(`^[\\da-f]{${digits}}$`, "i")))

const attributes = list(Schema.Struct({ key: Schema.String, value: Schema.optionalKey(Schema.Unknown) }))
const scope = Schema.optionalKey(Schema.Struct({ name: text }))

const TraceRequest = Schema.Struct({
  resourceSpans: list(
    Schema.Struct({
      scopeSpans: list(
        Schema.Struct({
          scope,
          spans: list(
            Schema.Struct({
              traceId: id(32),
              spanId: id(16),
              parentSpanId: text,
              name: Schema.String,
              kind: number,
              startTimeUnixNano: long,
              endTimeUnixNano: long,
              attributes,
              status: Schema.optionalKey(Schema.Struct({ code: number }))
            })
          )
        })
      )
    })
  )
})

const points = Schema.optionalKey(
  Schema.Struct({
    aggregationTemporality: number,
    dataPoints: list(
      Schema.Struct({
        attributes,
        timeUnixNano: long,
        asInt: long,
        asDouble: number,
        count: long,
        sum: number,
        min: number,
        max: number
      })
    )
  })
)

const MetricsRequest = Schema.Struct({
  resourceMetrics: list(
    Schema.Struct({
      scopeMetrics: list(
        Schema.Struct({
          scope,
          metrics: list(
            Schema.Struct({ name: Schema.String, unit: text, sum: points, gauge: points, histogram: points })
          )
        })
      )
    })
  )
})

const LogsRequest = Schema.Struct({
  resourceLogs: list(
    Schema.Struct({
      scopeLogs: list(
        Schema.Struct({
          logRecords: list(
            Schema.Struct({
              traceId: text,
              spanId: text,
              severityText: text,
              body: Schema.optionalKey(Schema.Unknown),
              attributes
            })
          )
        })
      )
    })
  )
})

const idFields = new Set(["traceId", "spanId", "parentSpanId"])

/** The ids of protobuf are bytes, here in base64; those of the JSON of OTLP are hexadecimal. */
const withHexadecimalIds = (name: string, value: unknown): unknown =>
  idFields.has(name) && typeof value === "string" ? Buffer.from(value, "base64").toString("hex") : value

const bodyOf = (signal: "traces" | "metrics" | "logs", contentType: string, body: Buffer): unknown => {
  if (contentType === "application/json") return JSON.parse(body.toString())
  const type = requestType(signal)
  const message = type.toObject(type.decode(body), { longs: String, enums: Number, bytes: String })
  return JSON.parse(JSON.stringify(message), withHexadecimalIds)
}

/** The value in an AnyValue: the only field that it has. */
const plain = (any: unknown): unknown => {
  const [field] = Object.entries(Object(any))
  if (field === undefined) return null
  const [kind, value] = field
  if (kind === "arrayValue") return itemsOf(value).map(plain)
  if (kind === "kvlistValue") return Object.fromEntries(itemsOf(value).map(pairOf))
  return kind === "intValue" ? Number(value) : value
}

const itemsOf = (value: unknown): ReadonlyArray<unknown> => {
  const values: unknown = Reflect.get(Object(value), "values")
  return Array.isArray(values) ? values : []
}

const pairOf = (pair: unknown): readonly [string, unknown] => [
  String(Reflect.get(Object(pair), "key")),
  plain(Reflect.get(Object(pair), "value"))
]

const recordOf = (pairs: ReadonlyArray<unknown> = []) => Object.fromEntries(pairs.map(pairOf))

const kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
const errorCode = 2
const cumulative = 2

/** Throws if the body is no request of this signal, and so do the two below. */
export const traces = (contentType: string, body: Buffer): ReadonlyArray<Span> =>
  (Schema.decodeUnknownSync(TraceRequest)(bodyOf("traces", contentType, body)).resourceSpans ?? []).flatMap(
    (resource) =>
      (resource.scopeSpans ?? []).flatMap((ofScope) =>
        (ofScope.spans ?? []).map((span) => ({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId ?? "",
          name: span.name,
          kind: kinds[span.kind ?? 0] ?? "UNSPECIFIED",
          start: BigInt(span.startTimeUnixNano ?? 0),
          end: BigInt(span.endTimeUnixNano ?? 0),
          isError: span.status?.code === errorCode,
          attributes: recordOf(span.attributes),
          scope: ofScope.scope?.name ?? ""
        }))
      )
  )

export const metrics = (contentType: string, body: Buffer): ReadonlyArray<Point> =>
  (Schema.decodeUnknownSync(MetricsRequest)(bodyOf("metrics", contentType, body)).resourceMetrics ?? []).flatMap(
    (resource) =>
      (resource.scopeMetrics ?? []).flatMap((ofScope) =>
        (ofScope.metrics ?? []).flatMap((metric) =>
          (["sum", "gauge", "histogram"] as const).flatMap((kind) =>
            (metric[kind]?.dataPoints ?? []).map((point) => ({
              name: metric.name,
              unit: metric.unit ?? "",
              kind,
              time: BigInt(point.timeUnixNano ?? 0),
              count: kind === "histogram" ? Number(point.count ?? 0) : 1,
              sum: kind === "histogram" ? (point.sum ?? 0) : Number(point.asInt ?? point.asDouble ?? 0),
              isCumulative: metric[kind]?.aggregationTemporality === cumulative,
              min: point.min,
              max: point.max,
              attributes: recordOf(point.attributes),
              scope: ofScope.scope?.name ?? ""
            }))
          )
        )
      )
  )

export const logs = (contentType: string, body: Buffer): ReadonlyArray<Log> =>
  (Schema.decodeUnknownSync(LogsRequest)(bodyOf("logs", contentType, body)).resourceLogs ?? []).flatMap((resource) =>
    (resource.scopeLogs ?? []).flatMap((ofScope) =>
      (ofScope.logRecords ?? []).map((log) => ({
        traceId: log.traceId ?? "",
        spanId: log.spanId ?? "",
        severity: log.severityText ?? "",
        body: plain(log.body),
        attributes: recordOf(log.attributes)
      }))
    )
  )
