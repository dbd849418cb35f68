/** Events as JSON, one by one and together: as they came, or written now if a program made or changed them. */
import * as Context from "effect/Context"
import * as Fiber from "effect/Fiber"
import { heldBy } from "./extent.ts"
import { fieldOf } from "./json.ts"
import {
  decodeUtf8,
  decodeUtf8Strictly,
  encodeUtf8,
  type Json,
  type Run,
  runAt,
  settle,
  type Written,
  writtenOf
} from "./originalText.ts"

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
const write = (event: AnyEvent | undefined): string => {
  try {
    const text: unknown = JSON.stringify(event?.type === "unknown" ? event.original : event)
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

const jsonFrom = (event: AnyEvent | undefined): Json => writtenOf(event)?.json ?? write(event)

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

const newline = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const comma = 0x2c
const openArray = 0x5b
const closeArray = 0x5d

/** Line breaks come only between the tokens of JSON, since a text has none: a record of several lines would be several records. */
const joinLines = (bytes: Uint8Array): void => {
  for (const lineBreak of [newline, carriageReturn]) {
    for (let at = bytes.indexOf(lineBreak); at !== -1; at = bytes.indexOf(lineBreak, at + 1)) bytes[at] = space
  }
}

/** A program in JavaScript may have put `undefined` among its events. */
const alone = (event: AnyEvent | undefined): Run => {
  const json = jsonFrom(event)
  const bytes = typeof json === "string" ? encodeUtf8(json) : json
  return { bytes, ends: [bytes.length] }
}

/** The longest runs of events that came together, and every other event alone. */
const runsOf = (events: ReadonlyArray<AnyEvent>): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  for (let index = 0; index < events.length;) {
    const run = runAt(events, index) ?? alone(events[index])
    runs.push(run)
    index += run.ends.length
  }
  return runs
}

/** Puts the runs into the body from `at` on, with a byte after each. */
const put = (body: Uint8Array, at: number, runs: ReadonlyArray<Run>, separator: number): void => {
  for (const { bytes } of runs) {
    body.set(bytes, at)
    at += bytes.length
    body[at++] = separator
  }
}

/**
 * The body of a request in bytes. Events that came together are copied together, and no text is made of any: that would cost
 * more than everything else.
 */
export const bytes = (events: ReadonlyArray<AnyEvent>, format: "ndjson" | "json"): Uint8Array => {
  const runs = runsOf(events)
  const length = runs.reduce((sum, { bytes }) => sum + bytes.length + 1, 0)
  if (format === "json") {
    const body = new Uint8Array(1 + Math.max(1, length))
    body[0] = openArray
    put(body, 1, runs, comma)
    body[body.length - 1] = closeArray
    return body
  }
  const body = new Uint8Array(length)
  put(body, 0, runs, newline)
  joinLines(body)
  let at = 0
  for (const { bytes, ends } of runs) {
    for (const end of ends) body[at + end] = newline
    at += bytes.length + 1
  }
  return body
}

/** The body of a request: text, or bytes if a record came in bytes that are not UTF-8. */
export const body = (events: ReadonlyArray<AnyEvent>, format: "ndjson" | "json"): Json => {
  const all = bytes(events, format)
  return decodeUtf8Strictly(all) ?? all
}

/** As many lines as events. */
export const lines = (events: ReadonlyArray<AnyEvent>): string => decodeUtf8(bytes(events, "ndjson"))
