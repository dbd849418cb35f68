/**
 * The facts of each entry, which the page shows when a person asks for them. They lie in the page compressed: as
 * markup they would make it ten times as large.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
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
    const facts = Object.entries(entry)
      .filter(([name, value]) => !hidden.has(name) && value !== undefined && value !== "")
      .map(([name, value]): readonly [string, string] => [name, shortened(value)])
    return [entry.at - start, titleOf(laneOf(entry)), visible(cut(Timeline.textOf(entry), 600)), facts]
  })
}
