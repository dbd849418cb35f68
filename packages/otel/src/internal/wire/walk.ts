/**
 * Reads a request of OTLP in the wire format of protobuf, once and without building objects. The walk finds out whether it
 * is one, how many spans, data points or log records it has, and the places of its spans of kind SERVER or CONSUMER.
 *
 * Down to the fields of each span, data point and log record the walk is as strict as the strictest backend. The messages
 * inside of them, such as attributes, events, links and exemplars, are most of the bytes. They are passed over by their lengths,
 * unless the walk is asked to read everything (docs/decisions/0021). The body of a log record and all of a span of kind SERVER
 * or CONSUMER are read. Fields that the tables do not have are passed over.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import * as Result from "effect/Result"
import * as action from "./action.ts"
import { deepest, type Message, type Signal } from "./schema.ts"
import { knownTags, type Table, tableOf } from "./tables.ts"
import { utf8End } from "./utf8.ts"

export interface Walked {
  /** Spans, data points or log records. */
  readonly count: number
  /** The offsets of each span of kind SERVER or CONSUMER. All of it was read. */
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
// OpenTelemetry's instrumentation of Python has it for a function that reads a queue, a topic, a bucket or a table.
const consumer = 5

/** The tables of the messages around the one that is read, and where they end. No walk begins within another one. */
const outer: Array<Table> = []
const outerEnds: Array<number> = []

/**
 * Reads a request in one loop. It calls nothing at the fields that are nearly all; other functions read long numbers, text that
 * is not ASCII, and what is unknown or wrong.
 */
const readAll = (request: Table, bytes: Uint8Array): Walked => {
  const serverSpans: Array<Extent> = []
  let count = 0
  let table = request
  let actions = table.actions
  let at = 0
  let end = bytes.length
  let depth = 1
  /** Where the span, point or record begins that is read. */
  let itemFrom = 0
  let isServer = false
  for (;;) {
    if (at === end) {
      if (table.isItem) {
        // The kind may come last: all of the span is read in a second pass.
        if (isServer && table.whole !== undefined) {
          table = table.whole
          actions = table.actions
          at = itemFrom
          continue
        }
        count++
        if (isServer) serverSpans.push({ from: itemFrom, to: end })
        isServer = false
      }
      if (--depth === 0) return { count, serverSpans }
      table = outer[depth] ?? request
      actions = table.actions
      end = outerEnds[depth] ?? 0
      continue
    }

    let tag = bytes[at++] ?? 0
    if (tag > 0x7f) {
      tag = varint(bytes, at - 1, end)
      at = numberEnd
    }
    const what = tag < knownTags ? actions[tag] : action.other
    switch (what) {
      case action.varint:
      case action.kind: {
        let number = bytes[at++] ?? 0
        if (number > 0x7f) {
          number = varint(bytes, at - 1, end)
          at = numberEnd
        }
        if ((number === server || number === consumer) && what === action.kind) isServer = true
        break
      }
      case action.fixed64:
        at += 8
        break
      case action.fixed32:
        at += 4
        break
      case action.traceId:
        at = bytes[at] === 16 ? at + 17 : idEnd(table.message, tag, 16, bytes, at, end)
        break
      case action.spanId:
        at = bytes[at] === 8 ? at + 9 : idEnd(table.message, tag, 8, bytes, at, end)
        break
      case action.string: {
        const length = bytes[at++] ?? 0
        const to = at + length
        let all = length
        if (to <= end) while (at < to) all |= bytes[at++] ?? 0
        at = all > 0x7f ? textEnd(table.message, tag, bytes, to - length - 1, end) : to
        break
      }
      case action.bytes:
        // Such fields come in rows.
        for (;;) {
          let length = bytes[at++] ?? 0
          if (length > 0x7f) {
            length = varint(bytes, at - 1, end)
            at = numberEnd
          }
          at += length
          if (at >= end || bytes[at] !== tag || tag > 0x7f) break
          at++
        }
        break
      case action.item:
      case action.message: {
        let length = bytes[at++] ?? 0
        if (length > 0x7f) {
          length = varint(bytes, at - 1, end)
          at = numberEnd
        }
        if (at + length > end) throw new Malformed(cutOff)
        if (depth === deepest) throw new Malformed(`its messages are nested deeper than ${deepest} levels`)
        outer[depth] = table
        outerEnds[depth] = end
        depth++
        table = table.inner[tag >>> 3] ?? table
        actions = table.actions
        if (what === action.item) itemFrom = at
        end = at + length
        break
      }
      case action.packed:
        at = packedEnd(table.message, tag, bytes, at, end)
        break
      default:
        at = otherEnd(table.message, tag, bytes, at, end)
    }
    if (at > end) throw new Malformed(cutOff)
  }
}

