/**
 * Bodies of OTLP, read by definitions that we did not write: the `.proto` files of OpenTelemetry.
 *
 * All fields are there, with the defaults of protobuf. Integers of 64 bits are texts, and ids are hexadecimal.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as HttpBody from "effect/http/HttpBody"
import type * as OtlpResource from "effect/observability/OtlpResource"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import type * as Layer from "effect/Layer"
import type { Message } from "protobufjs"
import { layerProtobuf } from "./logsLayer.ts"
import type { LogRecord } from "../../src/Logs.ts"
import type { Metric } from "../../src/Metrics.ts"
import { schemaUrl, scope } from "../../src/Resource.ts"
import type { Span } from "../../src/Spans.ts"
import { ofProfiles, requestType } from "./official.ts"

/** A value of OTLP; `null` has none of these. */
export interface DecodedValue {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: string
  readonly doubleValue?: number
  readonly arrayValue?: { readonly values: ReadonlyArray<DecodedValue> }
  readonly kvlistValue?: { readonly values: ReadonlyArray<DecodedAttribute> }
}

export interface DecodedAttribute {
  readonly key: string
  readonly value: DecodedValue
}

export interface DecodedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<DecodedAttribute>
  readonly events: ReadonlyArray<{ readonly name: string; readonly timeUnixNano: string }>
  readonly links: ReadonlyArray<{
    readonly traceId: string
    readonly spanId: string
    readonly attributes: ReadonlyArray<DecodedAttribute>
  }>
  readonly status: { readonly code: number; readonly message: string }
}

export interface DecodedPoint {
  readonly attributes: ReadonlyArray<DecodedAttribute>
  readonly startTimeUnixNano: string
  readonly timeUnixNano: string
}

export interface DecodedMetric {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly sum?: {
    readonly dataPoints: ReadonlyArray<DecodedPoint & { readonly asInt?: string; readonly asDouble?: number }>
    readonly aggregationTemporality: number
    readonly isMonotonic: boolean
  }
  readonly histogram?: {
    readonly dataPoints: ReadonlyArray<
      DecodedPoint & {
        readonly count: string
        readonly sum: number
        readonly min: number
        readonly max: number
        readonly bucketCounts: ReadonlyArray<string>
        readonly explicitBounds: ReadonlyArray<number>
      }
    >
    readonly aggregationTemporality: number
  }
}

export interface DecodedLog {
  readonly timeUnixNano: string
  readonly observedTimeUnixNano: string
  readonly severityNumber: number
  readonly severityText: string
  readonly body: DecodedValue | null
  readonly attributes: ReadonlyArray<DecodedAttribute>
  readonly traceId: string
  readonly spanId: string
  readonly flags: number
}

/** A part of a body: the items of one scope, with their resource. */
export interface Decoded<Item> {
  readonly resource: ReadonlyArray<DecodedAttribute>
  readonly scope: { readonly name: string; readonly version: string }
  readonly schemaUrl: string
  readonly items: ReadonlyArray<Item>
}

interface Part {
  readonly resource: { readonly attributes: ReadonlyArray<DecodedAttribute> }
  readonly schemaUrl: string
}

interface ScopePart {
  readonly scope: { readonly name: string; readonly version: string }
  readonly schemaUrl: string
}

/** The export requests, as far as tests read them. */
interface Requests {
  readonly traces: {
    readonly resourceSpans: ReadonlyArray<
      Part & { readonly scopeSpans: ReadonlyArray<ScopePart & { readonly spans: ReadonlyArray<DecodedSpan> }> }
    >
  }
  readonly metrics: {
    readonly resourceMetrics: ReadonlyArray<
      Part & { readonly scopeMetrics: ReadonlyArray<ScopePart & { readonly metrics: ReadonlyArray<DecodedMetric> }> }
    >
  }
  readonly logs: {
    readonly resourceLogs: ReadonlyArray<
      Part & { readonly scopeLogs: ReadonlyArray<ScopePart & { readonly logRecords: ReadonlyArray<DecodedLog> }> }
    >
  }
}

const idFields = new Set(["traceId", "spanId", "parentSpanId"])

/** Ids in the other encoding: the JSON of OTLP has hexadecimal digits, and that of protobuf has base64. Without fields of profiles. */
const recodeIds =
  (from: "hex" | "base64", to: "hex" | "base64") =>
  (name: string, value: unknown): unknown =>
    ofProfiles.has(name)
      ? undefined
      : idFields.has(name) && typeof value === "string"
        ? Buffer.from(value, from).toString(to)
        : value

