/**
 * The messages of OTLP 1.x, as tables: the number and the type of each field, and its name in JSON.
 *
 * Written from the `.proto` files of opentelemetry-proto. A test compares the tables with those files.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto
 */

/**
 * A kind of telemetry. OTLP has an endpoint and a request for each.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal = "traces" | "metrics" | "logs"

/** The types of protobuf; `traceId` and `spanId` are bytes that JSON writes in hexadecimal digits. */
export type Scalar =
  | "string"
  | "bytes"
  | "traceId"
  | "spanId"
  | "bool"
  | "enum"
  | "uint32"
  | "sint32"
  | "int64"
  | "uint64"
  | "fixed32"
  | "fixed64"
  | "sfixed64"
  | "double"

/** The wire types of protobuf: a varint, 8 bytes, a length and its bytes, 4 bytes. */
export type WireType = 0 | 1 | 2 | 5

export interface Field {
  readonly number: number
  /** In JSON. */
  readonly name: string
  readonly type: Scalar | "message"
  /** The type if it is a message. */
  readonly message: Message | undefined
  readonly wireType: WireType
  readonly isRepeated: boolean
  /** How the names of an enum begin, and the rest of each in the order of the values. */
  readonly values: Values | undefined
}

interface Values {
  readonly prefix: string
  readonly names: ReadonlyArray<string>
}

export class Message {
  /** A span, a data point or a log record. */
  readonly isItem: boolean
  readonly #define: () => ReadonlyArray<Field>
  #byNumber: ReadonlyArray<Field | undefined> | undefined
  #byName: ReadonlyMap<string, Field> | undefined

  /** @param define called with the first use, so that messages can contain each other */
  constructor(define: () => ReadonlyArray<Field>, isItem = false) {
    this.#define = define
    this.isItem = isItem
  }

