/**
 * Reads a request of OTLP in the wire format of protobuf, once and without building objects. The walk finds out whether it
 * is one, how many spans, data points or log records it has, and the places of its spans of kind SERVER.
 *
 * Down to the fields of each span, data point and log record the walk is as strict as the strictest backend. The messages
 * inside of them, such as attributes, events, links and exemplars, are most of the bytes. They are passed over by their lengths,
 * unless the walk is asked to read everything (docs/decisions/0021). The body of a log record and all of a span of kind SERVER
 * are read. Fields that the tables do not have are passed over.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import * as Result from "effect/Result"
import { action, actionTags, deepest, type Field, type Message, requests, type Signal } from "./schema.ts"
import { utf8End } from "./utf8.ts"

export interface Walked {
  /** Spans, data points or log records. */
  readonly count: number
  /** The offsets of each span of kind SERVER. All of it was read. */
  readonly serverSpans: ReadonlyArray<Extent>
}

export interface Extent {
  readonly from: number
  readonly to: number
}

/** Caught in {@link walk}. */
class Malformed extends Error {}

const cutOff = "it ends in the middle of a field"
const server = 2

class Walker {
  readonly #bytes: Uint8Array
  /** Where the last number ended that took more than one byte. */
  #at = 0
  /** The kind of the span that was read last. */
  #isServer = false
  count = 0
  readonly serverSpans: Array<Extent> = []

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Reads the fields of a message between two offsets. */
  message(message: Message, from: number, end: number, depth: number, isDeep: boolean): void {
    if (depth > deepest) throw new Malformed(`its messages are nested deeper than ${deepest} levels`)
    const bytes = this.#bytes
    const actions = isDeep ? message.deepActions : message.actions
    let at = from
    for (;;) {
      at = passPlain(bytes, actions, at, end)
      if (at === end) return
      at = this.#field(message, actions, at, end, depth, isDeep)
    }
  }

  /** Reads a field of a message, and gives its end. */
  #field(message: Message, actions: Uint8Array, from: number, end: number, depth: number, isDeep: boolean): number {
    const tag = this.#varint(from, end)
    const what = tag < actionTags ? actions[tag] : action.other
    if (what === action.other) checkTag(message, tag)
    switch (tag & 7) {
      case 0:
        if (this.#varint(this.#at, end) === server && what === action.kind) this.#isServer = true
        return this.#at
      case 1:
        return this.#skip(8, end)
      case 2: {
        const length = this.#varint(this.#at, end)
        const at = this.#at
        const to = this.#skip(length, end)
        const field = message.byNumber[tag >>> 3]
        switch (what) {
          case action.traceId:
            checkId(field, length, 16)
            break
          case action.spanId:
            checkId(field, length, 8)
            break
          case action.string:
            if (utf8End(this.#bytes, at, to) !== to) throw new Malformed(`the field ${field?.name} is not UTF-8`)
            break
          case action.message:
            if (field?.message !== undefined) this.message(field.message, at, to, depth + 1, isDeep)
            break
          case action.item:
            if (field?.message !== undefined) this.#item(field.message, at, to, depth + 1, isDeep)
            break
          case action.packed:
            this.#checkPacked(field, at, to)
        }
        return to
      }
      default:
        return this.#skip(4, end)
    }
  }

  /** The offset behind so many bytes from the number that was read last. */
  #skip(length: number, end: number): number {
    const to = this.#at + length
    if (to > end) throw new Malformed(cutOff)
    return to
  }

  #item(message: Message, from: number, to: number, depth: number, isDeep: boolean): void {
    this.#isServer = false
    this.message(message, from, to, depth, isDeep)
    this.count++
    if (!this.#isServer) return
    if (!isDeep) this.message(message, from, to, depth, true)
    this.serverSpans.push({ from, to })
  }

  /** Several numbers in one field. */
  #checkPacked(field: Field | undefined, from: number, to: number): void {
    if (field?.wireType === 0) for (let at = from; at < to; at = this.#at) this.#varint(at, to)
    else if ((to - from) % (field?.wireType === 1 ? 8 : 4) !== 0) throw new Malformed(cutOff)
  }

  /** A number of 64 bits at most. Beyond 2^53 it is not exact, and larger than every length. */
  #varint(from: number, end: number): number {
    const bytes = this.#bytes
    const first = bytes[from] ?? 0
    if (first < 0x80 && from < end) {
      this.#at = from + 1
      return first
    }
    const second = bytes[from + 1] ?? 0
    if (second < 0x80 && from + 1 < end) {
      this.#at = from + 2
      return (first & 0x7f) | (second << 7)
    }
    let value = 0
    let factor = 1
    for (let at = from; at < end; factor *= 128) {
      const byte = bytes[at++] ?? 0
      if (at - from === 10 && byte > 1) throw new Malformed("a number has more than 64 bits")
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        this.#at = at
        return value
      }
    }
    throw new Malformed(cutOff)
  }
}

