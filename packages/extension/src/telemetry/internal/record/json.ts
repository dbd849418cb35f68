/** Reads the elements of a JSON array from bytes: the bounds of each, its value, and how it was written. */
import * as Predicate from "effect/Predicate"
import { Body } from "./body.ts"
import {
  afterSeparator,
  closeArray,
  closeObject,
  comma,
  type Extent,
  extentOf,
  heldBytes,
  openArray,
  openObject,
  quote,
  skipSpace
} from "./extent.ts"
import { decodeUtf8, decodeUtf8Strictly, encodeUtf8, utf8Length, type Written } from "./originalText.ts"

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

/** How a field of an object was written; the last one of its name counts, as it does for `JSON.parse`. */
export const fieldOf = (bytes: Uint8Array, name: string): string | undefined => {
  let field: Uint8Array | undefined
  for (let at = skipSpace(bytes, 1); bytes[at] === quote;) {
    const key = extentOf(bytes, at)
    if (key === undefined) return undefined
    const from = afterSeparator(bytes, key.to)
    const value = extentOf(bytes, from)
    if (value === undefined) return undefined
    if (JSON.parse(decodeUtf8(bytes.subarray(at, key.to))) === name) field = bytes.subarray(from, value.to)
    at = afterSeparator(bytes, value.to)
  }
  return field && decodeUtf8(field)
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
  return { values, body: new Body(bytes, isArray, values.length), most }
}
