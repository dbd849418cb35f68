/** The part of a long journal that a verdict keeps: all verdicts of a run are in memory until the reports are written. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"

/** A journal with fewer entries and characters is kept as it is. */
const bounds = { entries: 20_000, characters: 4_000_000 }

/** Entries at the beginning and at the end of a longer one. */
const edge = 2000

/** Entries around one that shows the judgement. */
const around = 10

/** Characters of a line in a journal that is cut. */
const maxLine = 1000

const cut = (entry: JournalEntry): JournalEntry =>
  entry._tag === "Output" && entry.line.length > maxLine
    ? { ...entry, line: `${entry.line.slice(0, maxLine)}…` }
    : entry

const charactersOf = (entry: JournalEntry): number => (entry._tag === "Output" ? entry.line.length : 0)

/** The journal, or its edges and the entries around those that show the judgement, with a note that says so. */
export const of = (
  journal: ReadonlyArray<JournalEntry>,
  at: ReadonlyArray<number>
): { readonly journal: ReadonlyArray<JournalEntry>; readonly notes: ReadonlyArray<string> } => {
  const characters = journal.reduce((sum, entry) => sum + charactersOf(entry), 0)
  if (journal.length <= bounds.entries && characters <= bounds.characters) return { journal, notes: [] }
  const kept = journal
    .filter(
      ({ index }, position) =>
        position < edge || position >= journal.length - edge || at.some((center) => Math.abs(index - center) <= around)
    )
    .map(cut)
  const left = journal.length - kept.length
  return {
    journal: kept,
    notes: [
      `the journal is long: ${left} of ${journal.length} entries are left out of the reports, and lines end after ${maxLine} characters`
    ]
  }
}
