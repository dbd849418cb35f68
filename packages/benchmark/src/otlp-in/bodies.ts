/** Batches of spans as the SDK of a function sends them, in the encodings that it may choose. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { AnyValue, KeyValue } from "effect/observability/OtlpResource"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import type { TraceData } from "effect/observability/OtlpTracer"
import * as Layer from "effect/Layer"
import { gzipSync } from "node:zlib"

type Span = TraceData["resourceSpans"][number]["scopeSpans"][number]["spans"][number]

export type Encoding = "protobuf" | "protobuf, gzip" | "JSON"

/** The requests of a client that always sends batches of the same size. */
export interface Load {
  readonly encoding: Encoding
  readonly spans: number
  /** Of a body as protobuf, in the mean. */
  readonly bytes: number
  /** Head and body, ready to be written. */
  readonly requests: ReadonlyArray<Buffer>
}

/** Batches of about 1.6, 16 and 99 KB as protobuf. */
const sizes = [3, 42, 264]
const encodings: ReadonlyArray<Encoding> = ["protobuf", "protobuf, gzip", "JSON"]
const variants = 8

const hex = (number: number, digits: number) =>
  (number * 2_654_435_761).toString(16).padStart(digits, "9d").slice(-digits)

const attribute = (key: string, value: AnyValue): KeyValue => ({ key, value })
const text = (key: string, stringValue: string) => attribute(key, { stringValue })
const integer = (key: string, intValue: number) => attribute(key, { intValue })

const ofServer = (requestId: string): ReadonlyArray<KeyValue> => [
  text("faas.invocation_id", requestId),
  text("cloud.resource_id", "arn:aws:lambda:eu-central-1:123456789012:function:orders"),
  text("cloud.account.id", "123456789012"),
  text("faas.trigger", "http"),
  attribute("faas.coldstart", { boolValue: true }),
  text("http.request.method", "POST"),
  text("http.route", "/orders/{id}"),
  integer("http.response.status_code", 200)
]
const ofClient = (number: number): ReadonlyArray<KeyValue> => [
  text("http.request.method", "GET"),
  text("url.full", `https://stock.example.com/v2/items/${number}?warehouse=7`),
  text("server.address", "stock.example.com"),
  integer("server.port", 443),
  integer("http.response.status_code", number % 7 === 0 ? 404 : 200),
  text("network.protocol.version", "1.1"),
  text("network.peer.address", "10.1.2.3"),
  integer("http.response.body.size", 1000 + number)
]
const ofDatabase = (number: number): ReadonlyArray<KeyValue> => [
  text("db.system.name", "postgresql"),
  text("db.namespace", "orders"),
  text("db.operation.name", "SELECT"),
  text("db.query.text", "select id, name, price from items where order_id = $1 order by name"),
  text("server.address", "db.example.com"),
  integer("server.port", 5432),
  text("app.customer", number % 5 === 0 ? "Søren Müller" : "Jane Doe"),
  attribute("app.price", { doubleValue: number / 100 })
]

const spanOf = (batch: number, index: number, traceId: string): Span => {
  const number = batch * 1000 + index
  const isServer = index === 0
  const startedAt = 1_795_000_000_000_000_000n + BigInt(number) * 1_234_567n
  return {
    traceId,
    spanId: hex(number + 1, 16),
    parentSpanId: isServer ? undefined : hex(batch * 1000 + 1, 16),
    name: isServer ? "orders" : index % 2 === 1 ? "GET" : "SELECT orders.items",
    kind: isServer ? 2 : 3,
    startTimeUnixNano: String(startedAt),
    endTimeUnixNano: String(startedAt + 4_567_890n),
    attributes: [
      ...(isServer
        ? ofServer(`4f3cbbf7-6a1f-4c4f-9f3b-${hex(batch, 12)}`)
        : index % 2 === 1
          ? ofClient(number)
          : ofDatabase(number))
    ],
    droppedAttributesCount: 0,
    events:
      index % 10 === 9
        ? [
            {
              name: "retry",
              timeUnixNano: String(startedAt + 1_000_000n),
              attributes: [integer("attempt", 2)],
              droppedAttributesCount: 0
            }
          ]
        : [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    status: { code: 0 }
  }
}

const batchOf = (batch: number, spans: number): TraceData => ({
  resourceSpans: [
    {
      resource: {
        attributes: [
          text("service.name", "orders"),
          text("telemetry.sdk.language", "nodejs"),
          text("telemetry.sdk.name", "opentelemetry"),
          text("telemetry.sdk.version", "2.2.0"),
          text("cloud.provider", "aws"),
          text("cloud.platform", "aws_lambda"),
          text("cloud.region", "eu-central-1"),
          text("faas.name", "orders"),
          text("faas.version", "17"),
          text("faas.instance", "2026/11/22/[17]8d2e1b0c5a4f4b7c9d3e2f1a0b9c8d7e"),
          integer("faas.max_memory", 536_870_912)
        ],
        droppedAttributesCount: 0
      },
      scopeSpans: [
        {
          scope: { name: "@opentelemetry/instrumentation-http" },
          spans: Array.from({ length: spans }, (_, index) => spanOf(batch, index, hex(batch + 7, 32)))
        }
      ]
    }
  ]
})

type Serialization = OtlpSerialization.OtlpSerialization["Service"]

const bytesOf = (serialization: Serialization, data: TraceData): Uint8Array => {
  const body = serialization.traces(data)
  if (body._tag !== "Uint8Array") throw new Error(`the body of a batch is ${body._tag}`)
  return body.body
}

const requestOf = (body: Uint8Array, encoding: Encoding): Buffer => {
  const type = encoding === "JSON" ? "application/json" : "application/x-protobuf"
  const compression = encoding === "protobuf, gzip" ? "content-encoding: gzip\r\n" : ""
  const head =
    `POST /v1/traces HTTP/1.1\r\nuser-agent: OTel-OTLP-Exporter-JavaScript/0.208.0\r\ncontent-type: ${type}\r\n${compression}` +
    `host: localhost:4318\r\nconnection: keep-alive\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

const serializationOf = (layer: Layer.Layer<OtlpSerialization.OtlpSerialization>): Promise<Serialization> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.map(Layer.build(layer), (context) => Context.get(context, OtlpSerialization.OtlpSerialization))
    )
  )

/** A load of each size in each encoding. The bodies are written by Effect, and not by the code that is measured. */
export const makeLoads = async (): Promise<ReadonlyArray<Load>> => {
  const protobuf = await serializationOf(OtlpSerialization.layerProtobuf)
  const json = await serializationOf(OtlpSerialization.layerJson)
  return encodings.flatMap((encoding) =>
    sizes.map((spans) => {
      const batches = Array.from({ length: variants }, (_, batch) => batchOf(batch, spans))
      const plain = batches.map((batch) => bytesOf(protobuf, batch))
      const bodies = encoding === "JSON" ? batches.map((batch) => bytesOf(json, batch)) : plain
      return {
        encoding,
        spans,
        bytes: plain.reduce((sum, { length }) => sum + length, 0) / plain.length,
        requests: bodies.map((body) => requestOf(encoding === "protobuf, gzip" ? gzipSync(body) : body, encoding))
      }
    })
  )
}
