// JSON. Superfluous when LLRT's own parser keeps half of a surrogate pair, `__proto__`, and numbers beyond all bounds,
// throws SyntaxError, calls the reviver, and does not end the process at some ten thousand levels. -0 is 0, as LLRT reads it.
import { define, native } from "./native.mjs"

const escapes = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }
const numberSyntax = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** Reads JSON as the language does. It is slower than LLRT's parser, so it has only the texts that the other reads wrong. */
const parseExactly = (text) => {
  let at = 0
  const fail = () => {
    const what = at < text.length ? `Unexpected token ${JSON.stringify(text[at])}` : "Unexpected end of JSON input"
    throw new SyntaxError(`${what} at position ${at}`)
  }
  const skip = () => {
    while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++
  }
  const word = (expected, value) => {
    if (!text.startsWith(expected, at)) fail()
    at += expected.length
    return value
  }
  const string = () => {
    if (text[at] !== '"') fail()
    let result = ""
    for (let from = ++at; ; at++) {
      if (text[at] === '"') {
        result += text.slice(from, at++)
        return result
      }
      if (text[at] === "\\") {
        result += text.slice(from, at++)
        if (text[at] === "u" && /^[\da-f]{4}$/i.test(text.slice(at + 1, at + 5))) {
          result += String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 5), 16))
          at += 4
        } else if (Object.hasOwn(escapes, text[at])) {
          result += escapes[text[at]]
        } else fail()
        from = at + 1
      } else if (at >= text.length || text[at] < " ") fail()
    }
  }
  const list = (end, item) => {
    at++
    skip()
    if (text[at] === end) return void at++
    for (;;) {
      item()
      skip()
      if (text[at] === end) return void at++
      if (text[at] !== ",") fail()
      at++
    }
  }
  const value = () => {
    skip()
    switch (text[at]) {
      case "{": {
        const object = {}
        list("}", () => {
          skip()
          const key = string()
          skip()
          if (text[at] !== ":") fail()
          at++
          Object.defineProperty(object, key, { configurable: true, enumerable: true, value: value(), writable: true })
        })
        return object
      }
      case "[": {
        const array = []
        list("]", () => array.push(value()))
        return array
      }
      case '"':
        return string()
      case "t":
        return word("true", true)
      case "f":
        return word("false", false)
      case "n":
        return word("null", null)
      default: {
        numberSyntax.lastIndex = at
        const digits = numberSyntax.exec(text)
        if (digits === null) fail()
        at += digits[0].length
        return Number(digits[0])
      }
    }
  }
  const result = value()
  skip()
  if (at < text.length) fail()
  return result
}

const revive = (holder, key, reviver) => {
  const value = holder[key]
  if (typeof value === "object" && value !== null) {
    for (const name of Object.keys(value)) {
      const revived = revive(value, name, reviver)
      if (revived === undefined) delete value[name]
      else Object.defineProperty(value, name, { configurable: true, enumerable: true, value: revived, writable: true })
    }
  }
  return reviver.call(holder, key, value)
}

/** Fewer levels than those at which LLRT overflows the stack that the entry of a layer gives it. */
const deepest = 50_000

/** More brackets than levels that are allowed. */
const hasManyBrackets = (text) => {
  let brackets = 0
  for (const bracket of "[{") {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      if (++brackets > deepest) return true
    }
  }
  return false
}

/** Behind a text. A quote behind an odd number of backslashes does not end it. */
const endOfText = (text, start) => {
  for (let at = text.indexOf('"', start); at !== -1; at = text.indexOf('"', at + 1)) {
    let before = at
    while (text[before - 1] === "\\") before--
    if ((at - before) % 2 === 0) return at
  }
  return text.length
}

const isTooDeep = (text) => {
  if (text.length < 2 * deepest || !hasManyBrackets(text)) return false
  let level = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x22) at = endOfText(text, at + 1)
    else if (code === 0x5b || code === 0x7b) {
      if (++level > deepest) return true
    } else if (code === 0x5d || code === 0x7d) level--
  }
  return false
}

const halfPair = /\\u[dD][89a-fA-F]/

const parse = (text) => {
  if (isTooDeep(text)) throw new RangeError(`JSON with more than ${deepest} levels`)
  if ((text.includes("\\u") && halfPair.test(text)) || text.includes("__proto__")) return parseExactly(text)
  try {
    return native.parse(text)
  } catch {
    return parseExactly(text)
  }
}

// LLRT's own reads the text by its parser.
define(Response.prototype, "json", function json() {
  return this.text().then((text) => JSON.parse(text))
})

define(JSON, "parse", (text, reviver) => {
  const value = parse(String(text))
  return typeof reviver === "function" ? revive({ "": value }, "", reviver) : value
})
