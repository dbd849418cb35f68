/** Reads the elements of a JSON array from bytes: the bounds of each, its value, and how it was written. */
import * as Predicate from "effect/Predicate"
import {
  decodeUtf8,
  decodeUtf8Strictly,
  encodeUtf8,
  type Run,
  type Together,
  utf8Length,
  type Written
} from "./originalText.ts"
import { stringEnd } from "#string-end"

/** An element of an array, or a value alone. */
export interface Element extends Written {
  /** The value, or its text if it is nested too deep to be read. */
  readonly value: unknown
  readonly isTooDeep: boolean
}

/** A body that was read at once. */
export interface Whole {
  readonly values: ReadonlyArray<unknown>
  readonly body: Body
  /** The bound of what its records take. */
  readonly most: { readonly bytes: number; readonly held: number }
}

/** What each record of a body takes, in their order. */
export interface Sizes {
  readonly bytes: ReadonlyArray<number>
  readonly held: ReadonlyArray<number>
}

/** `from` has the places at which the records begin. */
interface Extents extends Sizes {
  readonly from: ReadonlyArray<number>
  /** Whether no white space is between two records. */
  readonly isDense: boolean
}

/** The elements before the first wrong element; `rest`: the begin of the wrong one, `undefined` if all are right. */
export interface Elements {
  readonly elements: ReadonlyArray<Element>
  readonly rest: number | undefined
  readonly reason: string
}

/**
 * Deeper values are not read. No log is that deep, and a program that walks through such a value by recursion
 * (`JSON.stringify`, most backends) fails.
 */
export const deepest = 1000

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openArray = 0x5b
const lowerT = 0x74
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

export const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

const skipSpace = (bytes: Uint8Array, from: number): number => {
  while (isSpace(bytes[from])) from++
  return from
}

interface Extent {
  readonly to: number
  readonly depth: number
  readonly brackets: number
  readonly strings: number
}

/**
 * The memory that a record takes while it waits: its text, and its values, which V8 keeps beside the text.
 *
 * Measured with Node 24, 50,000 records of each kind, in bytes for each: `{}` takes 389 (396 by this count), a line of 170 bytes
 * 503 (618), 1000 characters 2340 (2396), a log of JSON 713 (896), 100 empty objects 7015 (5832), 100 short texts 4353 (3314).
 * Three kinds take up to two and a half times this count: many fractions, names that are all different, and text with a
 * character beyond U+00FF. V8 keeps every character of such a text in two bytes.
 */
const heldBytes = (bytes: number, brackets: number, strings: number): number =>
  160 + 2 * bytes + 48 * brackets + 8 * strings

/**
 * How far the value reaches that begins at `from`; `undefined` if the value does not end. Brackets are counted and not
 * compared: the reader of the text finds out whether they match.
 */
const extentOf = (bytes: Uint8Array, from: number): Extent | undefined => {
  let depth = 0
  let deepest = 0
  let brackets = 0
  let strings = 0
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    // The bytes that come most often are compared first: a runtime that interprets pays for each comparison.
    if (byte === quote) {
      strings++
      at = stringEnd(bytes, at + 1)
      if (at === -1) return undefined
      if (depth === 0) return { to: at + 1, depth: deepest, brackets, strings }
    } else if (byte === comma || byte <= 0x20) {
      // The end of a number, or of a word.
      if (depth === 0 && (byte === comma || isSpace(byte))) return { to: at, depth: deepest, brackets, strings }
    } else if (byte === openObject || byte === openArray) {
      brackets++
      if (++depth > deepest) deepest = depth
    } else if (byte === closeObject || byte === closeArray) {
      if (depth === 0) return { to: at, depth: deepest, brackets, strings }
      if (--depth === 0) return { to: at + 1, depth: deepest, brackets, strings }
    }
  }
  return depth === 0 ? { to: bytes.length, depth: deepest, brackets, strings } : undefined
}

const elementOf = (bytes: Uint8Array, { brackets, depth, strings }: Extent): Element => {
  const text = decodeUtf8Strictly(bytes)
  const readable = text ?? decodeUtf8(bytes)
  const isTooDeep = depth > deepest
  return {
    value: isTooDeep ? readable : JSON.parse(readable),
    json: text ?? bytes.slice(),
    bytes: text === undefined ? utf8Length(readable) : bytes.length,
    held: heldBytes(bytes.length, brackets, strings),
    isTooDeep
  }
}

const reasonOf = (error: unknown) => `not JSON: ${error instanceof Error ? error.message : String(error)}`

