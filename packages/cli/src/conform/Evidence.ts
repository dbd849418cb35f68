/** The lines of the journal that show a judgement, as `emulate` prints them. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import type { Verdict } from "./play/Verdict.ts"

/** Lines before and behind an entry that shows a judgement. */
const around = 3

/** Lines of a verdict that names no entry: the last ones. */
const last = 12

/** A line is cut here. */
const maxLine = 300

const isShown = (at: ReadonlyArray<number>, { index }: JournalEntry, end: number): boolean =>
  at.length === 0 ? index > end - last : at.some((center) => Math.abs(index - center) <= around)

/** Gives the lines, with `…` for those that are left out between them. */
export const linesOf = ({ journal, judgement }: Verdict): ReadonlyArray<string> => {
  const timeline = Timeline.make()
  const end = journal.at(-1)?.index ?? 0
  const lines: Array<string> = []
  let shown: number | undefined
  for (const entry of journal) {
    const line = timeline.render(entry)
    if (!isShown(judgement.at, entry, end)) continue
    if (shown !== undefined && entry.index > shown + 1) lines.push("…")
    lines.push(line.length > maxLine ? `${line.slice(0, maxLine)}…` : line)
    shown = entry.index
  }
  return lines.length === 0 ? [] : [timeline.header, ...lines]
}
