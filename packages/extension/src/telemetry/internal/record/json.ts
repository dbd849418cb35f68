/** Reads the elements of a JSON array from bytes: the bounds of each, its value, and how it was written. */
import * as Predicate from "effect/Predicate"
import {
  decodeUtf8,
  decodeUtf8Strictly,
  encodeUtf8,
  keepTogether,
  settleOf,
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

/** `from` has the places where the records begin, if the body is an array. */
interface Extents extends Sizes {
  readonly from?: ReadonlyArray<number>
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
const openArray = 0x5b
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
    switch (bytes[at]) {
      case quote: {
        strings++
        at = stringEnd(bytes, at + 1)
        if (at === -1) return undefined
        if (depth === 0) return { to: at + 1, depth: deepest, brackets, strings }
        break
      }
      case openArray:
      case openObject:
        brackets++
        if (++depth > deepest) deepest = depth
        break
      case closeArray:
      case closeObject:
        if (depth === 0) return { to: at, depth: deepest, brackets, strings }
        if (--depth === 0) return { to: at + 1, depth: deepest, brackets, strings }
        break
      case comma:
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09:
        // The end of a number, or of a word.
        if (depth === 0) return { to: at, depth: deepest, brackets, strings }
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

/** How each element of an array was written, or the value alone. The bytes are known to be JSON in UTF-8. */
const measure = (bytes: Uint8Array, isArray: boolean): ReadonlyArray<Written> => {
  if (!isArray) return [{ json: decodeUtf8(bytes), bytes: bytes.length, held: heldBy(bytes) }]
  const written: Array<Written> = []
  const end = bytes.length - 1
  for (let at = skipSpace(bytes, 1); at < end;) {
    const { brackets, strings, to } = extentOf(bytes, at) ?? { brackets: 0, strings: 0, to: end }
    const json = decodeUtf8(bytes.subarray(at, to))
    written.push({ json, bytes: to - at, held: heldBytes(to - at, brackets, strings) })
    at = skipSpace(bytes, skipSpace(bytes, to) + 1)
  }
  return written
}

/** What each element of an array takes. The bytes are known to be JSON in UTF-8. */
const sizesIn = (bytes: Uint8Array): Extents => {
  const sizes = { bytes: new Array<number>(), held: new Array<number>(), from: new Array<number>() }
  const end = bytes.length - 1
  for (let at = skipSpace(bytes, 1); at < end;) {
    const { brackets, strings, to } = extentOf(bytes, at) ?? { brackets: 0, strings: 0, to: end }
    sizes.from.push(at)
    sizes.bytes.push(to - at)
    sizes.held.push(heldBytes(to - at, brackets, strings))
    at = skipSpace(bytes, skipSpace(bytes, to) + 1)
  }
  return sizes
}

/** A part of a much larger buffer, which would be kept with it, is copied. */
const ownBytes = (bytes: Uint8Array): Uint8Array => (2 * bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes)

/** A body that was read at once, with the events in it. */
export class Body implements Together {
  readonly #isArray: boolean
  #sizes: Extents | undefined
  // Not the text: V8 keeps a long one until it collects all garbage, and bytes only as long as somebody holds them.
  #from: Uint8Array | ReadonlyArray<Written>
  #events: ReadonlyArray<object> = []
  #underWay: string | undefined
  /** The invocations under way, each with the place of the first record after its change. */
  readonly #changes: Array<readonly [from: number, requestId: string | undefined]> = []

  constructor(bytes: Uint8Array, isArray: boolean) {
    this.#from = ownBytes(bytes)
    this.#isArray = isArray
  }

  /** What each record takes: less work than to make the text of each, for consumers that want no texts. */
  sizes(): Extents {
    if (this.#sizes !== undefined) return this.#sizes
    const from = this.#from
    this.#sizes =
      from instanceof Uint8Array && this.#isArray
        ? sizesIn(from)
        : {
            bytes: this.#events.map((_, index) => this.writtenAt(index).bytes),
            held: this.#events.map((_, index) => this.writtenAt(index).held)
          }
    return this.#sizes
  }

  /** How the record at this place was written. */
  writtenAt(index: number): Written {
    if (this.#from instanceof Uint8Array) this.#from = measure(this.#from, this.#isArray)
    return this.#from[index] ?? { json: "null", bytes: 4, held: heldBytes(4, 0, 0) }
  }

  /** Gives an event its text alone. A few events of a large body, which wait for long, do not keep it in memory then. */
  release(event: object, index: number): void {
    settleOf(event, this, () => ({ ...this.#aloneAt(index), invocation: this.#invocationAt(index) }))
  }

  #aloneAt(index: number): Written {
    const { bytes, from, held } = this.sizes()
    const at = from?.[index]
    const length = bytes[index] ?? 0
    if (at === undefined || !(this.#from instanceof Uint8Array)) return this.writtenAt(index)
    return { json: decodeUtf8(this.#from.subarray(at, at + length)), bytes: length, held: held[index] ?? 0 }
  }

  #invocationAt(index: number): string | undefined {
    return this.#changes.findLast(([from]) => from <= index)?.[1]
  }

  /** Says that the event of the record at this place is one of this body; the places come in order. */
  add(event: object, index: number, invocation: string | undefined): void {
    if (invocation !== this.#underWay) {
      this.#underWay = invocation
      this.#changes.push([index, invocation])
    }
    keepTogether(event, this)
  }

  /** Takes the events of all places. */
  hold(events: ReadonlyArray<object>): void {
    this.#events = events
  }

  settleAll(): void {
    const changes = this.#changes.values()
    let invocation: string | undefined
    let change = changes.next()
    this.#events.forEach((event, index) => {
      for (; change.done !== true && change.value[0] <= index; change = changes.next()) invocation = change.value[1]
      settleOf(event, this, () => ({ ...this.writtenAt(index), invocation }))
    })
    this.#events = []
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
  const all: Array<unknown> = []
  for (let from = 1; from <= end;) {
    // The search has a bound: the rest is one piece if no record begins soon.
    const next = nextRecord(bytes.subarray(from + pieceBytes, from + 2 * pieceBytes))
    const to = next === undefined ? end : from + pieceBytes + next - 1
    const text = decodeUtf8Strictly(bytes.subarray(from, to))
    const values = text === undefined ? undefined : parse(`[${text}]`)
    if (!Array.isArray(values)) return undefined
    for (const value of values) all.push(value)
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