/** Reads the elements between the brackets of an array. */
export const readElements = (bytes: Uint8Array): Elements => {
  const elements: Array<Element> = []
  let at = skipSpace(bytes, 0)
  if (at === bytes.length) return { elements, rest: undefined, reason: "" }
  while (true) {
    const extent = extentOf(bytes, at)
    if (extent === undefined) return { elements, rest: at, reason: "not JSON: a record does not end" }
    const next = skipSpace(bytes, extent.to)
    if (next < bytes.length && bytes[next] !== comma) {
      return { elements, rest: at, reason: "not JSON: after a record something else than a comma or the end" }
    }
    try {
      elements.push(elementOf(bytes.subarray(at, extent.to), extent))
    } catch (error) {
      return { elements, rest: at, reason: reasonOf(error) }
    }
    if (next >= bytes.length) return { elements, rest: undefined, reason: "" }
    at = skipSpace(bytes, next + 1)
  }
}

/** Reads a single value; a text with the reason if the value is wrong. */
export const readValue = (bytes: Uint8Array): Element | string => {
  const extent = extentOf(bytes, 0)
  if (extent === undefined) return "not JSON: it does not end"
  if (extent.to < bytes.length) return "not JSON: something follows the value"
  try {
    return elementOf(bytes, extent)
  } catch (error) {
    return reasonOf(error)
  }
}

/** The memory that a record takes that this process wrote. */
export const heldBy = (json: Uint8Array): number => {
  const { brackets, strings } = extentOf(json, 0) ?? { brackets: 0, strings: 0 }
  return heldBytes(json.length, brackets, strings)
}

/** How a field of an object was written; the last one of its name counts, as it does for `JSON.parse`. */
export const fieldOf = (bytes: Uint8Array, name: string): string | undefined => {
  let field: Uint8Array | undefined
  for (let at = skipSpace(bytes, 1); bytes[at] === quote;) {
    const key = extentOf(bytes, at)
    if (key === undefined) return undefined
    const from = skipSpace(bytes, skipSpace(bytes, key.to) + 1)
    const value = extentOf(bytes, from)
    if (value === undefined) return undefined
    if (JSON.parse(decodeUtf8(bytes.subarray(at, key.to))) === name) field = bytes.subarray(from, value.to)
    at = skipSpace(bytes, skipSpace(bytes, value.to) + 1)
  }
  return field && decodeUtf8(field)
}

/** Whether the `{` at this place follows an object in a list. A text has no quote without a backslash, so `},{"t` is inside none. */
const isNextRecord = (bytes: Uint8Array, at: number): boolean =>
  bytes[at - 1] === comma && bytes[at - 2] === closeObject && bytes[at + 1] === quote && bytes[at + 2] === lowerT

// `{"time":…,"type":…,"record":…}`: three names and three texts.
const stringsOfLine = 6
// A short name or text of a log of JSON, with its quotes.
const bytesOfString = 8

/**
 * The elements of an array. The bytes are known to be JSON in UTF-8.
 *
 * Most records have no list in them. The next object after an object is the next record then, and searches find it without a
 * look at each byte. A `:{` in a text counts as a bracket then, and short texts are not counted one by one.
 */
const extentsIn = (bytes: Uint8Array): Extents => {
  const extents = { bytes: new Array<number>(), held: new Array<number>(), from: new Array<number>() }
  const end = bytes.length - 1
  let isDense = true
  let nextArray = 0
  for (let at = skipSpace(bytes, 1); at < end;) {
    if (nextArray !== -1 && nextArray < at) nextArray = bytes.indexOf(openArray, at)
    let brackets = 1
    let next = bytes[at] === openObject ? bytes.indexOf(openObject, at + 1) : -1
    // After a colon it is inside the record, or in a text.
    while (next !== -1 && bytes[next - 1] === colon) {
      brackets++
      next = bytes.indexOf(openObject, next + 1)
    }
    extents.from.push(at)
    if (next !== -1 && (nextArray === -1 || nextArray > next) && isNextRecord(bytes, next)) {
      const length = next - 1 - at
      extents.bytes.push(length)
      extents.held.push(heldBytes(length, brackets, brackets === 1 ? stringsOfLine : Math.ceil(length / bytesOfString)))
      at = next
      continue
    }
    const found = extentOf(bytes, at) ?? { brackets: 0, strings: 0, to: end }
    extents.bytes.push(found.to - at)
    extents.held.push(heldBytes(found.to - at, found.brackets, found.strings))
    at = skipSpace(bytes, skipSpace(bytes, found.to) + 1)
    isDense &&= at === found.to + 1
  }
  return { ...extents, isDense }
}

/** A part of a much larger buffer, which would be kept with it, is copied. */
const ownBytes = (bytes: Uint8Array): Uint8Array => (2 * bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes)

/** The bytes of a body that was read at once. */
export class Body implements Together {
  // Not the text: V8 keeps a long one until it collects all garbage, and bytes only as long as somebody holds them.
  readonly #bytes: Uint8Array
  readonly #isArray: boolean
  #extents: Extents | undefined

  constructor(bytes: Uint8Array, isArray: boolean) {
    this.#bytes = ownBytes(bytes)
    this.#isArray = isArray
  }

