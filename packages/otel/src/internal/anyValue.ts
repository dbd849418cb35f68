/** The values and the attributes of OTLP for values of JSON, see `Attributes`. */
import type { AnyValue, KeyValue } from "effect/observability/OtlpResource"

// A map in a map is three messages of protobuf, and decoders stop at 100 messages in each other. A log record is the fifth.
export const deepest = 24

/** `undefined` for what JSON has no word for. */
export const convert = (value: unknown, levels: number): AnyValue | undefined => {
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

/** Adds the attribute of a field, if its value has one. */
export const add = (to: Array<KeyValue>, key: string, each: unknown, levels: number): void => {
  const value = convert(each, levels)
  if (value !== undefined) to.push({ key: key.toWellFormed(), value })
}

/** The attributes of the fields of an object. */
export const keyValues = (record: object, levels: number): Array<KeyValue> => {
  const all: Array<KeyValue> = []
  for (const [key, each] of Object.entries(record)) add(all, key, each, levels)
  return all
}

/** A replacer of `JSON.stringify`, which takes no `bigint`. */
export const withoutBigints = (_: string, value: unknown): unknown =>
  typeof value === "bigint" ? String(value) : value

const jsonOf = (value: object): string => {
  try {
    return JSON.stringify(value, withoutBigints).toWellFormed()
  } catch (error) {
    return `this value cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`
  }
}
