/**
 * Reads a request of OTLP in the wire format of protobuf, once and without building objects. The walk finds out whether it
 * is one, how many spans, data points or log records it has, and the places of its spans of kind SERVER.
 *
 * The walk is as strict as the strictest backend, so a request that was answered 200 does not spoil those it is joined with.
 * Fields that the tables do not have are passed over.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import * as Result from "effect/Result"
import { deepest, type Field, type Message, requests, type Signal, span } from "./schema.ts"
import { utf8End } from "./utf8.ts"

export interface Walked {
  /** Spans, data points or log records. */
  readonly count: number
  /** The offsets of each span of kind SERVER. */
  readonly serverSpans: ReadonlyArray<Extent>
}

export interface Extent {
  readonly from: number
  readonly to: number
}

/** Caught in {@link walk}. */
class Malformed extends Error {}

const cutOff = "it ends in the middle of a field"
const kind = 6
const server = 2

class Walker {
  readonly #bytes: Uint8Array
  #at = 0
  /** The kind of the span that was read last. */
  #isServer = false
  count = 0
  readonly serverSpans: Array<Extent> = []

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Reads the fields of a message up to `end`, which lies within the bytes. */
  message(message: Message, end: number, depth: number): void {
    if (depth > deepest) throw new Malformed(`its messages are nested deeper than ${deepest} levels`)
    const fields = message.byNumber
    while (this.#at < end) {
      const tag = this.#varint(end)
      if (tag < 8 || tag > 0xffff_ffff) throw new Malformed("a field has a number that no field can have")
      const number = tag >>> 3
      const wireType = tag & 7
      const field = number < fields.length ? fields[number] : undefined
      if (field !== undefined && wireType !== field.wireType && !(field.isRepeated && wireType === 2)) {
        throw new Malformed(`the field ${field.name} has the wire type of another one`)
      }
      switch (wireType) {
        case 0: {
          const value = this.#varint(end)
          if (message === span && number === kind) this.#isServer = value === server
          break
        }
        case 1:
          this.#skip(8, end)
          break
        case 2: {
          const length = this.#varint(end)
          if (field === undefined || length > end - this.#at) this.#skip(length, end)
          else this.#delimited(field, this.#at + length, depth)
          break
        }
        case 5:
          this.#skip(4, end)
          break
        default:
          // Groups, which OTLP has never had, and two types that do not exist.
          throw new Malformed(`a field has the wire type ${wireType}, which OTLP does not use`)
      }
    }
  }

  #skip(length: number, end: number): void {
    if (length > end - this.#at) throw new Malformed(cutOff)
    this.#at += length
  }

  /** The bytes of a field up to `to`, which lies within the message. */
  #delimited(field: Field, to: number, depth: number): void {
    switch (field.type) {
      case "message":
        if (field.message !== undefined) this.#nested(field.message, to, depth + 1)
        return
      case "string":
        if (utf8End(this.#bytes, this.#at, to) !== to) throw new Malformed(`the field ${field.name} is not UTF-8`)
        break
      case "traceId":
        this.#checkId(field, to, 16)
        break
      case "spanId":
        this.#checkId(field, to, 8)
        break
      case "bytes":
        break
      default:
        this.#checkPacked(field, to)
    }
    this.#at = to
  }

  #nested(message: Message, to: number, depth: number): void {
    if (!message.isItem) return this.message(message, to, depth)
    const from = this.#at
    this.#isServer = false
    this.message(message, to, depth)
    this.count++
    if (this.#isServer) this.serverSpans.push({ from, to })
  }

  /** For an id of another length a backend refuses all the spans around it. */
  #checkId(field: Field, to: number, bytes: number): void {
    const length = to - this.#at
    if (length !== 0 && length !== bytes) {
      throw new Malformed(`the field ${field.name} has ${length} bytes and not ${bytes}`)
    }
  }

  /** Several numbers in one field. */
  #checkPacked(field: Field, to: number): void {
    if (field.wireType === 0) while (this.#at < to) this.#varint(to)
    else if ((to - this.#at) % (field.wireType === 1 ? 8 : 4) !== 0) throw new Malformed(cutOff)
  }

  /** A number of 64 bits at most. Beyond 2^53 it is not exact, and larger than every length. */
  #varint(end: number): number {
    // Nearly all are this short.
    const first = this.#bytes[this.#at] ?? 0
    if (first < 0x80 && this.#at < end) {
      this.#at++
      return first
    }
    let value = 0
    let factor = 1
    for (let length = 1; this.#at < end; length++) {
      const byte = this.#bytes[this.#at++] ?? 0
      if (length === 10 && byte > 1) throw new Malformed("a number has more than 64 bits")
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
    throw new Malformed(cutOff)
  }
}

/** The failure says what is wrong: an end of a sentence about the body, without a word of the body. */
export const walk = (signal: Signal, bytes: Uint8Array): Result.Result<Walked, string> => {
  const walker = new Walker(bytes)
  try {
    walker.message(requests[signal], bytes.length, 1)
  } catch (cause) {
    if (cause instanceof Malformed) return Result.fail(cause.message)
    throw cause
  }
  return Result.succeed({ count: walker.count, serverSpans: walker.serverSpans })
}
