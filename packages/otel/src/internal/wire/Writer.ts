/** Writes the wire format of protobuf from its end to its beginning: the length of a message is known when it is needed. */

const encoder = /*#__PURE__*/ new TextEncoder()

// A loop over the characters of a short text is faster than a call of the encoder.
const shortText = 24

// The encoder writes a text from the begin of a view on.
const viewStep = 4096

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

const nanosPerMilli = 1_000_000

export const wireVarint = 0
export const wireFixed64 = 1
const wireDelimited = 2
export const wireFixed32 = 5

export class Writer {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #at: number
  /** The bytes from each step on: to make a view costs as much as to encode a line. */
  #views: Array<Uint8Array> = []

  /** @param length about as many bytes as are written; more have room as well */
  constructor(length = 4096) {
    this.#bytes = new Uint8Array(length)
    this.#view = new DataView(this.#bytes.buffer)
    this.#at = length
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** All that was written, not copied: nothing is written after it. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#at)
  }

  #reserve(length: number): void {
    if (length > this.#at) {
      const larger = new Uint8Array(2 * this.#bytes.length + length)
      const at = larger.length - this.length
      larger.set(this.#bytes.subarray(this.#at), at)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
      this.#views = []
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
    if (value < 0x4000) {
      this.#reserve(2)
      this.#bytes[this.#at] = (value & 0x7f) | 0x80
      this.#bytes[this.#at + 1] = value >> 7
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

  /** Milliseconds since 1970 as nanoseconds, without arithmetic on 64 bits. */
  millis(value: number): void {
    // In halves of the milliseconds, so that each product is exact. The operator `%` is slow for numbers of this size.
    const upper = Math.floor(value / 0x1_0000)
    const high = upper * nanosPerMilli
    const carried = Math.floor(high / 0x1_0000)
    const low = (value - upper * 0x1_0000) * nanosPerMilli + (high - carried * 0x1_0000) * 0x1_0000
    const over = Math.floor(low / 0x1_0000_0000)
    this.#reserve(8)
    this.#view.setUint32(this.#at, low - over * 0x1_0000_0000, true)
    this.#view.setUint32(this.#at + 4, carried + over, true)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
  }

  string(value: string): void {
    const { length } = value
    if (length <= shortText && this.#ascii(value)) return
    // The most that it can take, and the rest of a step. The text is written into the free bytes before the others, and moved.
    this.#reserve(3 * length + viewStep)
    const index = Math.ceil(this.#at / viewStep)
    const from = index * viewStep
    const end = this.#at + 3 * length + viewStep
    const { written } = encoder.encodeInto(value, (this.#views[index] ??= this.#bytes.subarray(from)))
    this.#at = end - written
    this.#bytes.copyWithin(this.#at, from, from + written)
  }

  /** Writes a text of ASCII; any other text is not written. */
  #ascii(value: string): boolean {
    this.#reserve(value.length)
    const bytes = this.#bytes
    const at = this.#at
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index)
      if (unit >= 0x80) {
        this.#at = at + value.length
        return false
      }
      bytes[at + index] = unit
    }
    return true
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
