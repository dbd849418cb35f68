/**
 * The error of Go's `encoding/json` for text that is not JSON (docs/protocol.md#gos-words-about-json). Its scanner
 * names the character and what it was looking for; at the end of the text it tries a space before it says that the
 * input ended.
 */

const ended = "unexpected end of JSON input"

const escapes: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "'": "\\'",
  "\\": "\\\\"
}

/** Go looks at bytes, so it names the first byte of a character beyond ASCII. */
const quote = (character: string): string => {
  const byte = Buffer.from(character)[0] ?? 0
  const escaped = escapes[character]
  if (escaped !== undefined) return `'${escaped}'`
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, "0")}'`
  return `'${String.fromCodePoint(byte)}'`
}

const literals: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" }

const maxDepth = 10_000

const isDigit = (character: string): boolean => character >= "0" && character <= "9"

/** The text of the error; `undefined` when the text is JSON. */
export const goSyntaxError = (text: string): string | undefined => {
  let at = 0
  /** The objects and lists around the current place. */
  const open: Array<"{" | "["> = []

  const peek = (): string => text.charAt(at)
  const fail = (context: string): string => `invalid character ${quote(peek() || " ")} ${context}`
  const skipSpace = (): void => {
    while (at < text.length && " \t\r\n".includes(peek())) at++
  }
  const skipDigits = (): void => {
    while (isDigit(peek())) at++
  }

  const literal = (word: string): string | undefined => {
    for (const letter of word) {
      if (peek() !== letter) return fail(`in literal ${word} (expecting '${letter}')`)
      at++
    }
    return undefined
  }

  const string = (): string | undefined => {
    for (at++; peek() !== '"'; at++) {
      if (at >= text.length) return ended
      if (peek() < " ") return fail("in string literal")
      if (peek() !== "\\") continue
      at++
      if (peek() === "u") {
        for (let digit = 0; digit < 4; digit++) {
          at++
          if (!/^[0-9a-fA-F]$/.test(peek())) return fail("in \\u hexadecimal character escape")
        }
      } else if (!/^[bfnrt\\/"]$/.test(peek())) return fail("in string escape code")
    }
    at++
    return undefined
  }

  const number = (): string | undefined => {
    if (peek() === "-") at++
    if (!isDigit(peek())) return fail("in numeric literal")
    if (peek() === "0") at++
    else skipDigits()
    if (peek() === ".") {
      at++
      if (!isDigit(peek())) return fail("after decimal point in numeric literal")
      skipDigits()
    }
    if (peek() === "e" || peek() === "E") {
      at++
      if (peek() === "+" || peek() === "-") at++
      if (!isDigit(peek())) return fail("in exponent of numeric literal")
      skipDigits()
    }
    return undefined
  }

  const key = (): string | undefined => {
    skipSpace()
    if (at >= text.length) return ended
    if (peek() !== '"') return fail("looking for beginning of object key string")
    const error = string()
    if (error !== undefined) return error
    skipSpace()
    if (at >= text.length) return ended
    if (peek() !== ":") return fail("after object key")
    at++
    return undefined
  }

  /** Reads a value to its end, or through the beginnings of objects and lists to the end of their first part. */
  const value = (): string | undefined => {
    for (;;) {
      skipSpace()
      const first = peek()
      if (first === "") return ended
      if (first === '"') return string()
      if (first === "-" || isDigit(first)) return number()
      const word = literals[first]
      if (word !== undefined) return literal(word)
      if (first !== "{" && first !== "[") return fail("looking for beginning of value")
      if (open.length >= maxDepth) return fail("exceeded max depth")
      at++
      skipSpace()
      if (peek() === (first === "{" ? "}" : "]")) {
        at++
        return undefined
      }
      open.push(first)
      const error = first === "{" ? key() : undefined
      if (error !== undefined) return error
    }
  }

  let error = value()
  while (error === undefined) {
    skipSpace()
    const around = open.at(-1)
    if (around === undefined) return at < text.length ? fail("after top-level value") : undefined
    if (at >= text.length) return ended
    const last = peek()
    at++
    if (last === ",") error = around === "{" ? (key() ?? value()) : value()
    else if (last === (around === "{" ? "}" : "]")) open.pop()
    else {
      at--
      error = fail(around === "{" ? "after object key:value pair" : "after array element")
    }
  }
  return error
}