/** Where the number ended that {@link varint} has read last. */
let numberEnd = 0

/** A number of 64 bits at most. Beyond 2^53 it is not exact, and larger than every length. */
const varint = (bytes: Uint8Array, from: number, end: number): number => {
  const first = bytes[from] ?? 0
  const second = bytes[from + 1] ?? 0
  if (first > 0x7f && second < 0x80 && from + 1 < end) {
    numberEnd = from + 2
    return (first & 0x7f) | (second << 7)
  }
  let value = 0
  let factor = 1
  for (let at = from; at < end; factor *= 128) {
    const byte = bytes[at++] ?? 0
    if (at - from === 10 && byte > 1) throw new Malformed("a number has more than 64 bits")
    value += (byte & 0x7f) * factor
    if (byte < 0x80) {
      numberEnd = at
      return value
    }
  }
  throw new Malformed(cutOff)
}

/** Reads a length, and gives the end of what is behind it. */
const lengthEnd = (bytes: Uint8Array, from: number, end: number): number => {
  const to = varint(bytes, from, end) + numberEnd
  if (to > end) throw new Malformed(cutOff)
  return to
}

/** For an id of another length a backend refuses all the spans around it. An id may be missing. */
const idEnd = (message: Message, tag: number, right: number, bytes: Uint8Array, from: number, end: number): number => {
  const to = lengthEnd(bytes, from, end)
  const length = to - numberEnd
  if (length === 0 || length === right) return to
  throw new Malformed(`the field ${message.byNumber[tag >>> 3]?.name} has ${length} bytes and not ${right}`)
}

const textEnd = (message: Message, tag: number, bytes: Uint8Array, from: number, end: number): number => {
  const to = lengthEnd(bytes, from, end)
  if (utf8End(bytes, numberEnd, to) === to) return to
  throw new Malformed(`the field ${message.byNumber[tag >>> 3]?.name} is not UTF-8`)
}

/** Several numbers in one field. */
const packedEnd = (message: Message, tag: number, bytes: Uint8Array, from: number, end: number): number => {
  const to = lengthEnd(bytes, from, end)
  const wireType = message.byNumber[tag >>> 3]?.wireType
  if (wireType === 0) for (let at = numberEnd; at < to; at = numberEnd) varint(bytes, at, to)
  else if ((to - numberEnd) % (wireType === 1 ? 8 : 4) !== 0) throw new Malformed(cutOff)
  return to
}

/** A field that the table of the message does not have. */
const otherEnd = (message: Message, tag: number, bytes: Uint8Array, from: number, end: number): number => {
  checkTag(message, tag)
  switch (tag & 7) {
    case 0:
      varint(bytes, from, end)
      return numberEnd
    case 1:
      return from + 8
    case 2:
      return lengthEnd(bytes, from, end)
    default:
      return from + 4
  }
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

/**
 * The failure says what is wrong: an end of a sentence about the body, without a word of the body.
 *
 * @param isDeep whether the messages inside of spans, points and records are read as well: what `decode` gets has to be right
 */
export const walk = (signal: Signal, bytes: Uint8Array, isDeep: boolean): Result.Result<Walked, string> => {
  try {
    return Result.succeed(readAll(tableOf(signal, isDeep), bytes))
  } catch (cause) {
    if (cause instanceof Malformed) return Result.fail(cause.message)
    throw cause
  }
}
