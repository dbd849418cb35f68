/** Tells a JSON array that was cut off from a text that is not JSON. */

/**
 * How far a JSON array has been read, byte by byte: enough of JSON to tell a
 * text that was cut from a text that is wrong. This reader serves only texts that
 * `JSON.parse` refuses, and accepts a little more than JSON (`nul`, `1.2.3`).
 */
export interface Prefix {
  /** The brackets that are open, as bytes; the array itself is the first. */
  readonly open: Array<number>
  expects: "value" | "valueOrEnd" | "key" | "keyOrEnd" | "colon" | "comma" | "literal" | "string" | "keyString" | "done"
  isEscaped: boolean
}

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openArray = 0x5b
const backslash = 0x5c
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

// Lambda cuts log records. A text that is nested deeper is not a log, and a copy of its open brackets costs time.
const deepest = 65_536

/** The state after the `[` of an array. */
export const inArray = (): Prefix => ({ open: [openArray], expects: "valueOrEnd", isEscaped: false })

export const copy = (prefix: Prefix): Prefix => ({ ...prefix, open: [...prefix.open] })

const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

// The characters of numbers, true, false and null.
const literals = new Set(Array.from("0123456789+-.Eaeflnrstu", (character) => character.charCodeAt(0)))

/**
 * Reads on, from `from` to `to`.
 *
 * `valid`: whether JSON may go on like this. `comma`: the last comma between
 * two elements of the array itself, -1 if there is none; the elements before
 * it are whole. Both ignore the bytes after a fault.
 */
export const read = (
  prefix: Prefix,
  bytes: Uint8Array,
  from: number,
  to: number
): { readonly valid: boolean; readonly comma: number } => {
  const { open } = prefix
  let lastComma = -1
  const close = (bracket: number): boolean => {
    if (open.pop() !== bracket) return false
    prefix.expects = open.length === 0 ? "done" : "comma"
    return true
  }
  const step = (byte: number, at: number): boolean => {
    switch (prefix.expects) {
      case "value":
      case "valueOrEnd":
        if (byte === quote) prefix.expects = "string"
        else if (literals.has(byte)) prefix.expects = "literal"
        else if (byte === openObject || byte === openArray) {
          if (open.length === deepest) return false
          open.push(byte)
          prefix.expects = byte === openObject ? "keyOrEnd" : "valueOrEnd"
        } else return byte === closeArray && prefix.expects === "valueOrEnd" && close(openArray)
        return true
      case "key":
      case "keyOrEnd":
        if (byte === closeObject) return prefix.expects === "keyOrEnd" && close(openObject)
        prefix.expects = "keyString"
        return byte === quote
      case "colon":
        prefix.expects = "value"
        return byte === colon
      case "comma":
        if (byte === closeArray) return close(openArray)
        if (byte === closeObject) return close(openObject)
        if (byte !== comma) return false
        if (open.length === 1) lastComma = at
        prefix.expects = open[open.length - 1] === openObject ? "key" : "value"
        return true
      default:
        return false
    }
  }

  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0
    if (prefix.expects === "string" || prefix.expects === "keyString") {
      if (prefix.isEscaped) prefix.isEscaped = false
      else if (byte === backslash) prefix.isEscaped = true
      else if (byte === quote) prefix.expects = prefix.expects === "string" ? "comma" : "colon"
      else if (byte < 0x20) return { valid: false, comma: lastComma }
      continue
    }
    if (prefix.expects === "literal") {
      if (literals.has(byte)) continue
      prefix.expects = "comma"
    }
    if (!isSpace(byte) && !step(byte, at)) return { valid: false, comma: lastComma }
  }
  return { valid: true, comma: lastComma }
}
