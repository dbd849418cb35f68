/**
 * The facts of each entry, which the page shows when a person asks for them. They lie in the page compressed: as
 * markup they would make it ten times as large.
 *
 * @since 0.1.0
 */
import type { EntryOf, JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { deflateRawSync } from "node:zlib"
import { laneOf, titleOf } from "./Lanes.ts"
import { cut, visible } from "./Markup.ts"

/** The characters of one fact, and of all long facts of a run together. */
const longestFact = 4000
const shortFact = 300
const longFacts = 8_000_000

const hidden = new Set(["_tag", "index", "at", "source"])

/**
 * Data as deflated JSON in base64, which a browser inflates by itself.
 *
 * @category rendering
 * @since 0.1.0
 */
export const packed = (data: unknown): string => deflateRawSync(JSON.stringify(data)).toString("base64")

/** A message as it went over the wire: its first line, the headers of the protocol, and the body. */
const messageOf = (first: string, headers: Readonly<Record<string, string>>, body: string, bytes: number): string => {
  const kept = Buffer.byteLength(body)
  return [
    first,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === "" ? [] : ["", body]),
    ...(bytes > kept ? ["", `… ${kept} of ${bytes} bytes`] : [])
  ].join("\n")
}

const messagesOf = (entry: EntryOf<"Exchanged">): ReadonlyArray<readonly [string, unknown]> => {
  const { answerBody, answerBytes, answerHeaders, closedBy, kind, method, path, requestBody, requestBytes } = entry
  const { at, requestHeaders, requestedAt, status } = entry
  const answer = status === 0 ? "closed without an answer" : String(status)
  // The body that a listener answers is not kept.
  const bytes = kind === "delivery" ? 0 : answerBytes
  return [
    ["request", messageOf(`${method} ${path}`, requestHeaders, requestBody, requestBytes)],
    ["answer", status === undefined ? undefined : messageOf(answer, answerHeaders, answerBody, bytes)],
    ["took", `${at - requestedAt} ms`],
    ["closed by", closedBy]
  ]
}

/**
 * An entry as a sentence.
 *
 * @category rendering
 * @since 0.1.0
 */
export const sentenceOf = (journal: ReadonlyArray<JournalEntry>, position: number): string => {
  const entry = journal[position]
  return entry === undefined ? "" : `${titleOf(laneOf(entry))}: ${cut(Timeline.textOf(entry), 600)}`
}

/**
 * For each entry: the milliseconds since the start, its lane, its sentence, and its facts as names and values.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  journal: ReadonlyArray<JournalEntry>,
  start: number
): ReadonlyArray<readonly [number, string, string, ReadonlyArray<readonly [string, string]>]> => {
  let left = longFacts
  const shortened = (value: unknown): string => {
    const text = typeof value === "string" ? value : JSON.stringify(value)
    const shown = cut(text, left > 0 ? longestFact : shortFact)
    if (shown.length > shortFact) left -= shown.length
    return visible(shown)
  }
  return journal.map((entry) => {
    const named = entry._tag === "Exchanged" ? messagesOf(entry) : Object.entries(entry)
    const facts = named
      .filter(([name, value]) => !hidden.has(name) && value !== undefined && value !== "")
      .map(([name, value]): readonly [string, string] => [name, shortened(value)])
    return [entry.at - start, titleOf(laneOf(entry)), visible(cut(Timeline.textOf(entry), 600)), facts]
  })
}
