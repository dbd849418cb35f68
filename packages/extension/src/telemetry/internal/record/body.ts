/** The bytes of a body that was read at once, and the place of each record in them. */
import {
  afterSeparator,
  closeObject,
  colon,
  comma,
  extentOf,
  heldBy,
  heldBytes,
  openArray,
  openObject,
  lowerT,
  quote,
  skipSpace
} from "./extent.ts"
import { decodeUtf8, type Run, type Together, type Written } from "./originalText.ts"

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

interface Located {
  readonly from: number
  readonly bytes: number
  readonly held: number
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
    at = afterSeparator(bytes, found.to)
    isDense &&= at === found.to + 1
  }
  return { ...extents, isDense }
}

// Lists of objects in each other have many places that look like the begin of a record. Then all records are looked for.
const mostTries = 16

/** The begin of the record that ends before this place. What looks like its begin may be in a list of objects inside it. */
const beginBefore = (bytes: Uint8Array, to: number): number | undefined => {
  let tries = 0
  for (let at = bytes.lastIndexOf(openObject, to - 1); at > 0; at = bytes.lastIndexOf(openObject, at - 1)) {
    if (!isNextRecord(bytes, at)) continue
    if (extentOf(bytes, at)?.to === to) return at
    if (++tries === mostTries) return undefined
  }
  return undefined
}

// An invocation's own records: its start is the first, and those of its end are the last ones.
const near = 4

/** A part of a much larger buffer, which would be kept with it, is copied. */
const ownBytes = (bytes: Uint8Array): Uint8Array => (2 * bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes)

/** The bytes of a body that was read at once. */
export class Body implements Together {
  // Not the text: V8 keeps a long one until it collects all garbage, and bytes only as long as somebody holds them.
  readonly #bytes: Uint8Array
  readonly #isArray: boolean
  /** How many records it has. */
  readonly #count: number
  #extents: Extents | undefined

  constructor(bytes: Uint8Array, isArray: boolean, count: number) {
    this.#bytes = ownBytes(bytes)
    this.#isArray = isArray
    this.#count = count
  }

  #measured(): Extents {
    const bytes = this.#bytes
    this.#extents ??= this.#isArray
      ? extentsIn(bytes)
      : { bytes: [bytes.length], held: [heldBy(bytes)], from: [0], isDense: true }
    return this.#extents
  }

  /** The begin of a record near an end of the body, found without a look at those between. */
  #beginAt(index: number): number | undefined {
    const bytes = this.#bytes
    const back = this.#count - index
    if (index < near) {
      let at = skipSpace(bytes, 1)
      for (let place = 0; place < index; place++) {
        const to = extentOf(bytes, at)?.to
        if (to === undefined) return undefined
        at = afterSeparator(bytes, to)
      }
      return at
    }
    let at: number | undefined = bytes.length
    for (let place = 0; place < back && at !== undefined; place++) at = beginBefore(bytes, at - 1)
    return at
  }

  #extentAt(index: number): Located {
    const isNear = index < near || index >= this.#count - near
    if (this.#extents === undefined && this.#isArray && isNear && this.#count > 2 * near) {
      const from = this.#beginAt(index)
      const extent = from === undefined ? undefined : extentOf(this.#bytes, from)
      if (from !== undefined && extent !== undefined) {
        const bytes = extent.to - from
        return { from, bytes, held: heldBytes(bytes, extent.brackets, extent.strings) }
      }
    }
    const { bytes, from, held } = this.#measured()
    return { from: from[index] ?? 0, bytes: bytes[index] ?? 0, held: held[index] ?? 0 }
  }

  /** What the records at these places take. */
  sizesAt(places: ReadonlyArray<number>): Sizes {
    if (places.length > 2 * near) {
      const { bytes, held } = this.#measured()
      return { bytes: places.map((place) => bytes[place] ?? 0), held: places.map((place) => held[place] ?? 0) }
    }
    const extents = places.map((place) => this.#extentAt(place))
    return { bytes: extents.map(({ bytes }) => bytes), held: extents.map(({ held }) => held) }
  }

  /** What each record takes: less work than to make the text of each, for consumers that want no texts. */
  sizes(): Sizes {
    return this.#measured()
  }

  /** How the record at this place was written. */
  writtenAt(index: number): Written {
    const { bytes, from, held } = this.#extentAt(index)
    return { json: decodeUtf8(this.#bytes.subarray(from, from + bytes)), bytes, held }
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
