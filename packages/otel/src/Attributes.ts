/**
 * Values as OTLP has them. Objects become maps and arrays become lists, as deep as a backend reads them, and integers stay
 * exact.
 *
 * @since 0.1.0
 */
import type * as OtlpResource from "effect/observability/OtlpResource"

/**
 * A value of OTLP.
 *
 * @category models
 * @since 0.1.0
 */
export type AnyValue = OtlpResource.AnyValue

/**
 * An attribute of OTLP.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyValue = OtlpResource.KeyValue

// A map in a map is three messages of protobuf, and decoders stop at 100 messages in each other. A log record is the fifth.
const deepest = 24

/**
 * The value of OTLP for a value of JSON.
 *
 * - an integer is exact: as `number` up to 2^53, as `bigint` up to 2^63. A larger `bigint` becomes its digits as a text, and a
 *   larger `number` a fraction
 * - `null` is the empty value, in lists and maps too; what JSON has no word for (`undefined`, a function) is left out
 * - half a surrogate pair becomes U+FFFD, which every backend can read
 * - a value in more than 24 maps and lists becomes its JSON as a text: a decoder would refuse the whole batch for it
 *
 * @category encoding
 * @since 0.1.0
 */
export const anyValue = (value: unknown): AnyValue => convert(value, deepest) ?? {}

/**
 * The attributes of the fields of an object, in their order.
 *
 * @category encoding
 * @since 0.1.0
 */
export const entries = (record: object): Array<KeyValue> => keyValues(record, deepest)

const convert = (value: unknown, levels: number): AnyValue | undefined => {
  switch (typeof value) {
    case "string":
      return { stringValue: value.toWellFormed() }
    case "boolean":
      return { boolValue: value }
    case "bigint":
      return BigInt.asIntN(64, value) === value ? { intValue: String(value) } : { stringValue: String(value) }
    case "number":
      return numberValue(value)
    case "object":
      if (value === null) return {}
      if (levels === 0) return { stringValue: jsonOf(value) }
      if (!Array.isArray(value)) return { kvlistValue: { values: keyValues(value, levels - 1) } }
      // A list keeps the places of its values.
      return { arrayValue: { values: value.map((each) => convert(each, levels - 1) ?? {}) } }
    default:
      return undefined
  }
}

const numberValue = (value: number): AnyValue => {
  if (Number.isSafeInteger(value)) return { intValue: value }
  // The digits of a `number` beyond 2^53 are all there, but a JSON number of that size would be rounded by its reader.
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63
    ? { intValue: String(BigInt(value)) }
    : { doubleValue: value }
}

const keyValues = (record: object, levels: number): Array<KeyValue> => {
  const all: Array<KeyValue> = []
  for (const [key, each] of Object.entries(record)) {
    const value = convert(each, levels)
    if (value !== undefined) all.push({ key: key.toWellFormed(), value })
  }
  return all
}

const jsonOf = (value: object): string => {
  try {
    const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner))
    return text.toWellFormed()
  } catch (error) {
    return `this value cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`
  }
}
