/** Reads JSON of a stranger: with a bound of its depth, and with every digit of its integers. */
import * as Result from "effect/Result"

/** Four for each message that may be nested: no request of OTLP that can be read is deeper. */
const deepest = 400

/** An integer with more digits may not be exact as a number. */
const exactDigits = 15

const quote = 0x22
const backslash = 0x5c

const isOpening = (byte: number | undefined) => byte === 0x5b || byte === 0x7b
const isClosing = (byte: number | undefined) => byte === 0x5d || byte === 0x7d
const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39

/** `JSON.parse` takes fifty bytes of memory for each bracket of a body that never closes any. */
const survey = (bytes: Uint8Array) => {
  let depth = 0
  let isTooDeep = false
  let digits = 0
  let hasLongNumber = false
  for (let at = 0; at < bytes.length && !isTooDeep; at++) {
    const byte = bytes[at] ?? 0
    digits = isDigit(byte) ? digits + 1 : 0
    if (digits > exactDigits) hasLongNumber = true
    if (byte === quote) {
      for (at++; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++
    } else if (isOpening(byte)) isTooDeep = ++depth > deepest
    else if (isClosing(byte)) depth--
  }
  return { isTooDeep, hasLongNumber }
}

/** An integer that a number cannot hold is its text. */
const exactly = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
  Number.isInteger(value) && !Number.isSafeInteger(value) ? (context?.source ?? value) : value

const parse = (bytes: Uint8Array, hasLongNumber: boolean): unknown => {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  return hasLongNumber ? JSON.parse(text, exactly) : JSON.parse(text)
}

/** The failure has nothing of the body in it, which may hold secrets. */
export const parseJson = (bytes: Uint8Array): Result.Result<unknown, string> => {
  const { hasLongNumber, isTooDeep } = survey(bytes)
  if (isTooDeep) return Result.fail(`its JSON is nested deeper than ${deepest} levels`)
  try {
    return Result.succeed(parse(bytes, hasLongNumber))
  } catch {
    return Result.fail("it is not JSON, or not UTF-8")
  }
}
