/**
 * The places of the sentences of a summary: the entry of the journal with which each of them came up.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Summary from "../../emulate/summary/Summary.ts"

/** Entries that come in large numbers, and whose sentence comes with another entry or is told by another mark. */
const isSilent = (entry: JournalEntry): boolean => {
  switch (entry._tag) {
    case "NextCalled":
    case "InvocationStarted":
    case "InvocationDelivered":
    case "RuntimeDone":
    case "Frozen":
    case "Thawed":
    case "TelemetryDelivered":
      return true
    case "Output":
      return entry.source === "runtime" || !entry.line.startsWith("{")
    default:
      return false
  }
}

/**
 * Sums the journal up again, entry by entry, and notes the position at which each of the sentences first stood there. Each
 * entry is compared with the sentences that are still missing.
 *
 * @param sentences a few hundred at most
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  journal: ReadonlyArray<JournalEntry>,
  sentences: ReadonlyArray<string>
): ReadonlyMap<string, number> => {
  const places = new Map<string, number>()
  const missing = new Set(sentences)
  const summary = Summary.make()
  for (const [position, entry] of journal.entries()) {
    if (missing.size === 0) break
    summary.add(entry)
    if (isSilent(entry)) continue
    for (const sentence of summary.said(missing)) {
      missing.delete(sentence)
      places.set(sentence, position)
    }
  }
  return places
}
