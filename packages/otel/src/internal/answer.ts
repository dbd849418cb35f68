/** Reads the answers of a backend: which part of a request it dropped, and why it refused one. */
import type { HttpAnswer } from "@effect-lambda/extension/telemetry/TelemetrySink"
import * as Predicate from "effect/Predicate"

export interface PartialSuccess {
  readonly rejected: number
  /** The words of the backend for people; a warning may come without any item dropped. */
  readonly message: string
}

const none: PartialSuccess = { rejected: 0, message: "" }

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** An answer that cannot be read says nothing: its status has said that the request was taken. */
export const readPartialSuccess = ({ body, contentType }: HttpAnswer): PartialSuccess => {
  if (body.length === 0) return none
  return /json/i.test(contentType) || body[0] === 0x7b ? fromJson(textOf(body)) : fromProtobuf(body)
}

/** The words in a `google.rpc.Status`, in which a refusal in protobuf has its reason; `undefined` if the body is of another type. */
export const readRefusal = ({ body, contentType }: HttpAnswer): string | undefined => {
  if (!/protobuf/i.test(contentType)) return undefined
  const message = fieldsOf(body)?.get(2)
  if (message instanceof Uint8Array) return textOf(message)
  return body.length === 0 ? undefined : `${body.length} bytes of ${contentType} without words`
}

const fromJson = (text: string): PartialSuccess => {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return none
  }
  const partial = fieldOf(answer, "partialSuccess", "partial_success")
  if (!Predicate.isObject(partial)) return none
  const count = Object.entries(partial).find(([name]) => /^rejected_?(spans|data_?points|log_?records)$/i.test(name))
  const message = fieldOf(partial, "errorMessage", "error_message")
  // OTLP writes 64 bits as a text.
  return {
    rejected: natural(Number(count?.[1] ?? 0)),
    message: typeof message === "string" ? message : ""
  }
}

const fieldOf = (value: unknown, ...names: ReadonlyArray<string>): unknown => {
  if (!Predicate.isObject(value)) return undefined
  const found = Object.entries(value).find(([name]) => names.includes(name))
  return found?.[1]
}

const natural = (count: number) => (Number.isSafeInteger(count) && count > 0 ? count : 0)

/** Field 1 is the partial success; its field 1 is the number and its field 2 the message, for each of the signals. */
const fromProtobuf = (body: Uint8Array): PartialSuccess => {
  const partial = fieldsOf(body)?.get(1)
  const fields = partial instanceof Uint8Array ? fieldsOf(partial) : undefined
  const rejected = fields?.get(1)
  const message = fields?.get(2)
  return {
    rejected: typeof rejected === "number" ? natural(rejected) : 0,
    message: message instanceof Uint8Array ? textOf(message) : ""
  }
}

/** The last value of each field, or `undefined` if the bytes are no message. */
const fieldsOf = (bytes: Uint8Array): ReadonlyMap<number, number | Uint8Array> | undefined => {
  const fields = new Map<number, number | Uint8Array>()
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
  while (at < bytes.length) {
    const tag = varint()
    const wireType = tag % 8
    const size = wireType === 2 ? varint() : wireType === 1 ? 8 : wireType === 5 ? 4 : 0
    if (!(size <= bytes.length - at) || ![0, 1, 2, 5].includes(wireType)) return undefined
    fields.set(Math.floor(tag / 8), wireType === 0 ? varint() : bytes.subarray(at, at + size))
    at += size
  }
  return fields
}
