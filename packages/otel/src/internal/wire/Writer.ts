/** Writes the wire format of protobuf from its end to its beginning: the length of a message is known when it is needed. */

const encoder = /*#__PURE__*/ new TextEncoder()

// A loop over the characters of a short text is faster than a call of the encoder.
const shortText = 200

export const wireVarint = 0
export const wireFixed64 = 1
const wireDelimited = 2
export const wireFixed32 = 5

export class Writer {
  #bytes = new Uint8Array(16_384)
  #view = new DataView(this.#bytes.buffer)
  #at = this.#bytes.length

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

  double(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
  }

  string(value: string): void {
    if (!this.#ascii(value)) this.bytes(encoder.encode(value))
  }

  /** Whether a text is short and has a byte for each character, and is written. */
  #ascii(value: string): boolean {
    if (value.length > shortText) return false
    this.#reserve(value.length)
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index)
      if (unit > 0x7f) {
        this.#at += value.length
        return false
      }
      this.#bytes[this.#at + index] = unit
    }
    return true
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
  }

  hex(digits: string): void {
    const size = digits.length / 2
    this.#reserve(size)
    for (let index = 0; index < size; index++) {
      this.#bytes[this.#at + index] = Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16)
    }
  }

  /** The length and the tag of a message: all that was written since this length. */
  end(field: number, before: number): void {
    this.varint(this.length - before)
    this.tag(field, wireDelimited)
  }
}