/**
 * Passes over the fields that need nothing but their length, which are nearly all, in a loop that calls nothing. The walk reads
 * the others, and all that are wrong.
 *
 * @returns the offset of the first field that has to be read; `end` if there is none
 */
const passPlain = (bytes: Uint8Array, actions: Uint8Array, from: number, end: number): number => {
  let field = from
  while (field < end) {
    let at = field
    let tag = bytes[at++] ?? 0
    if (tag > 0x7f) {
      const high = bytes[at++] ?? 0
      // The table ends there.
      if (high > 1) return field
      tag = (tag & 0x7f) | (high << 7)
    }
    switch (actions[tag]) {
      case action.varint:
        if ((bytes[at++] ?? 0) > 0x7f) return field
        break
      case action.kind: {
        const kind = bytes[at++] ?? 0
        if (kind > 0x7f || kind === server) return field
        break
      }
      case action.fixed64:
        at += 8
        break
      case action.fixed32:
        at += 4
        break
      case action.traceId:
        if (bytes[at] !== 16) return field
        at += 17
        break
      case action.spanId:
        if (bytes[at] !== 8) return field
        at += 9
        break
      case action.bytes:
        // Such fields come in rows.
        for (;;) {
          const length = bytes[at++] ?? 0
          if (length > 0x7f) {
            const high = bytes[at++] ?? 0
            if (high > 0x7f) return field
            at += (high << 7) - 0x80
          }
          at += length
          if (at >= end || bytes[at] !== tag) break
          field = at++
        }
        break
      case action.string: {
        const length = bytes[at++] ?? 0
        const to = at + length
        if (length > 0x7f || to > end) return field
        let all = 0
        while (at < to) all |= bytes[at++] ?? 0
        if (all > 0x7f) return field
        break
      }
      default:
        return field
    }
    if (at > end) return field
    field = at
  }
  return field
}

/** A tag that the table of the message does not have: of an unknown field, or wrong. */
const checkTag = (message: Message, tag: number): void => {
  if (tag < 8 || tag > 0xffff_ffff) throw new Malformed("a field has a number that no field can have")
  const field = message.byNumber[tag >>> 3]
  if (field !== undefined) throw new Malformed(`the field ${field.name} has the wire type of another one`)
  const wireType = tag & 7
  // Groups, which OTLP has never had, and two types that do not exist.
  if (wireType > 2 && wireType !== 5)
    throw new Malformed(`a field has the wire type ${wireType}, which OTLP does not use`)
}

/** For an id of another length a backend refuses all the spans around it. */
const checkId = (field: Field | undefined, length: number, right: number): void => {
  if (length === 0 || length === right) return
  throw new Malformed(`the field ${field?.name} has ${length} bytes and not ${right}`)
}

/**
 * The failure says what is wrong: an end of a sentence about the body, without a word of the body.
 *
 * @param isDeep whether the messages inside of spans, points and records are read as well: what `decode` gets has to be right
 */
export const walk = (signal: Signal, bytes: Uint8Array, isDeep: boolean): Result.Result<Walked, string> => {
  const walker = new Walker(bytes)
  try {
    walker.message(requests[signal], 0, bytes.length, 1, isDeep)
  } catch (cause) {
    if (cause instanceof Malformed) return Result.fail(cause.message)
    throw cause
  }
  return Result.succeed({ count: walker.count, serverSpans: walker.serverSpans })
}
