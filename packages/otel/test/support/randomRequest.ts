/** Requests of OTLP at random, made by the official definitions: every field, in every combination. */
import protobuf from "protobufjs"
import type { Signal } from "../../src/internal/wire/schema.ts"
import { oneOf, type Random, upTo } from "../../../extension-node/test/support/JsonTexts.ts"
import { encodeOfficially, ofProfiles, requestType } from "./official.ts"

export type Values = { [name: string]: unknown }

const bytes = (random: Random, length: number) => Uint8Array.from({ length }, () => upTo(random, 255))

const bytesOf = (random: Random, name: string) => {
  if (name === "traceId") return bytes(random, oneOf(random, [16, 16, 16, 0]))
  if (name === "spanId" || name === "parentSpanId") return bytes(random, oneOf(random, [8, 8, 8, 0]))
  return bytes(random, upTo(random, 40))
}

const string = (random: Random) =>
  Array.from({ length: upTo(random, 5) }, () =>
    oneOf(random, ["", "a", "faas.invocation_id", "é", "日本", "😀", "\u0000", '"\\', "\uFEFF", "x".repeat(200)])
  ).join("")

const double = (random: Random) =>
  oneOf(random, [0, 1, -1.5, 1e300, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, random()])

const scalar = (random: Random, { name, type }: protobuf.Field): unknown => {
  switch (type) {
    case "string":
      return string(random)
    case "bytes":
      return bytesOf(random, name)
    case "bool":
      return random() < 0.5
    case "double":
      return double(random)
    case "uint32":
    case "fixed32":
      return oneOf(random, [0, 1, 127, 128, 4_294_967_295, upTo(random, 2 ** 31)])
    case "sint32":
    case "int32":
      return oneOf(random, [0, 1, -1, -2_147_483_648, 2_147_483_647, upTo(random, 1000) - 500])
    case "uint64":
    case "fixed64":
      return oneOf(random, ["0", "1", "300", "18446744073709551615", "1700000000123456789"])
    case "int64":
    case "sfixed64":
      return oneOf(random, ["0", "-1", "9007199254740993", "-9223372036854775808", "9223372036854775807"])
    default:
      throw new Error(`no values for ${type}`)
  }
}

const valueOf = (random: Random, field: protobuf.Field, depth: number): unknown => {
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type) return messageOf(random, resolvedType, depth + 1)
  if (resolvedType instanceof protobuf.Enum) return upTo(random, Object.keys(resolvedType.values).length - 1)
  return scalar(random, field)
}

/** Deeper messages are empty. */
const deepest = 12

/** Lists are shorter inside of others. */
const lengthOf = (random: Random, depth: number) => upTo(random, depth < 4 ? 3 : depth < 7 ? 2 : 1)

/** A message of a type, as protobufjs takes it. */
export const messageOf = (random: Random, type: protobuf.Type, depth = 0): Values => {
  if (depth > deepest) return {}
  const chosen = new Map(
    type.oneofsArray.map((choice) => [choice, choice.fieldsArray[upTo(random, choice.fieldsArray.length)]])
  )
  const message: Values = {}
  for (const field of type.fieldsArray) {
    if (ofProfiles.has(field.name) || (field.partOf !== null && chosen.get(field.partOf) !== field)) continue
    if (field.repeated) {
      const list = Array.from({ length: lengthOf(random, depth) }, () => valueOf(random, field, depth))
      if (list.length > 0) message[field.name] = list
    } else if (depth < 4 || random() < 0.6) message[field.name] = valueOf(random, field, depth)
  }
  return message
}

/** A request of a signal in the bytes of the official encoder. */
export const randomRequest = (random: Random, signal: Signal): Uint8Array =>
  encodeOfficially(requestType(signal), messageOf(random, requestType(signal)))
