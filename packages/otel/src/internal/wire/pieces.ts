/** Requests of OTLP that came from the function: one after the other they are one request, and each can be sent alone. */
import { decode } from "./decode.ts"
import { requests, type Signal } from "./schema.ts"

/**
 * A whole request of the function, in protobuf.
 *
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  /** The kind of telemetry in it. */
  readonly signal: Signal
  /** An `Export…ServiceRequest`. */
  readonly bytes: Uint8Array
  /** Spans, data points or log records in it. */
  readonly count: number
}

/** Makes one request of all of these: protobuf joins the lists of messages that are written one after the other. */
export const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A request in protobuf, as JSON. */
export const toJson = (signal: Signal, bytes: Uint8Array): string => JSON.stringify(decode(requests[signal], bytes))

/**
 * Makes one request of all of these, in JSON.
 *
 * @param texts as `JSON.stringify` writes them, with the list of the signal alone, or empty
 */
export const joinJson = (signal: Signal, texts: ReadonlyArray<string>): string => {
  const begin = `{"${requests[signal].byNumber[1]?.name}":[`
  const end = "]}"
  const lists = texts.flatMap((text) => (text.startsWith(begin) ? [text.slice(begin.length, -end.length)] : []))
  return `${begin}${lists.filter((list) => list !== "").join(",")}${end}`
}
