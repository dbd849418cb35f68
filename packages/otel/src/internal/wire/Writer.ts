/** Writes the wire format of protobuf from its end to its beginning: the length of a message is known when it is needed. */

const encoder = /*#__PURE__*/ new TextEncoder()

// A loop over the characters of a short text is faster than a call of the encoder.
const shortText = 300

/** The value of each hexadecimal digit, by its character. */
const hexDigits = /*#__PURE__*/ (() => {
  const values = new Uint8Array(128)
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16)
    values[digit.charCodeAt(0)] = value
    values[digit.toUpperCase().charCodeAt(0)] = value
  }
  return values
})()

const secondsLength = 10
const nanosPerSecond = 1_000_000_000

export const wireVarint = 0
export const wireFixed64 = 1
const wireDelimited = 2
export const wireFixed32 = 5

export class Writer {
  #bytes = new Uint8Array(65_536)
  #view = new DataView(this.#bytes.buffer)
  #at = this.#bytes.length
  /** The last digits of nanoseconds, and the halves of their number. */
  #digits = ""
  #low = 0
  #high = 0

  /** How many bytes were written. */
  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** All that was written. The bytes are not used for anything else. */
  get written(): Uint8Array {
    return this.#bytes.slice(this.#at)
  }

  #reserve(length: number): void {
    if (length > this.#at) {
      const larger = new Uint8Array(2 * this.#bytes.length + length)
      const at = larger.length - this.length
      larger.set(this.#bytes.subarray(this.#at), at)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
      this.#at = at
    }
    this.#at -= length
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1)
      this.#bytes[this.#at] = value
      return
    }
    let size = 1
    for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++
    this.#reserve(size)
    const last = this.#at + size - 1
    let rest = value
    for (let at = this.#at; at < last; at++) {
      this.#bytes[at] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[last] = rest
  }

  /** A number of 64 bits, as protobuf writes negative ones too. */
  varint64(value: bigint): void {
    const low: Array<number> = []
    let rest = BigInt.asUintN(64, value)
    for (; rest > 0x7fn; rest >>= 7n) low.push(Number(rest & 0x7fn) | 0x80)
    low.push(Number(rest))
    this.#reserve(low.length)
    this.#bytes.set(low, this.#at)
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType)
  }

  fixed32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#at, value, true)
  }

  fixed64(value: bigint): void {
    this.#reserve(8)
    this.#view.setBigUint64(this.#at, value, true)
  }

  /** The number of nanoseconds since 1970 in these digits. Those of this century need no arithmetic on 64 bits. */
  nanos(digits: string): void {
    if (digits === this.#digits) {
      this.#reserve(8)
      this.#view.setUint32(this.#at, this.#low, true)
      this.#view.setUint32(this.#at + 4, this.#high, true)
      return
    }
    if (digits.length !== secondsLength + 9) return this.fixed64(BigInt(digits))
    const seconds = digitsFrom(digits, 0, secondsLength)
    const nanos = digitsFrom(digits, secondsLength, digits.length)
    if (seconds < 0 || nanos < 0) return this.fixed64(BigInt(digits))
    // In halves of the seconds, so that each product is exact.
    const high = Math.floor(seconds / 0x1_0000) * nanosPerSecond
    const low = (seconds % 0x1_0000) * nanosPerSecond + nanos + (high % 0x1_0000) * 0x1_0000
    this.#digits = digits
    this.#low = low % 0x1_0000_0000
    this.#high = Math.floor(high / 0x1_0000) + Math.floor(low / 0x1_0000_0000)
    this.nanos(digits)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
  }

  string(value: string): void {
    if (value.length > shortText) return this.bytes(encoder.encode(value))
    // The most that it can take. From the last character to the first one, the text ends where the bytes begin.
    this.#reserve(3 * value.length)
    const bytes = this.#bytes
    let at = this.#at + 3 * value.length
    for (let index = value.length - 1; index >= 0; index--) {
      const unit = value.charCodeAt(index)
      if (unit < 0x80) {
        bytes[--at] = unit
        continue
      }
      let code = unit
      if (unit >= 0xd800 && unit < 0xe000) {
        const before = unit >= 0xdc00 && index > 0 ? value.charCodeAt(index - 1) : 0
        // A half of a pair alone is written as the encoder writes it.
        code = before >= 0xd800 && before < 0xdc00 ? 0x10000 + ((before - 0xd800) << 10) + (unit - 0xdc00) : 0xfffd
        if (code > 0xffff) index--
      }
      bytes[--at] = (code & 0x3f) | 0x80
      if (code < 0x800) {
        bytes[--at] = (code >> 6) | 0xc0
        continue
      }
      bytes[--at] = ((code >> 6) & 0x3f) | 0x80
      if (code < 0x10000) {
        bytes[--at] = (code >> 12) | 0xe0
        continue
      }
      bytes[--at] = ((code >> 12) & 0x3f) | 0x80
      bytes[--at] = (code >> 18) | 0xf0
    }
    this.#at = at
  }

  /** The bytes that were written since this length. */
  since(before: number): Uint8Array {
    return this.#bytes.slice(this.#at, this.#bytes.length - before)
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
  }

  hex(digits: string): void {
    const size = digits.length / 2
    this.#reserve(size)
    for (let index = 0; index < size; index++) {
      const [high = 0, low = 0] = [hexDigits[digits.charCodeAt(2 * index)], hexDigits[digits.charCodeAt(2 * index + 1)]]
      this.#bytes[this.#at + index] = high * 16 + low
    }
  }

  /** The length and the tag of a message: all that was written since this length. */
  end(field: number, before: number): void {
    this.varint(this.length - before)
    this.tag(field, wireDelimited)
  }
}

/** The number in the digits from one place to another; -1 if another character is among them. */
const digitsFrom = (text: string, from: number, to: number): number => {
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return -1
    value = 10 * value + digit
  }
  return value
}
