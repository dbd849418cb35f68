/**
 * A request of OTLP in JSON, as protobuf. Ids are hexadecimal, integers are numbers or texts, enums are numbers or names, bytes
 * are base64, and fields that the tables do not have are left out.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import * as Result from "effect/Result"
import { deepest, type Field, type Message, requests, type Signal } from "./schema.ts"
import { parseJson } from "./json.ts"
import { Writer } from "./Writer.ts"

/** Caught in {@link encodeJson}. Its text has nothing of the body in it. */
class Wrong extends Error {}

const wrong = ({ name }: Field, what: string) => new Wrong(`its field ${name} is not ${what}`)

/** Longer texts are no numbers of 64 bits. */
const longestNumber = 64

/** The bounds of the types of integers. */
const bounds = {
  uint32: [0n, 2n ** 32n - 1n],
  fixed32: [0n, 2n ** 32n - 1n],
  sint32: [-(2n ** 31n), 2n ** 31n - 1n],
  enum: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n]
} as const

const integerOf = (value: unknown): bigint | undefined => {
  if (typeof value === "string") {
    if (value.length > longestNumber) return undefined
    if (/^-?\d+$/.test(value)) return BigInt(value)
    return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? integerOf(Number(value)) : undefined
  }
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : undefined
}

const integer = (field: Field, type: keyof typeof bounds, value: unknown): bigint => {
  const number = integerOf(value)
  const [least, most] = bounds[type]
  if (number === undefined || number < least || number > most) {
    throw wrong(field, `a whole number from ${least} to ${most}`)
  }
  return number
}

const enumValue = (field: Field, value: unknown): bigint => {
  if (typeof value !== "string" || field.values === undefined) return integer(field, "enum", value)
  const { names, prefix } = field.values
  const index = value.startsWith(prefix) ? names.indexOf(value.slice(prefix.length)) : -1
  if (index === -1) throw wrong(field, "the name of one of its values")
  return BigInt(index)
}

const words: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY]
])

const double = (field: Field, value: unknown): number => {
  const number = words.get(value) ?? (typeof value === "string" && value.trim() !== "" ? Number(value) : value)
  if (typeof number !== "number" || (Number.isNaN(number) && value !== "NaN")) throw wrong(field, "a number")
  return number
}

const text = (field: Field, value: unknown): string => {
  if (typeof value !== "string") throw wrong(field, "a text")
  return value
}

const bytesOf = (field: Field, value: unknown): Uint8Array => {
  const digits = text(field, value).replace(/={1,2}$/, "")
  // Node passes over what is in no alphabet. LLRT reads one alphabet alone.
  if (/[^\w+/-]/.test(digits) || digits.length % 4 === 1) throw wrong(field, "base64")
  const usual = digits.replaceAll("-", "+").replaceAll("_", "/")
  return Buffer.from(usual.padEnd(4 * Math.ceil(usual.length / 4), "="), "base64")
}

const idOf = (field: Field, value: unknown, length: number): string => {
  const id = text(field, value)
  if (/[^\da-f]/i.test(id) || ![0, length].includes(id.length)) throw wrong(field, `${length} hexadecimal digits`)
  return id
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const writeDelimited = (writer: Writer, write: () => void): void => {
  const before = writer.length
  write()
  writer.varint(writer.length - before)
}

const writeValue = (writer: Writer, field: Field, value: unknown, depth: number): void => {
  switch (field.type) {
    case "message": {
      const { message } = field
      if (message === undefined || !isObject(value)) throw wrong(field, "an object")
      return writeDelimited(writer, () => writeMessage(writer, message, value, depth + 1))
    }
    case "string":
      return writeDelimited(writer, () => writer.string(text(field, value)))
    case "bytes":
      return writeDelimited(writer, () => writer.bytes(bytesOf(field, value)))
    case "traceId":
      return writeDelimited(writer, () => writer.hex(idOf(field, value, 32)))
    case "spanId":
      return writeDelimited(writer, () => writer.hex(idOf(field, value, 16)))
    case "bool":
      if (typeof value !== "boolean") throw wrong(field, "true or false")
      return writer.varint(value ? 1 : 0)
    case "enum":
      return writer.varint64(enumValue(field, value))
    case "sint32": {
      const number = integer(field, field.type, value)
      return writer.varint64(number < 0n ? -2n * number - 1n : 2n * number)
    }
    case "uint32":
    case "int64":
    case "uint64":
      return writer.varint64(integer(field, field.type, value))
    case "fixed32":
      return writer.fixed32(Number(integer(field, field.type, value)))
    case "fixed64":
    case "sfixed64":
      return writer.fixed64(BigInt.asUintN(64, integer(field, field.type, value)))
    case "double":
      return writer.double(double(field, value))
  }
}

const writeRepeated = (writer: Writer, field: Field, values: ReadonlyArray<unknown>, depth: number): void => {
  const write = (value: unknown) => writeValue(writer, field, value, depth)
  if (field.wireType !== 2) {
    writeDelimited(writer, () => values.toReversed().forEach(write))
    return writer.tag(field.number, 2)
  }
  for (const value of values.toReversed()) {
    write(value)
    writer.tag(field.number, 2)
  }
}

const writeMessage = (writer: Writer, message: Message, value: object, depth: number): void => {
  if (depth > deepest) throw new Wrong(`its messages are nested deeper than ${deepest} levels`)
  for (const [name, of] of Object.entries(value).toReversed()) {
    const field = message.byName.get(name)
    if (field === undefined || of === null || of === undefined) continue
    if (field.isRepeated) {
      if (!Array.isArray(of)) throw wrong(field, "a list")
      writeRepeated(writer, field, of, depth)
    } else {
      writeValue(writer, field, of, depth)
      writer.tag(field.number, field.wireType)
    }
  }
}

/** A message from the object that its JSON has. */
export const encode = (message: Message, value: object): Uint8Array => {
  const writer = new Writer()
  writeMessage(writer, message, value, 1)
  return writer.written
}

/** The failure says what is wrong: an end of a sentence about the body, without a word of the body. */
export const encodeJson = (signal: Signal, json: Uint8Array): Result.Result<Uint8Array, string> => {
  const value = parseJson(json)
  if (Result.isFailure(value)) return Result.fail(value.failure)
  if (!isObject(value.success)) return Result.fail("it is no JSON object")
  const request = requests[signal]
  const names = Object.keys(value.success)
  // Of another signal, or with the names of protobuf: OTLP would pass over all of it.
  if (names.length > 0 && !names.some((name) => request.byName.has(name))) {
    return Result.fail(`it has no field ${request.byNumber[1]?.name}`)
  }
  try {
    return Result.succeed(encode(request, value.success))
  } catch (cause) {
    if (cause instanceof Wrong) return Result.fail(cause.message)
    throw cause
  }
}
