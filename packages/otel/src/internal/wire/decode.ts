/** A message of OTLP as the object that its JSON has, from bytes that a walk has found right that read everything. */
import type { Field, Message } from "./schema.ts"

/** A value of JSON. The names of its fields are those of the tables. */
export type Value = string | number | boolean | Decoded | Array<Value>

export interface Decoded {
  [name: string]: Value
}

class Decoder {
  // A mark at the beginning is a part of the text.
  readonly #text = new TextDecoder("utf-8", { ignoreBOM: true })
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number

  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = from
  }

  /** Adds the fields up to `end` to those that a message has already: a message that comes in parts is one. */
  message(message: Message, end: number, into: Decoded): Decoded {
    while (this.#at < end) {
      const tag = Number(this.#varint())
      const field = message.byNumber[tag >>> 3]
      const wireType = tag & 7
      if (field === undefined) this.#skip(wireType)
      else if (!field.isRepeated) into[field.name] = this.#value(field, into[field.name])
      else {
        const known = into[field.name]
        const list = Array.isArray(known) ? known : []
        into[field.name] = list
        if (wireType !== 2 || field.wireType === 2) list.push(this.#value(field))
        else for (const to = this.#length(); this.#at < to;) list.push(this.#value(field))
      }
    }
    return into
  }

  #skip(wireType: number): void {
    if (wireType === 0) this.#varint()
    else if (wireType === 2) this.#at = this.#length()
    else this.#at += wireType === 1 ? 8 : 4
  }

  /** The end of the bytes whose length comes next. */
  #length(): number {
    const length = Number(this.#varint())
    return this.#at + length
  }

  #value(field: Field, known?: Value): Value {
    switch (field.type) {
      case "message": {
        const to = this.#length()
        const isOne = typeof known === "object" && !Array.isArray(known)
        return field.message === undefined ? {} : this.message(field.message, to, isOne ? known : {})
      }
      case "string":
        return this.#text.decode(this.#delimited())
      case "bytes":
        return this.#written("base64")
      case "traceId":
      case "spanId":
        return this.#written("hex")
      case "bool":
        return this.#varint() !== 0n
      case "enum":
        return Number(BigInt.asIntN(32, this.#varint()))
      case "uint32":
        return Number(BigInt.asUintN(32, this.#varint()))
      case "sint32": {
        const value = BigInt.asUintN(32, this.#varint())
        return Number((value >> 1n) ^ -(value & 1n))
      }
      case "int64":
        return BigInt.asIntN(64, this.#varint()).toString()
      case "uint64":
        return this.#varint().toString()
      case "fixed32":
        this.#at += 4
        return this.#view.getUint32(this.#at - 4, true)
      case "fixed64":
        this.#at += 8
        return this.#view.getBigUint64(this.#at - 8, true).toString()
      case "sfixed64":
        this.#at += 8
        return this.#view.getBigInt64(this.#at - 8, true).toString()
      case "double": {
        this.#at += 8
        const value = this.#view.getFloat64(this.#at - 8, true)
        // JSON has no number for NaN and for the infinities, and `JSON.stringify` no sign for -0.
        return Number.isFinite(value) ? value : String(value)
      }
    }
  }

  #written(encoding: "base64" | "hex"): string {
    const { buffer, byteOffset, length } = this.#delimited()
    return Buffer.from(buffer, byteOffset, length).toString(encoding)
  }

  #delimited(): Uint8Array {
    const to = this.#length()
    const bytes = this.#bytes.subarray(this.#at, to)
    this.#at = to
    return bytes
  }

  #varint(): bigint {
    let small = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#at++] ?? 0
      small |= (byte & 0x7f) << shift
      if (byte < 0x80) return BigInt(small)
    }
    let value = BigInt(small)
    for (let shift = 28n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
  }
}

/** @param bytes a message that the walk has found right, between the offsets */
export const decode = (message: Message, bytes: Uint8Array, from = 0, to = bytes.length): Decoded =>
  new Decoder(bytes, from).message(message, to, {})
