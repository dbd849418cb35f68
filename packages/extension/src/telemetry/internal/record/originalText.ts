/**
 * The JSON text of an event, kept beside its values: a sink writes the text that came, digit by digit.
 *
 * The text is a private field of the very object. So it follows an event that is passed on or filtered, a copy with another
 * field has none, and a reader of the event never sees it. A `WeakMap` of 50,000 events would double the work of the collector.
 */
// Every JavaScript runtime has these classes, but only the types of the DOM and of Node declare them.
declare const TextDecoder: new (
  label?: string,
  options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean }
) => { readonly decode: (bytes: Uint8Array) => string }
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }

const decoder = /*#__PURE__*/ new TextDecoder("utf-8", { ignoreBOM: true })
const strictDecoder = /*#__PURE__*/ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const encoder = /*#__PURE__*/ new TextEncoder()

/** The text, with U+FFFD for bytes that are not UTF-8. */
export const decodeUtf8 = (bytes: Uint8Array): string => decoder.decode(bytes)

export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text)

/** The text, or `undefined` for bytes that are not UTF-8. */
export const decodeUtf8Strictly = (bytes: Uint8Array): string | undefined => {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

export const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/** How long a text is in UTF-8. */
export const utf8Length = (text: string): number => {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    // A pair of surrogates is four bytes, a lone one becomes the three of U+FFFD.
    if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at++
  }
  return bytes
}

/** JSON as text, or as bytes that are not all UTF-8. */
export type Json = string | Uint8Array

/** How an event was written. */
export interface Written {
  readonly json: Json
  /** Its length in UTF-8. */
  readonly bytes: number
  /** The memory that the event takes, in bytes. */
  readonly held: number
}

/** An event's text, and the request id of the invocation that was under way when the event came. */
export interface Kept extends Written {
  readonly invocation?: string | undefined
}

/** Events that came one after the other, with a comma alone between two of them. */
export interface Run {
  /** As they came, in UTF-8. Not a copy. */
  readonly bytes: Uint8Array
  /** The ends of the events in the bytes; all but the last are places of a comma. */
  readonly ends: ReadonlyArray<number>
}

/** Events that came together, and how each was written. */
export interface Together {
  readonly writtenAt: (index: number) => Written
  /** Whether only a comma is between two of them. */
  readonly isDense: () => boolean
  /** So many events from this place on. */
  readonly runAt: (index: number, count: number) => Run
}

/**
 * An event's place among those that came with it, until somebody asks for its text. The others do not know the event: a cycle of
 * references keeps memory in a runtime that counts them, such as LLRT, until it looks for cycles.
 */
interface Place {
  readonly together: Together
  readonly index: number
  readonly invocation: string | undefined
}

// oxlint-disable-next-line no-extraneous-class -- a class whose constructor returns what it is given adds its fields to that
class Given {
  constructor(event: object) {
    return event
  }
}

class Wire extends Given {
  // A single field: the object of an event has room for one more, and a second one would double what the event takes.
  #kept: Kept | Place

  constructor(event: object, kept: Kept | Place) {
    super(event)
    this.#kept = kept
  }

  /** The event, with the field. */
  static set(event: object, kept: Kept): Wire {
    if (!(#kept in event)) return new Wire(event, kept)
    event.#kept = kept
    return event
  }

  /** A program in JavaScript may have put anything among its events. */
  static of(event: unknown): Kept | Place | undefined {
    return typeof event === "object" && event !== null && #kept in event ? event.#kept : undefined
  }

  static get(event: unknown): Kept | undefined {
    if (typeof event !== "object" || event === null || !(#kept in event)) return undefined
    const kept = event.#kept
    if ("json" in kept) return kept
    const { index, invocation, together } = kept
    return (event.#kept = { ...together.writtenAt(index), invocation })
  }
}

/** Keeps how an event was written. */
export const settle = (event: object, kept: Kept): void => void Wire.set(event, kept)

/** Keeps that an event, which keeps nothing yet, came together with others. */
export const keepTogether = (event: object, together: Together, index: number, invocation: string | undefined): void =>
  void new Wire(event, { together, index, invocation })

/** How this very event was written, if it came from outside or was written before. */
export const writtenOf = (event: unknown): Written | undefined => Wire.get(event)

/** The request id of the invocation that was under way when the event came. */
export const invocationOf = (event: object): string | undefined => Wire.of(event)?.invocation

/** Those events from this place on that came one after the other; `undefined` if the event there has its own text, or none. */
export const runAt = (events: ReadonlyArray<unknown>, at: number): Run | undefined => {
  const first = Wire.of(events[at])
  if (first === undefined || "json" in first) return undefined
  const { index, together } = first
  const most = together.isDense() ? events.length - at : 1
  let count = 1
  while (count < most) {
    const next = Wire.of(events[at + count])
    if (next === undefined || "json" in next || next.together !== together || next.index !== index + count) break
    count++
  }
  return together.runAt(index, count)
}