  get byNumber(): ReadonlyArray<Field | undefined> {
    if (this.#byNumber !== undefined) return this.#byNumber
    const fields: Array<Field | undefined> = []
    for (const field of this.#define()) {
      while (fields.length < field.number) fields.push(undefined)
      fields[field.number] = field
    }
    this.#byNumber = fields
    return fields
  }

  get byName(): ReadonlyMap<string, Field> {
    this.#byName ??= new Map(this.#define().map((field) => [field.name, field]))
    return this.#byName
  }
}

const wireTypes: Readonly<Record<Scalar, WireType>> = {
  string: 2,
  bytes: 2,
  traceId: 2,
  spanId: 2,
  bool: 0,
  enum: 0,
  uint32: 0,
  sint32: 0,
  int64: 0,
  uint64: 0,
  fixed32: 5,
  fixed64: 1,
  sfixed64: 1,
  double: 1
}

const one = (number: number, name: string, type: Scalar | Message, values?: Values): Field => ({
  number,
  name,
  type: typeof type === "string" ? type : "message",
  message: typeof type === "string" ? undefined : type,
  wireType: typeof type === "string" ? wireTypes[type] : 2,
  isRepeated: false,
  values
})

const many = (number: number, name: string, type: Scalar | Message): Field => ({
  ...one(number, name, type),
  isRepeated: true
})

const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

export const spanKinds: Values = {
  prefix: "SPAN_KIND_",
  names: ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
}
const statusCodes: Values = { prefix: "STATUS_CODE_", names: ["UNSET", "OK", "ERROR"] }
const severities: Values = {
  prefix: "SEVERITY_NUMBER_",
  names: ["UNSPECIFIED", ...levels.flatMap((level) => [level, `${level}2`, `${level}3`, `${level}4`])]
}
const temporalities: Values = {
  prefix: "AGGREGATION_TEMPORALITY_",
  names: ["UNSPECIFIED", "DELTA", "CUMULATIVE"]
}

const arrayValue: Message = new Message(() => [many(1, "values", anyValue)])
const keyValueList: Message = new Message(() => [many(1, "values", keyValue)])
export const anyValue: Message = new Message(() => [
  one(1, "stringValue", "string"),
  one(2, "boolValue", "bool"),
  one(3, "intValue", "int64"),
  one(4, "doubleValue", "double"),
  one(5, "arrayValue", arrayValue),
  one(6, "kvlistValue", keyValueList),
  one(7, "bytesValue", "bytes")
])
const keyValue = new Message(() => [one(1, "key", "string"), one(2, "value", anyValue)])

const entityRef = new Message(() => [
  one(1, "schemaUrl", "string"),
  one(2, "type", "string"),
  many(3, "idKeys", "string"),
  many(4, "descriptionKeys", "string")
])
const resource = new Message(() => [
  many(1, "attributes", keyValue),
  one(2, "droppedAttributesCount", "uint32"),
  many(3, "entityRefs", entityRef)
])
const scope = new Message(() => [
  one(1, "name", "string"),
  one(2, "version", "string"),
  many(3, "attributes", keyValue),
  one(4, "droppedAttributesCount", "uint32")
])

const event = new Message(() => [
  one(1, "timeUnixNano", "fixed64"),
  one(2, "name", "string"),
  many(3, "attributes", keyValue),
  one(4, "droppedAttributesCount", "uint32")
])
const link = new Message(() => [
  one(1, "traceId", "traceId"),
  one(2, "spanId", "spanId"),
  one(3, "traceState", "string"),
  many(4, "attributes", keyValue),
  one(5, "droppedAttributesCount", "uint32"),
  one(6, "flags", "fixed32")
])
const status = new Message(() => [one(2, "message", "string"), one(3, "code", "enum", statusCodes)])

export const span = new Message(
  () => [
    one(1, "traceId", "traceId"),
    one(2, "spanId", "spanId"),
    one(3, "traceState", "string"),
    one(4, "parentSpanId", "spanId"),
    one(5, "name", "string"),
    one(6, "kind", "enum", spanKinds),
    one(7, "startTimeUnixNano", "fixed64"),
    one(8, "endTimeUnixNano", "fixed64"),
    many(9, "attributes", keyValue),
    one(10, "droppedAttributesCount", "uint32"),
    many(11, "events", event),
    one(12, "droppedEventsCount", "uint32"),
    many(13, "links", link),
    one(14, "droppedLinksCount", "uint32"),
    one(15, "status", status),
    one(16, "flags", "fixed32")
  ],
  true
)

const exemplar = new Message(() => [
  one(2, "timeUnixNano", "fixed64"),
  one(3, "asDouble", "double"),
  one(4, "spanId", "spanId"),
  one(5, "traceId", "traceId"),
  one(6, "asInt", "sfixed64"),
  many(7, "filteredAttributes", keyValue)
])
const numberPoint = new Message(
  () => [
    one(2, "startTimeUnixNano", "fixed64"),
    one(3, "timeUnixNano", "fixed64"),
    one(4, "asDouble", "double"),
    many(5, "exemplars", exemplar),
    one(6, "asInt", "sfixed64"),
    many(7, "attributes", keyValue),
    one(8, "flags", "uint32")
  ],
  true
)
const histogramPoint = new Message(
  () => [
    one(2, "startTimeUnixNano", "fixed64"),
    one(3, "timeUnixNano", "fixed64"),
    one(4, "count", "fixed64"),
    one(5, "sum", "double"),
    many(6, "bucketCounts", "fixed64"),
    many(7, "explicitBounds", "double"),
    many(8, "exemplars", exemplar),
    many(9, "attributes", keyValue),
    one(10, "flags", "uint32"),
    one(11, "min", "double"),
    one(12, "max", "double")
  ],
  true
)
const buckets = new Message(() => [one(1, "offset", "sint32"), many(2, "bucketCounts", "uint64")])
const exponentialPoint = new Message(
  () => [
    many(1, "attributes", keyValue),
    one(2, "startTimeUnixNano", "fixed64"),
    one(3, "timeUnixNano", "fixed64"),
    one(4, "count", "fixed64"),
    one(5, "sum", "double"),
    one(6, "scale", "sint32"),
    one(7, "zeroCount", "fixed64"),
    one(8, "positive", buckets),
    one(9, "negative", buckets),
    one(10, "flags", "uint32"),
    many(11, "exemplars", exemplar),
    one(12, "min", "double"),
    one(13, "max", "double"),
    one(14, "zeroThreshold", "double")
  ],
  true
)
const quantile = new Message(() => [one(1, "quantile", "double"), one(2, "value", "double")])
const summaryPoint = new Message(
  () => [
    one(2, "startTimeUnixNano", "fixed64"),
    one(3, "timeUnixNano", "fixed64"),
    one(4, "count", "fixed64"),
    one(5, "sum", "double"),
    many(6, "quantileValues", quantile),
    many(7, "attributes", keyValue),
    one(8, "flags", "uint32")
  ],
  true
)

const pointsOf = (point: Message, ...more: ReadonlyArray<Field>) =>
  new Message(() => [many(1, "dataPoints", point), ...more])
const temporality = one(2, "aggregationTemporality", "enum", temporalities)
const metric = new Message(() => [
  one(1, "name", "string"),
  one(2, "description", "string"),
  one(3, "unit", "string"),
  one(5, "gauge", pointsOf(numberPoint)),
  one(7, "sum", pointsOf(numberPoint, temporality, one(3, "isMonotonic", "bool"))),
  one(9, "histogram", pointsOf(histogramPoint, temporality)),
  one(10, "exponentialHistogram", pointsOf(exponentialPoint, temporality)),
  one(11, "summary", pointsOf(summaryPoint)),
  many(12, "metadata", keyValue)
])

const logRecord = new Message(
  () => [
    one(1, "timeUnixNano", "fixed64"),
    one(2, "severityNumber", "enum", severities),
    one(3, "severityText", "string"),
    one(5, "body", anyValue),
    many(6, "attributes", keyValue),
    one(7, "droppedAttributesCount", "uint32"),
    one(8, "flags", "fixed32"),
    one(9, "traceId", "traceId"),
    one(10, "spanId", "spanId"),
    one(11, "observedTimeUnixNano", "fixed64"),
    one(12, "eventName", "string")
  ],
  true
)

/** The three levels that all signals have: by resource, by scope, and the items themselves. */
const requestOf = (resources: string, scopes: string, items: string, item: Message) => {
  const ofScope = new Message(() => [one(1, "scope", scope), many(2, items, item), one(3, "schemaUrl", "string")])
  const ofResource = new Message(() => [
    one(1, "resource", resource),
    many(2, scopes, ofScope),
    one(3, "schemaUrl", "string")
  ])
  return new Message(() => [many(1, resources, ofResource)])
}

/** `ExportTraceServiceRequest` and its two siblings. */
export const requests: Readonly<Record<Signal, Message>> = {
  traces: requestOf("resourceSpans", "scopeSpans", "spans", span),
  metrics: requestOf("resourceMetrics", "scopeMetrics", "metrics", metric),
  logs: requestOf("resourceLogs", "scopeLogs", "logRecords", logRecord)
}

/** The error in the body of a refusal, `google.rpc.Status`. */
export const rpcStatus = new Message(() => [one(1, "code", "uint32"), one(2, "message", "string")])

/** The deepest nesting of messages that is read, as in the libraries of protobuf. */
export const deepest = 100
