/** The parts of the schemas of telemetry events and of Logs API events, and the decoding of one record. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { makeEventGuard } from "./eventGuard.ts"

/** The known values for the reader and the editor; any other text is accepted. */
export const open = <const Literals extends ReadonlyArray<string>>(literals: Literals) =>
  Schema.Union([Schema.Literals(literals), Schema.StringForLiteralAutocomplete])

/** Left out, or `null`. */
export const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** The schema of an event. Its fields come as a function, so that a bundler can leave out events that are not used. */
export const event = <const Type extends string, const Fields extends Schema.Struct.Fields>(
  type: Type,
  fields: () => Fields
) => Schema.Struct({ time: Schema.String, type: Schema.tag(type), record: Schema.Struct(fields()) })

/**
 * A log record of the function: a string (real Lambda keeps the newline at its
 * end), or any JSON if the function logs JSON.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FunctionLog = /*#__PURE__*/ Schema.Struct({
  time: Schema.String,
  type: /*#__PURE__*/ Schema.tag("function"),
  record: Schema.Unknown
})

/**
 * A log record of an extension, this one included.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ExtensionLog = /*#__PURE__*/ Schema.Struct({
  time: Schema.String,
  type: /*#__PURE__*/ Schema.tag("extension"),
  record: Schema.Unknown
})

/**
 * An event of a type this library does not know, whole in `original`.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownEvent {
  readonly type: "unknown"
  readonly time: string
  readonly original: { readonly type: string; readonly [key: string]: unknown }
}

/**
 * A record that could not be decoded, with the reason and the original. If the
 * original is not JSON, `original` is its text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Undecodable {
  readonly type: "undecodable"
  readonly reason: string
  readonly original: unknown
}

/** The schema of an event in a union, with the literal of its `type`. */
interface EventSchema<Event> extends Schema.Codec<Event, unknown> {
  readonly fields: { readonly type: { readonly schema: { readonly literal: string } } }
}

type Log = typeof FunctionLog.Type | typeof ExtensionLog.Type

// Most records are logs, and a log is any JSON: no schema is needed to see that one is whole.
const isLog = (input: unknown): input is Log =>
  typeof input === "object" &&
  input !== null &&
  "type" in input &&
  (input.type === "function" || input.type === "extension") &&
  "time" in input &&
  typeof input.time === "string" &&
  "record" in input

const isEnvelope = (input: unknown): input is UnknownEvent["original"] & { readonly time: string } =>
  typeof input === "object" &&
  input !== null &&
  "type" in input &&
  typeof input.type === "string" &&
  "time" in input &&
  typeof input.time === "string"

/**
 * Decodes one record by looking at it. The schemas transform nothing, so what
 * they accept is handed back as it came, fields that no schema knows included.
 * The guards are built with the first record that needs one.
 */
export const makeDecode = <Event>(
  schemas: () => ReadonlyArray<EventSchema<Event>>
): ((original: unknown) => Event | Log | UnknownEvent | Undecodable) => {
  let known: Map<string, { readonly schema: EventSchema<Event>; readonly is: (input: unknown) => input is Event }>
  return (original) => {
    if (isLog(original)) return original
    if (!isEnvelope(original)) {
      return { type: "undecodable", reason: "an event has a `time` and a `type`, both texts", original }
    }
    known ??= new Map(
      schemas().map((schema) => [schema.fields.type.schema.literal, { schema, is: makeEventGuard(schema) }])
    )
    const event = known.get(original.type)
    if (event === undefined) return { type: "unknown", time: original.time, original }
    if (event.is(original)) return original
    const result = Schema.decodeResult(event.schema)(original)
    const reason = Result.isFailure(result) ? result.failure.message : "the record does not match its type"
    return { type: "undecodable", reason, original }
  }
}
