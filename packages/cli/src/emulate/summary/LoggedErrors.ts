/**
 * The errors and warnings that extensions log in a run: how many each of them logged, and the first one.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as ExtensionName from "./ExtensionName.ts"

/** The lines of one kind in the log of an extension. */
interface Logged {
  count: number
  readonly first: string
}

const loggedNotes = (logged: ReadonlyMap<string, Logged>, one: string, several: string) =>
  Array.from(logged, ([name, { count, first }]) =>
    count === 1 ? `${name} logged ${one}: ${first}` : `${name} logged ${count} ${several}, the first: ${first}`
  )

const longestLine = 500

/**
 * Takes the entries of a journal one by one, and gives a sentence for each extension that logged errors or warnings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): {
  readonly add: (entry: JournalEntry) => void
  readonly notes: () => ReadonlyArray<string>
} => {
  const errors = new Map<string, Logged>()
  const warnings = new Map<string, Logged>()

  const add = (entry: JournalEntry) => {
    if (entry._tag !== "Output" || entry.source === "runtime") return
    const log = LogLine.read(entry.line)
    if (log === undefined || !(LogLine.isError(log) || log.level === "WARN")) return
    const counted = log.level === "WARN" ? warnings : errors
    const name = ExtensionName.of(entry.source)
    const known = counted.get(name)
    if (known === undefined) counted.set(name, { count: 1, first: LogLine.shortened(log.text, longestLine) })
    else known.count++
  }

  return {
    add,
    notes: () => [...loggedNotes(errors, "an error", "errors"), ...loggedNotes(warnings, "a warning", "warnings")]
  }
}
