// Buffer. Superfluous when `indexOf` takes a text, `latin1` and `ascii` are not read as UTF-8, there is `base64url`, a part
// may end at `undefined`, `copy` takes a microsecond and not a millisecond for 16 KB, and `equals`, `compare` and the methods for
// 64 bits exist.
import { define, native } from "./native.mjs"

const isLatin1 = (encoding) => encoding === "latin1" || encoding === "binary"
const beyondAscii = /[^\0-\x7f]/

export const base64url = (base64) => base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")

Buffer.from = (value, ...rest) => {
  // LLRT reads both alphabets as base64.
  if (rest[0] === "base64url") return native.bufferFrom(value, "base64")
  if (typeof value !== "string" || !isLatin1(rest[0]) || !beyondAscii.test(value))
    return native.bufferFrom(value, ...rest)
  const bytes = Buffer.alloc(value.length)
  for (let at = 0; at < value.length; at++) bytes[at] = value.charCodeAt(at)
  return bytes
}

const bytesOf = (value, encoding) => (typeof value === "string" ? Buffer.from(value, encoding) : value)

const search = (bytes, wanted, from) => {
  if (wanted.length === 0) return Math.min(from, bytes.length)
  const indexOf = Uint8Array.prototype.indexOf
  for (let at = indexOf.call(bytes, wanted[0], from); at !== -1; at = indexOf.call(bytes, wanted[0], at + 1)) {
    let same = 1
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++
    if (same === wanted.length) return at
  }
  return -1
}

const compare = (one, other) => {
  const shorter = Math.min(one.length, other.length)
  for (let at = 0; at < shorter; at++) {
    if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1
  }
  return Math.sign(one.length - other.length)
}

const bufferMethods = {
  copy(target, targetStart = 0, start = 0, end = this.length) {
    const part = this.subarray(start, Math.min(end, start + Math.max(0, target.length - targetStart)))
    target.set(part, targetStart)
    return part.length
  },
  subarray(start = 0, end = this.length) {
    return native.bufferSubarray.call(this, start, end)
  },
  slice(start = 0, end = this.length) {
    return native.bufferSubarray.call(this, start, end)
  },
  toString(encoding, start = 0, end = this.length) {
    if (encoding === "base64url") return base64url(this.toString("base64", start, end))
    const text = native.bufferToString.call(this, encoding ?? "utf8", start, end)
    const mask = encoding === "ascii" ? 0x7f : isLatin1(encoding) ? 0xff : undefined
    if (mask === undefined || !beyondAscii.test(text)) return text
    let exact = ""
    for (const byte of this.subarray(start, end)) exact += String.fromCharCode(byte & mask)
    return exact
  },
  indexOf(value, from = 0, encoding = undefined) {
    if (typeof value === "number") return Uint8Array.prototype.indexOf.call(this, value & 255, from)
    if (typeof from === "string") return this.indexOf(value, 0, from)
    return search(this, bytesOf(value, encoding), from < 0 ? Math.max(0, this.length + from) : from)
  },
  includes(value, from, encoding) {
    return this.indexOf(value, from, encoding) !== -1
  },
  equals(other) {
    return this.length === other.length && compare(this, other) === 0
  },
  compare(other) {
    return compare(this, other)
  },
  toJSON() {
    return { type: "Buffer", data: Array.from(this) }
  }
}
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
for (const [end, isLittle] of Object.entries({ BE: false, LE: true })) {
  for (const [kind, of] of Object.entries({ BigInt64: "BigInt64", BigUInt64: "BigUint64", BigUint64: "BigUint64" })) {
    bufferMethods[`read${kind}${end}`] = function (at = 0) {
      return viewOf(this)[`get${of}`](at, isLittle)
    }
    bufferMethods[`write${kind}${end}`] = function (value, at = 0) {
      viewOf(this)[`set${of}`](at, value, isLittle)
      return at + 8
    }
  }
}
for (const [name, method] of Object.entries(bufferMethods)) define(Buffer.prototype, name, method)
Buffer.compare = compare