/** The definitions pass over a name that they do not have. */
const assertKnown = (written: unknown, read: unknown, path = ""): void => {
  if (typeof written !== "object" || written === null) return
  const known = new Map<string, unknown>(Object.entries(read ?? {}))
  for (const [name, value] of Object.entries(written)) {
    assert.isTrue(known.has(name), `${path}.${name} is no field of OTLP`)
    assertKnown(value, known.get(name), `${path}.${name}`)
  }
}

/** An export request, from protobuf or JSON. */
const decode = <Signal extends keyof Requests>(
  signal: Signal,
  body: Uint8Array,
  contentType: string
): Requests[Signal] => {
  const type = requestType(signal)
  const read = (message: Message): Requests[Signal] => {
    const options = { longs: String, enums: Number, bytes: String, defaults: true, json: true }
    return JSON.parse(JSON.stringify(type.toObject(message, options)), recodeIds("base64", "hex"))
  }
  if (contentType === "application/x-protobuf") return read(type.decode(body))
  assert.strictEqual(contentType, "application/json")
  const text = new TextDecoder("utf-8", { fatal: true }).decode(body)
  const request = read(type.fromObject(JSON.parse(text, recodeIds("hex", "base64"))))
  assertKnown(JSON.parse(text), request)
  return request
}

const part = <Item>(of: Part, scope: ScopePart, items: ReadonlyArray<Item>): Decoded<Item> => ({
  resource: of.resource.attributes,
  scope: { name: scope.scope.name, version: scope.scope.version },
  schemaUrl: scope.schemaUrl,
  items
})

/** The spans of a body, from protobuf or JSON. */
export const decodeTraces = (body: Uint8Array, contentType: string): ReadonlyArray<Decoded<DecodedSpan>> =>
  decode("traces", body, contentType).resourceSpans.flatMap((of) =>
    of.scopeSpans.map((scope) => part(of, scope, scope.spans))
  )

/** The metrics of a body, from protobuf or JSON. */
export const decodeMetrics = (body: Uint8Array, contentType: string): ReadonlyArray<Decoded<DecodedMetric>> =>
  decode("metrics", body, contentType).resourceMetrics.flatMap((of) =>
    of.scopeMetrics.map((scope) => part(of, scope, scope.metrics))
  )

/** The log records of a body, from protobuf or JSON. */
export const decodeLogs = (body: Uint8Array, contentType: string): ReadonlyArray<Decoded<DecodedLog>> =>
  decode("logs", body, contentType).resourceLogs.flatMap((of) =>
    of.scopeLogs.map((scope) => part(of, scope, scope.logRecords))
  )

type Serialization = OtlpSerialization.OtlpSerialization["Service"]

/** Serialises in both encodings, and gives what both say. */
const both = Effect.fnUntraced(function* <Item>(
  serialize: (serialization: Serialization) => HttpBody.HttpBody,
  decodeBody: (body: Uint8Array, contentType: string) => ReadonlyArray<Decoded<Item>>
) {
  const decodeBy = (layer: Layer.Layer<OtlpSerialization.OtlpSerialization>) =>
    Effect.map(OtlpSerialization.OtlpSerialization, (serialization) => {
      const body = serialize(serialization)
      assert(body._tag === "Uint8Array", "a body in memory")
      return decodeBody(body.body, body.contentType)
    }).pipe(Effect.provide(layer))
  const protobuf = yield* decodeBy(layerProtobuf)
  const json = yield* decodeBy(OtlpSerialization.layerJson)
  assert.deepStrictEqual(json, protobuf)
  const [decoded, ...others] = protobuf
  assert.lengthOf(others, 0)
  assert(decoded !== undefined, "there is no part")
  return decoded
})

/** Signals with their resource as a backend reads them: serialised in both encodings, which have to be equal. */
export const decodeBoth = {
  traces: (resource: OtlpResource.Resource, spans: ReadonlyArray<Span>) =>
    both(
      ({ traces }) => traces({ resourceSpans: [{ resource, scopeSpans: [{ scope, schemaUrl, spans: [...spans] }] }] }),
      decodeTraces
    ),
  metrics: (resource: OtlpResource.Resource, metrics: ReadonlyArray<Metric>) =>
    both(
      (serialization) =>
        serialization.metrics({
          resourceMetrics: [{ resource, scopeMetrics: [{ scope, schemaUrl, metrics: [...metrics] }] }]
        }),
      decodeMetrics
    ),
  logs: (resource: OtlpResource.Resource, records: ReadonlyArray<LogRecord>) =>
    both(
      ({ logs }) => logs({ resourceLogs: [{ resource, scopeLogs: [{ scope, schemaUrl, logRecords: [...records] }] }] }),
      decodeLogs
    )
}
