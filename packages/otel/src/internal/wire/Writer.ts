/** Writes the wire format of protobuf from its end to its beginning: the length of a message is known when it is needed. */

const encoder = /*#__PURE__*/ new TextEncoder()

export class Writer {
  #bytes = new Uint8Array(1024)
  /** The begin of the bytes that were written. */
  #at = this.#bytes.length

  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** All that was written. The bytes are not used for anything else. */
  get written(): Uint8Array {
    return this.#bytes.slice(this.#at)
  }

  tag(number: number, wireType: number): void {
    this.varint(BigInt(number * 8 + wireType))
  }

  /** A negative number is written in 64 bits, as protobuf does. */
  varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value)
    const reversed: Array<number> = []
    for (; rest > 0x7fn; rest >>= 7n) reversed.push(Number(rest & 0x7fn) | 0x80)
    reversed.push(Number(rest))
    this.bytes(Uint8Array.from(reversed))
  }

  fixed32(value: number): void {
    this.#reserve(4).setUint32(0, value, true)
  }

  fixed64(value: bigint): void {
    this.#reserve(8).setBigUint64(0, value, true)
  }

  double(value: number): void {
    this.#reserve(8).setFloat64(0, value, true)
  }

  string(text: string): void {
    this.bytes(encoder.encode(text))
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
  }

  /** The next bytes towards the beginning. */
  #reserve(length: number): DataView {
    if (length > this.#at) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + length))
      const at = larger.length - this.length
      larger.set(this.#bytes.subarray(this.#at), at)
      this.#bytes = larger
      this.#at = at
    }
    this.#at -= length
    return new DataView(this.#bytes.buffer, this.#at, length)
  }
}
