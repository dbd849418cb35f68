/**
 * Values as OTLP has them. Objects become maps and arrays become lists, as deep as a backend reads them, and integers stay
 * exact.
 *
 * @since 0.1.0
 */
import type * as OtlpResource from "effect/observability/OtlpResource"
import { convert, deepest, keyValues } from "./internal/anyValue.ts"

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
