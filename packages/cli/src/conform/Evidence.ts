/** The lines of the journal that show a judgement, as `emulate` prints them. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import type { Verdict } from "./play/Verdict.ts"

/** Lines before and behind an entry that shows a judgement. */
const around = 3

/** Lines of a verdict that names no entry: the last ones. */
const last = 12

/** A line is cut here. */
const maxLine = 300

/** The faults of the scenario are shown too, these many: they are its cause, and may lie far before what they lead to. */
const faults = 2

/** Gives the lines, with `…` for those that are left out between them. */
export const linesOf = ({ journal, judgement }: Verdict): ReadonlyArray<string> => {
  const timeline = Timeline.make()
  const end = journal.at(-1)?.index ?? 0
  const causes = journal.filter(Journal.is("FaultInjected")).slice(0, faults)
  const isShown = (entry: Journal.JournalEntry): boolean =>
    causes.some(({ index }) => index === entry.index) ||
    (judgement.at.length === 0
      ? entry.index > end - last
      : judgement.at.some((center) => Math.abs(entry.index - center) <= around))
  const lines: Array<string> = []
  let shown: number | undefined
  for (const entry of journal) {
    const line = timeline.render(entry)
    if (!isShown(entry)) continue
    if (shown !== undefined && entry.index > shown + 1) lines.push("…")
    lines.push(line.length > maxLine ? `${line.slice(0, maxLine)}…` : line)
    shown = entry.index
  }
  return lines.length === 0 ? [] : [timeline.header, ...lines]
}
