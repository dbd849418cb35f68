/**
 * Reads the records in HTTP bodies of the Telemetry API, not yet decoded, each with its text.
 *
 * Lambda cuts a record that is longer than `maxBytes` of the subscription. A POST
 * ends in the middle of the record, closed by `}]`. The next POST begins with the
 * same `[{"time":…,"type":…,"record":` and goes on with the missing bytes, over as
 * many POSTs as it takes.
 */
import { isSpace } from "../record/extent.ts"
import { type Element, nextRecord, readElements, readValue, readWhole, type Whole } from "../record/json.ts"
import { copy, inArray, type Prefix, read } from "./jsonPrefix.ts"
import { concat, decodeUtf8 } from "../record/originalText.ts"

/** The result of a body: its records, a cut record that this body completes, and texts that are not records. */
export interface Parsed {
  readonly records: ReadonlyArray<Element>
  /** All records, if they could be read at once. */
  readonly whole?: Whole
  readonly broken: ReadonlyArray<Broken>
}

/** `text` is the beginning, at most 64 KiB of it. */
export interface Broken {
  readonly reason: string
  readonly text: string
}

/** The beginning of a record whose rest is still to come. */
interface Cut {
  /** Bytes, not text: the cut may be inside a character. */
  readonly pieces: Array<Uint8Array>
  readonly envelope: string
  readonly prefix: Prefix
  bytes: number
  /** When the last piece came. */
  atMillis: number
}

const longestWaitMillis = 1000
const longestText = 65_536
const nothing: ReadonlyArray<never> = []

// A body with so many wrong parts is given up, or it would be read again and again.
const mostRecoveries = 16

const openArray = 0x5b
const closeArray = 0x5d
const openObject = 0x7b

/** The bytes without a byte order mark and without white space at both ends. */
const trim = (bytes: Uint8Array): Uint8Array => {
  let from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  let to = bytes.length
  while (isSpace(bytes[from])) from++
  while (to > from && isSpace(bytes[to - 1])) to--
  return bytes.subarray(from, to)
}

const isFramed = (bytes: Uint8Array) => bytes[bytes.length - 2] === 0x7d && bytes[bytes.length - 1] === 0x5d

