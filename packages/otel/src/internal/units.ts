/** The requests that a batch is sent as: the signals of the extension, and each request that came from the function. */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import type * as OtlpResource from "effect/observability/OtlpResource"
import type { OtlpSerialization } from "effect/observability/OtlpSerialization"
import type { LogRecord } from "../Logs.ts"
import { encodeLogs, type Line, type Records } from "./logsProtobuf.ts"
import type { Mapper } from "./mapper.ts"
import * as Metrics from "../Metrics.ts"
import type { Signal } from "../OtelConfig.ts"
import * as Resource from "../Resource.ts"
import { join, joinJson, type Piece, toJson } from "./wire/pieces.ts"

type Event = TelemetryEvent.TelemetryEvent

/** A request of the function, in the value of a record. */
class Forwarded {
  readonly piece: Piece
  constructor(piece: Piece) {
    this.piece = piece
  }
}

/** A request of the function as a record, which waits and is flushed as those of Lambda do. */
export const recordOf = ({ bytes, count, signal }: Piece): Event => {
  // A small body may be a part of what the socket has read, which would stay in memory as a whole.
  const alone = 2 * bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes
  const value = new Forwarded({ signal, count, bytes: alone })
  return TelemetryEvent.external({ type: `otlp.${signal}`, value, bytes: alone.length })
}

export const pieceOf = (event: Event): Piece | undefined =>
  event.type === "unknown" && event.original.value instanceof Forwarded ? event.original.value.piece : undefined

/** Records that one request is made of. Joined, several of them are one request as well. */
export interface Unit {
  readonly events: ReadonlyArray<Event>
  /** Spans, data points or log records. */
  readonly items: number
  readonly bytes: () => Uint8Array
  /** Whether it came from the function. */
  readonly isForwarded: boolean
}

/** How the signals of the extension are written. */
export interface Writing {
  readonly signal: Signal
  readonly serialization: OtlpSerialization["Service"]
  readonly isJson: boolean
  /** The resource as it is known when a body is written: the records of the batch may say the instance. */
  readonly resource: () => OtlpResource.Resource
  readonly scope: { readonly name: string; readonly version: string }
  readonly mapper: Mapper
}

/** The units of a batch: those with something in them. */
export const unitsOf = (events: ReadonlyArray<Event>, writing: Writing): ReadonlyArray<Unit> => {
  const units: Array<Unit> = []
  const own: Array<Event> = []
  const { mapper, signal } = writing
  let items = 0
  for (const event of events) {
    const piece = pieceOf(event)
    if (piece !== undefined) {
      units.push({ events: [event], items: piece.count, bytes: () => piece.bytes, isForwarded: true })
      continue
    }
    const count = mapper.itemsOf(event, signal)
    if (count === 0) continue
    own.push(event)
    items += count
  }
  if (items === 0) return units
  return [
    {
      events: own,
      items,
      bytes: () => write(own, writing),
      isForwarded: false
    },
    ...units
  ]
}

/** The body of a request of units, in the encoding of the backend. */
export const bodyOf = (units: ReadonlyArray<Unit>, { isJson, signal }: Writing) => {
  if (!isJson) return { body: join(units.map(({ bytes }) => bytes())), contentType: "application/x-protobuf" }
  const [first] = units
  if (first !== undefined && units.length === 1 && !first.isForwarded) {
    return { body: first.bytes(), contentType: "application/json" }
  }
  const texts = units.map(({ bytes, isForwarded }) =>
    isForwarded ? toJson(signal, bytes()) : new TextDecoder().decode(bytes())
  )
  return { body: joinJson(signal, texts), contentType: "application/json" }
}

/** The log records of events, each made when it is written: none of them waits in memory for the others. */
class LogRecords implements Records {
  readonly #events: ReadonlyArray<Event>
  readonly #mapper: Mapper

  constructor(events: ReadonlyArray<Event>, mapper: Mapper) {
    this.#events = events
    this.#mapper = mapper
  }

  get length(): number {
    return this.#events.length
  }

  at(index: number): LogRecord | Line | undefined {
    const event = this.#events[index]
    return event && this.#mapper.writtenOf(event)
  }
}

const write = (events: ReadonlyArray<Event>, writing: Writing): Uint8Array => {
  const { isJson, mapper, scope, serialization, signal } = writing
  const resource = writing.resource()
  const { schemaUrl } = Resource
  if (signal === "logs" && !isJson) {
    const logRecords = new LogRecords(events, mapper)
    return encodeLogs({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords, schemaUrl }], schemaUrl }] })
  }
  const body = (() => {
    switch (signal) {
      case "traces": {
        const spans = events.flatMap((event) => mapper.signalsOf(event).spans)
        return serialization.traces({
          resourceSpans: [{ resource, scopeSpans: [{ scope, spans, schemaUrl }], schemaUrl }]
        })
      }
      case "metrics": {
        const metrics = [...Metrics.merge(events.flatMap((event) => mapper.signalsOf(event).metrics))]
        return serialization.metrics({
          resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics, schemaUrl }], schemaUrl }]
        })
      }
      case "logs": {
        const logRecords = events.flatMap((event) => mapper.logOf(event) ?? [])
        return serialization.logs({
          resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords, schemaUrl }], schemaUrl }]
        })
      }
    }
  })()
  // Both of Effect's serialisations give bytes.
  if (body._tag !== "Uint8Array") throw new Error(`the serialisation gave a body of the kind ${body._tag}`)
  return body.body
}
