/** Events as JSON, one by one and together: as they came, or written now if a program made or changed them. */
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import { fieldOf, heldBy } from "./json.ts"
import { concat, decodeUtf8, encodeUtf8, type Json, settle, type Written, writtenOf } from "./originalText.ts"

/** The parts of an event that its text depends on. */
interface AnyEvent {
  readonly type: string
  /** An event of an unknown type, as it came. */
  readonly original?: unknown
}

/** The events that could not be written while a sink was at work, if somebody counts them. */
export const CurrentUnwritable = /*#__PURE__*/ Context.Reference<Set<unknown> | undefined>(
  "@effect-lambda/extension/telemetry/internal/encoding/CurrentUnwritable",
  { defaultValue: () => undefined }
)

const unwritable = (event: unknown, reason: string) => {
  // `toJson` is a plain function, which a sink calls from its fiber.
  Fiber.getCurrent()?.getRef(CurrentUnwritable)?.add(event)
  return JSON.stringify({
    type: "undecodable",
    reason: `the record cannot be written as JSON: ${reason}`,
    original: null
  })
}

/** Writes an event. An event that throws when it is written must not cost its neighbours. */
const write = (event: AnyEvent): string => {
  try {
    const text: unknown = JSON.stringify(event.type === "unknown" ? event.original : event)
    return typeof text === "string" ? text : unwritable(event, "its toJSON gives nothing")
  } catch (error) {
    return unwritable(event, messageOf(error))
  }
}

const messageOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return "the thrown value cannot be shown"
  }
}

const jsonFrom = (event: AnyEvent): Json => writtenOf(event)?.json ?? write(event)

/** The text of an event, with U+FFFD for bytes that are not UTF-8. */
export const toJson = (event: AnyEvent): string => {
  const json = jsonFrom(event)
  return typeof json === "string" ? json : decodeUtf8(json)
}

/** The JSON of a log's record, as it came. @throws if a program made the record, and it cannot be written. */
export const recordOf = (event: AnyEvent & { readonly record: unknown }): string | undefined => {
  const json = writtenOf(event)?.json
  return json === undefined
    ? JSON.stringify(event.record)
    : fieldOf(typeof json === "string" ? encodeUtf8(json) : json, "record")
}

/** How an event was written. An event that did not come from outside is written now, and keeps that text. */
export const measured = (event: AnyEvent): Written => {
  const known = writtenOf(event)
  if (known !== undefined) return known
  const json = write(event)
  const bytes = encodeUtf8(json)
  const written = { json, bytes: bytes.length, held: heldBy(bytes) }
  settle(event, written)
  return written
}

// Line breaks come only between the tokens of JSON, since a text has none: a record of several lines would be several records.
const onOneLine = (json: string) => (json.includes("\n") || json.includes("\r") ? json.replace(/[\n\r]/g, " ") : json)

const isLineBreak = (byte: number) => byte === 0x0a || byte === 0x0d

/** As many lines as events. */
export const lines = (events: ReadonlyArray<AnyEvent>): string => {
  let text = ""
  for (const event of events) text += `${onOneLine(toJson(event))}\n`
  return text
}

/** The body of a request: text, or bytes if a record came in bytes that are not UTF-8. */
export const body = (events: ReadonlyArray<AnyEvent>, format: "ndjson" | "json"): Json => {
  const isJson = format === "json"
  const pieces: Array<Uint8Array> = []
  let text = isJson ? "[" : ""
  let isFirst = true
  for (const event of events) {
    if (isJson && !isFirst) text += ","
    isFirst = false
    const json = jsonFrom(event)
    if (typeof json === "string") text += isJson ? json : onOneLine(json)
    else {
      pieces.push(encodeUtf8(text), isJson ? json : json.map((byte) => (isLineBreak(byte) ? 0x20 : byte)))
      text = ""
    }
    if (!isJson) text += "\n"
  }
  if (isJson) text += "]"
  return pieces.length === 0 ? text : concat([...pieces, encodeUtf8(text)])
}
