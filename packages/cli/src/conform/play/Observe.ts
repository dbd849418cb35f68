/** What happened in a run, for the judgements of several scenarios. */
import type { EntryOf, JournalEntry, Source } from "@effect-lambda/emulator/Journal"

/** The name of an extension, as people know it. */
export const nameOf = (source: Source): string => source.replace(/^extension:/, "")

const howOf = ({ status }: EntryOf<"ProcessExited">): string =>
  status._tag === "Code" ? `exit code ${status.code}` : `signal ${status.signal}`

/** The first extension that ended outside of a shutdown, which is a crash with any exit code. */
export const crashOf = (
  entries: ReadonlyArray<JournalEntry>
): { readonly sentence: string; readonly entry: EntryOf<"ProcessExited"> } | undefined => {
  let isShuttingDown = false
  for (const entry of entries) {
    if (entry._tag === "ShutdownStarted") isShuttingDown = true
    if (entry._tag === "ShutdownEnded") isShuttingDown = false
    if (entry._tag === "ProcessExited" && entry.source !== "runtime" && !isShuttingDown) {
      return { sentence: `${nameOf(entry.source)} ended with ${howOf(entry)}`, entry }
    }
  }
  return undefined
}
