/** A journal that is too long for a report keeps what shows the judgement. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import { assert, it } from "@effect/vitest"
import * as Kept from "../../src/conform/play/Kept.ts"

const output = (index: number, line = `line ${index}`): JournalEntry => ({
  _tag: "Output",
  source: "runtime",
  channel: "stdout",
  line,
  index,
  at: index
})
const journalOf = (length: number, line?: string) => Array.from({ length }, (_, index) => output(index, line))
const indexesOf = (journal: ReadonlyArray<JournalEntry>) => journal.map(({ index }) => index)

it("a usual journal is kept as it is, with long lines", () => {
  const journal = [...journalOf(19_999), output(19_999, "x".repeat(100_000))]
  assert.deepStrictEqual(Kept.of(journal, [5]), { journal, notes: [] })
})

it("a longer one keeps its edges and what is around the judgement, and says how much is gone", () => {
  const { journal, notes } = Kept.of(journalOf(30_000), [15_000])
  const expected = [
    ...Array.from({ length: 2000 }, (_, index) => index),
    ...Array.from({ length: 21 }, (_, index) => 14_990 + index),
    ...Array.from({ length: 2000 }, (_, index) => 28_000 + index)
  ]
  assert.deepStrictEqual(indexesOf(journal), expected)
  assert.match(notes.join(), /25979 of 30000 entries are left out of the reports/)
})

it("lines that are too many characters together end after a thousand", () => {
  const { journal, notes } = Kept.of(journalOf(100, "x".repeat(100_000)), [])
  assert.lengthOf(journal, 100)
  for (const entry of journal) assert.strictEqual(entry._tag === "Output" && entry.line, `${"x".repeat(1000)}…`)
  assert.lengthOf(notes, 1)
})
