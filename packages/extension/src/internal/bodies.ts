/**
 * HTTP bodies of the Telemetry API to the records in them, not yet decoded.
 *
 * Lambda cuts a record that is longer than `maxBytes` of the subscription: one
 * POST ends in the middle of the record, closed by `}]`, and the next one
 * begins with the same `[{"time":…,"type":…,"record":` and goes on with the
 * bytes that are missing, over as many POSTs as it takes (spec section 3.3).
 */
import { copy, inArray, type Prefix, read } from "./jsonPrefix.ts"

/** What a body gave: its records as they came, and texts that are none. */
export interface Parsed {
  readonly records: ReadonlyArray<unknown>
  /**
   * Of the records, as they came: a cut one counts with all its pieces, in the body that completes it. With what is broken
   * where that stands between them.
   */
  readonly bytes: number
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
const noRecords = { records: nothing, bytes: 0 }

// Every JavaScript runtime has it, but only the types of the DOM and of Node say so.
declare const TextDecoder: new () => { readonly decode: (bytes: Uint8Array) => string }

const decoder = new TextDecoder()

const bracket = 0x5b
const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Without byte order mark and white space around it. */
const trim = (bytes: Uint8Array): Uint8Array => {
  let from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  let to = bytes.length
  while (isSpace(bytes[from])) from++
  while (to > from && isSpace(bytes[to - 1])) to--
  return bytes.subarray(from, to)
}

const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

const isFramed = (bytes: Uint8Array) => bytes[bytes.length - 2] === 0x7d && bytes[bytes.length - 1] === 0x5d

const parseArray = (text: string): ReadonlyArray<unknown> | undefined => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The elements of an array that is given without its brackets. */
const parseElements = (pieces: ReadonlyArray<Uint8Array>) => parseArray(`[${decoder.decode(concat(pieces))}]`)

// Printable ASCII: as long in bytes as in characters.
const envelopeOf = (event: Uint8Array): string | undefined =>
  /^\{"time":"[ !#-~]*","type":"[ !#-~]*","record":/.exec(decoder.decode(event.subarray(0, 512)))?.[0]

const brokenOf = (reason: string, bytes: Uint8Array): Broken => ({
  reason,
  text: decoder.decode(bytes.subarray(0, longestText))
})

/**
 * Bodies in the order they come. Nothing here throws.
 *
 * `push` returns the records of a body. Of a cut body it returns the whole
 * records before the cut, and keeps the cut one until the rest has come; it
 * comes out as broken when it has grown beyond `maxBytes`, when another record
 * is cut, or when a body that does not continue it arrives later than a second
 * after its last piece. That is judged only then: a process may be frozen for
 * hours between two pieces.
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

  /** Keeps the cut record; `whole`: what came before it. */
  const keep = (next: Cut, whole: Omit<Parsed, "broken">, broken: ReadonlyArray<Broken>): Parsed => {
    cut = next
    if (next.bytes <= options.maxBytes) return { ...whole, broken }
    cut = undefined
    const reason = `a record that Lambda cut in pieces is longer than ${options.maxBytes} bytes`
    return { ...whole, broken: [...broken, brokenOf(reason, concat(next.pieces))] }
  }

  /** The body as the next piece of the cut record, if it is that. */
  const join = (first: Cut, bytes: Uint8Array, atMillis: number): Parsed | undefined => {
    const body = trim(bytes)
    const start = `[${first.envelope}`
    if (!isFramed(body) || decoder.decode(body.subarray(0, start.length)) !== start) return undefined
    const rest = body.subarray(start.length)
    const framed = rest.length - 2
    const prefix = copy(first.prefix)
    const { comma, valid } = read(prefix, rest, 0, framed)
    if (!valid) return undefined

    const end = copy(prefix)
    if (read(end, rest, framed, rest.length).valid && end.expects === "done") {
      const records = parseElements([...first.pieces, rest.subarray(0, rest.length - 1)])
      if (records === undefined) return undefined
      cut = undefined
      return { records, bytes: first.bytes + rest.length, broken: nothing }
    }
    if (comma === -1) {
      first.pieces.push(new Uint8Array(rest.subarray(0, framed)))
      return keep({ ...first, prefix, bytes: first.bytes + framed, atMillis }, noRecords, nothing)
    }
    const records = parseElements([...first.pieces, rest.subarray(0, comma)])
    const piece = new Uint8Array(rest.subarray(comma + 1, framed))
    const envelope = envelopeOf(piece)
    if (records === undefined || envelope === undefined) return undefined
    const whole = { records, bytes: first.bytes + comma }
    return keep({ pieces: [piece], envelope, prefix, bytes: piece.length, atMillis }, whole, nothing)
  }

  /** A body that is no JSON: its whole records; the rest is the beginning of a cut record, or broken. */
  const salvage = (bytes: Uint8Array, atMillis: number, reason: string): Parsed => {
    const body = trim(bytes)
    if (body[0] !== bracket) return { ...noRecords, broken: [...expire(atMillis), brokenOf(reason, body)] }
    const elements = body.subarray(1)
    const framed = isFramed(elements) ? elements.length - 2 : elements.length
    const prefix = inArray()
    const { comma, valid } = read(prefix, elements, 0, framed)
    const records = comma === -1 ? nothing : parseElements([elements.subarray(0, comma)])
    if (records === undefined) return { ...noRecords, broken: [...expire(atMillis), brokenOf(reason, body)] }

    const piece = new Uint8Array(elements.subarray(comma + 1, framed))
    const envelope = envelopeOf(piece)
    if (valid && framed < elements.length && prefix.open.length > 1 && envelope !== undefined) {
      const whole = { records, bytes: Math.max(0, comma) }
      return keep({ pieces: [piece], envelope, prefix, bytes: piece.length, atMillis }, whole, giveUp())
    }
    // The end of a record whose beginning is lost, say: what follows it is whole.
    const wrong = decoder.decode(elements.subarray(comma + 1))
    const next = wrong.indexOf('},{"time":')
    const after = next === -1 ? undefined : parseArray(`[${wrong.slice(next + 2)}`)
    return {
      records: after === undefined ? records : [...records, ...after],
      bytes: body.length,
      broken: [...expire(atMillis), brokenOf(reason, comma === -1 ? body : elements.subarray(comma + 1))]
    }
  }

  const expire = (nowMillis: number): ReadonlyArray<Broken> =>
    cut !== undefined && nowMillis - cut.atMillis >= longestWaitMillis ? giveUp() : nothing

  return {
    push: (bytes, nowMillis) => {
      const joined = cut === undefined ? undefined : join(cut, bytes, nowMillis)
      if (joined !== undefined) return joined
      let body: unknown
      try {
        body = JSON.parse(decoder.decode(bytes))
      } catch (error) {
        return salvage(bytes, nowMillis, `not JSON: ${error instanceof Error ? error.message : String(error)}`)
      }
      const broken = expire(nowMillis)
      if (Array.isArray(body)) return { records: body, bytes: bytes.length, broken }
      if (typeof body === "object" && body !== null) return { records: [body], bytes: bytes.length, broken }
      return {
        ...noRecords,
        broken: [...broken, brokenOf("JSON, but neither an array nor an object", bytes)]
      }
    },
    close: () => ({ ...noRecords, broken: giveUp() })
  }
}