// Printable ASCII: as long in bytes as in characters.
const envelopeOf = (event: Uint8Array): string | undefined =>
  /^\{"time":"[ !#-~]*","type":"[ !#-~]*","record":/.exec(decodeUtf8(event.subarray(0, 512)))?.[0]

const brokenOf = (reason: string, bytes: Uint8Array): Broken => ({
  reason,
  text: decodeUtf8(bytes.subarray(0, longestText))
})

/**
 * Bodies in the order they come. Nothing here throws.
 *
 * `push` returns the records of a body. For a cut body it returns the whole
 * records before the cut, and keeps the cut record until the rest has come. The
 * cut record comes out as broken when it has grown beyond `maxBytes` or another
 * record is cut. The same happens when a body without its rest arrives more than a
 * second after its last piece. That time is judged only when a body arrives: a
 * process may be frozen for hours between two pieces.
 */
export const make = (options: {
  readonly maxBytes: number
}): { readonly push: (bytes: Uint8Array, nowMillis: number) => Parsed; readonly close: () => Parsed } => {
  let cut: Cut | undefined

  const giveUp = (): ReadonlyArray<Broken> => {
    if (cut === undefined) return nothing
    const { pieces } = cut
    cut = undefined
    return [brokenOf("Lambda cut this record in two, and the rest of it never came", concat(pieces))]
  }

  /** Keeps the cut record; `whole`: the records before it. */
  const keep = (next: Cut, whole: ReadonlyArray<Element>, broken: ReadonlyArray<Broken>): Parsed => {
    cut = next
    if (next.bytes <= options.maxBytes) return { records: whole, broken }
    cut = undefined
    const reason = `a record that Lambda cut in pieces is longer than ${options.maxBytes} bytes`
    return { records: whole, broken: [...broken, brokenOf(reason, concat(next.pieces))] }
  }

  /** The body as the next piece of the cut record, if it is that. */
  const join = (first: Cut, body: Uint8Array, atMillis: number): Parsed | undefined => {
    const start = `[${first.envelope}`
    if (!isFramed(body) || decodeUtf8(body.subarray(0, start.length)) !== start) return undefined
    const rest = body.subarray(start.length)
    const framed = rest.length - 2
    const prefix = copy(first.prefix)
    const { comma, valid } = read(prefix, rest, 0, framed)
    if (!valid) return undefined

    const end = copy(prefix)
    if (read(end, rest, framed, rest.length).valid && end.expects === "done") {
      const all = readElements(concat([...first.pieces, rest.subarray(0, rest.length - 1)]))
      if (all.rest !== undefined) return undefined
      cut = undefined
      return { records: all.elements, broken: nothing }
    }
    if (comma === -1) {
      first.pieces.push(new Uint8Array(rest.subarray(0, framed)))
      return keep({ ...first, prefix, bytes: first.bytes + framed, atMillis }, nothing, nothing)
    }
    const before = readElements(concat([...first.pieces, rest.subarray(0, comma)]))
    const piece = new Uint8Array(rest.subarray(comma + 1, framed))
    const envelope = envelopeOf(piece)
    if (before.rest !== undefined || envelope === undefined) return undefined
    return keep({ pieces: [piece], envelope, prefix, bytes: piece.length, atMillis }, before.elements, nothing)
  }

  /** The wrong part of an array as the beginning of a cut record, if it is that. */
  const begin = (wrong: Uint8Array, atMillis: number): Cut | undefined => {
    if (!isFramed(wrong)) return undefined
    const framed = wrong.length - 2
    const prefix = inArray()
    if (!read(prefix, wrong, 0, framed).valid || prefix.open.length < 2) return undefined
    const piece = new Uint8Array(wrong.subarray(0, framed))
    const envelope = envelopeOf(piece)
    return envelope === undefined ? undefined : { pieces: [piece], envelope, prefix, bytes: piece.length, atMillis }
  }

  /** The records of an array; a wrong part is the beginning of a cut record, or broken. */
  const readArray = (body: Uint8Array, atMillis: number): Parsed => {
    const records: Array<Element> = []
    const broken: Array<Broken> = []
    const isClosed = body.length > 1 && body[body.length - 1] === closeArray
    const end = isClosed ? body.length - 1 : body.length
    let from = 1
    while (true) {
      const { elements, reason, rest } = readElements(body.subarray(from, end))
      for (const element of elements) records.push(element)
      if (rest === undefined && isClosed) return { records, broken: [...expire(atMillis), ...broken] }
      const wrong = body.subarray(records.length === 0 && broken.length === 0 ? 0 : from + (rest ?? end - from))
      const next = rest === undefined ? undefined : begin(body.subarray(from + rest), atMillis)
      if (next !== undefined) return keep(next, records, [...giveUp(), ...broken])
      // A wrong part may be the end of a record whose beginning is lost: the records after it are whole.
      const after = broken.length < mostRecoveries ? nextRecord(wrong) : undefined
      broken.push(
        brokenOf(
          reason === "" ? "not JSON: an array that does not end" : reason,
          after === undefined ? wrong : wrong.subarray(0, after - 1)
        )
      )
      if (after === undefined) return { records, broken: [...expire(atMillis), ...broken] }
      from = wrong.byteOffset - body.byteOffset + after
    }
  }

  const expire = (nowMillis: number): ReadonlyArray<Broken> =>
    cut !== undefined && nowMillis - cut.atMillis >= longestWaitMillis ? giveUp() : nothing

  return {
    push: (bytes, nowMillis) => {
      const body = trim(bytes)
      const joined = cut === undefined ? undefined : join(cut, body, nowMillis)
      if (joined !== undefined) return joined
      const whole = readWhole(body)
      if (whole !== undefined) return { records: nothing, whole, broken: expire(nowMillis) }
      if (body[0] === openArray) return readArray(body, nowMillis)
      const broken = expire(nowMillis)
      const value = readValue(body)
      if (typeof value === "string") return { records: nothing, broken: [...broken, brokenOf(value, body)] }
      if (body[0] === openObject) return { records: [value], broken }
      return {
        records: nothing,
        broken: [...broken, brokenOf("JSON, but neither an array nor an object", body)]
      }
    },
    close: () => ({ records: nothing, broken: giveUp() })
  }
}