  #measured(): Extents {
    const bytes = this.#bytes
    this.#extents ??= this.#isArray
      ? extentsIn(bytes)
      : { bytes: [bytes.length], held: [heldBy(bytes)], from: [0], isDense: true }
    return this.#extents
  }

  /** What each record takes: less work than to make the text of each, for consumers that want no texts. */
  sizes(): Sizes {
    return this.#measured()
  }

  /** How the record at this place was written. */
  writtenAt(index: number): Written {
    const { bytes, from, held } = this.#measured()
    const at = from[index] ?? 0
    const length = bytes[index] ?? 0
    return { json: decodeUtf8(this.#bytes.subarray(at, at + length)), bytes: length, held: held[index] ?? 0 }
  }

  isDense(): boolean {
    return this.#measured().isDense
  }

  runAt(index: number, count: number): Run {
    const { bytes, from } = this.#measured()
    const begin = from[index] ?? 0
    const ends: Array<number> = []
    let to = 0
    for (let place = index; place < index + count; place++) {
      to = (from[place] ?? 0) + (bytes[place] ?? 0)
      ends.push(to - begin)
    }
    return { bytes: this.#bytes.subarray(begin, to), ends }
  }
}

const isNestedDeeper = (value: unknown, levels: number): boolean => {
  if (Array.isArray(value)) {
    if (levels === 0) return true
    for (const item of value) if (typeof item === "object" && isNestedDeeper(item, levels - 1)) return true
    return false
  }
  if (!Predicate.isObject(value)) return false
  if (levels === 0) return true
  // The loop is faster than a list of the values, and a value of `JSON.parse` has no inherited fields.
  for (const name in value) {
    const field = value[name]
    if (typeof field === "object" && isNestedDeeper(field, levels - 1)) return true
  }
  return false
}

// Not by `Predicate.hasProperty`, whose call costs more than the look itself.
const isRecordTooDeep = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "record" in value &&
  typeof value.record === "object" &&
  isNestedDeeper(value.record, deepest - 1)

// How Lambda begins a record that is not the first one.
const separator = /*#__PURE__*/ encodeUtf8('},{"time":')

/** The position of the first record that follows another record. */
export const nextRecord = (bytes: Uint8Array): number | undefined => {
  for (let at = bytes.indexOf(closeObject); at !== -1; at = bytes.indexOf(closeObject, at + 1)) {
    if (separator.every((byte, index) => bytes[at + index] === byte)) return at + 2
  }
  return undefined
}

// Lambda sends no more at once. A longer body is checked for depth before it is read.
const longestWhole = 2 * 1024 * 1024

// V8 maps memory for each text of 128 KiB or more, which takes several times as long as writing the text.
const pieceBytes = 48 * 1024

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The elements of an array, read in pieces that end after a record. A `}` before `,{"time":` is inside no text, since a text has
 * no quote without a backslash. If it is inside a record, the piece is no JSON, and the result is `undefined`.
 */
const parsePieces = (bytes: Uint8Array): ReadonlyArray<unknown> | undefined => {
  const end = bytes.length - 1
  if (end < 1 || bytes[end] !== closeArray) return undefined
  let all: ReadonlyArray<unknown> = []
  for (let from = 1; from <= end;) {
    // The search has a bound: the rest is one piece if no record begins soon.
    const next = nextRecord(bytes.subarray(from + pieceBytes, from + 2 * pieceBytes))
    const to = next === undefined ? end : from + pieceBytes + next - 1
    const text = decodeUtf8Strictly(bytes.subarray(from, to))
    const values = text === undefined ? undefined : parse(`[${text}]`)
    if (!Array.isArray(values)) return undefined
    all = all.length === 0 ? values : all.concat(values)
    from = to + 1
  }
  return all
}

const parseAtOnce = (bytes: Uint8Array): ReadonlyArray<unknown> | undefined => {
  const text = decodeUtf8Strictly(bytes)
  const value = text === undefined ? undefined : parse(text)
  return value === undefined || Array.isArray(value) ? value : [value]
}

/**
 * The records of a body that is JSON from the first to the last byte, read at once. How each was written is found out only
 * when it is needed. The result is `undefined` for every other body: its records are read one by one.
 */
export const readWhole = (bytes: Uint8Array): Whole | undefined => {
  const isArray = bytes[0] === openArray
  if (bytes.length > longestWhole || (!isArray && bytes[0] !== openObject)) return undefined
  const values = (isArray ? parsePieces(bytes) : undefined) ?? parseAtOnce(bytes)
  if (values === undefined) return undefined
  for (const each of values) if (isRecordTooDeep(each)) return undefined
  // Two bytes are an object or an array at best.
  const most = { bytes: bytes.length + 1, held: heldBytes(bytes.length, bytes.length / 2, 0) + 160 * values.length }
  return { values, body: new Body(bytes, isArray), most }
}
