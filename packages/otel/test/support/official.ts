/** The official definitions of OTLP, read by protobufjs: what we have not written. */
import { join } from "node:path"
import protobuf from "protobufjs"
import type { Signal } from "../../src/internal/wire/schema.ts"

const folder = join(import.meta.dirname, "../proto")
const services: Readonly<Record<Signal, string>> = { traces: "trace", metrics: "metrics", logs: "logs" }
const names: Readonly<Record<Signal, string>> = { traces: "Trace", metrics: "Metrics", logs: "Logs" }

export const root = new protobuf.Root()
root.resolvePath = (_, target) => join(folder, target)
root.loadSync(
  Object.values(services).map((service) => `opentelemetry/proto/collector/${service}/v1/${service}_service.proto`)
)
root.resolveAll()

const lookup = (signal: Signal, kind: "Request" | "Response" | "PartialSuccess") => {
  const name = kind === "PartialSuccess" ? `Export${names[signal]}${kind}` : `Export${names[signal]}Service${kind}`
  return root.lookupType(`opentelemetry.proto.collector.${services[signal]}.v1.${name}`)
}

/** `Export…ServiceRequest` */
export const requestType = (signal: Signal): protobuf.Type => lookup(signal, "Request")

/** `Export…ServiceResponse` */
export const responseType = (signal: Signal): protobuf.Type => lookup(signal, "Response")

/** These belong to profiles alone: the definitions forbid them in other signals. */
export const ofProfiles: ReadonlySet<string> = new Set(["stringValueStrindex", "keyStrindex"])

const ids = new Set(["traceId", "spanId", "parentSpanId"])

/** As OTLP writes it in JSON, where protobufjs has bytes and numbers that JSON has not. */
const toJsonValue = (value: unknown, name: string): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString(ids.has(name) ? "hex" : "base64")
  if (Array.isArray(value)) return value.map((each) => toJsonValue(each, name))
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, toJsonValue(of, key)]))
  }
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value
}

const defaults: ReadonlySet<unknown> = new Set([0, "0", "", false])

/** Without the fields whose value is that of a missing field: protobuf knows no difference. */
export const withoutDefaults = (type: protobuf.Type, value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, of]) => {
      const { partOf = null, repeated = false, resolvedType = null } = type.fields[name] ?? {}
      if (!(resolvedType instanceof protobuf.Type)) {
        return !repeated && partOf === null && defaults.has(of) ? [] : [[name, of]]
      }
      return [
        [
          name,
          Array.isArray(of) ? of.map((each) => withoutDefaults(resolvedType, each)) : withoutDefaults(resolvedType, of)
        ]
      ]
    })
  )
}

/** A message as the object of its JSON, without the values of missing fields. */
export const decodeOfficially = (type: protobuf.Type, bytes: Uint8Array): unknown =>
  // Some numbers of protobufjs are -0, which JSON has not.
  withoutDefaults(
    type,
    JSON.parse(JSON.stringify(toJsonValue(type.toObject(type.decode(bytes), { longs: String, enums: Number }), "")))
  )

/** The bytes of a message, from an object with texts for integers of 64 bits and `Uint8Array` for bytes. */
export const encodeOfficially = (type: protobuf.Type, value: { readonly [name: string]: unknown }): Uint8Array =>
  Uint8Array.from(type.encode(type.fromObject(value)).finish())

/** How many spans, data points and log records a request has. */
export const countOfficially = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  return Object.entries(value).reduce((sum, [name, of]) => {
    const isItems = name === "spans" || name === "logRecords" || name === "dataPoints"
    return sum + (isItems && Array.isArray(of) ? of.length : countOfficially(of))
  }, 0)
}
