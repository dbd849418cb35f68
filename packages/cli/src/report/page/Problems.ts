/**
 * What went wrong in a run, each sentence with a link to its place on the axis.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import type { Summary } from "../../emulate/summary/Summary.ts"
import { cut, html, type Html } from "./Markup.ts"
import * as Places from "./Places.ts"
import type { Link } from "./Tables.ts"

const mostShown = 200

/**
 * A sentence of the summary, with the position of its entry if it has one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly kind: "problem" | "function" | "shortfall" | "note" | "evidence"
  readonly text: string
  readonly position: number | undefined
}

/**
 * The sentences of a summary: problems of extensions, failures of the function, work that was not done, and notes.
 *
 * @param evidence the positions of the entries that show a verdict
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  summary: Summary,
  journal: ReadonlyArray<JournalEntry>,
  evidence: ReadonlyArray<Problem>
): ReadonlyArray<Problem> => {
  const { functionFailures, notes, problems, shortfalls } = summary
  // The others are not shown.
  const shown = [...problems, ...functionFailures, ...shortfalls, ...notes].slice(0, mostShown)
  const places = Places.of(journal, shown)
  const told = (kind: Problem["kind"], texts: ReadonlyArray<string>) =>
    texts.map((text): Problem => ({ kind, text, position: places.get(text) }))
  return [
    ...evidence,
    ...told("problem", problems),
    ...told("function", functionFailures),
    ...told("shortfall", shortfalls),
    ...told("note", notes)
  ]
}

const labels: Readonly<Record<Problem["kind"], string>> = {
  evidence: "evidence",
  problem: "✕ problem",
  function: "✕ function",
  shortfall: "△ not done",
  note: "note"
}

/**
 * The list of problems.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (problems: ReadonlyArray<Problem>, link: Link): Html => {
  if (problems.length === 0)
    return html`<p class="fine">
      <span class="ok">✓</span> No extension crashed or overran, and the function did not fail.
    </p>`
  const left = problems.length - mostShown
  return html`<ul class="problems">
    ${problems.slice(0, mostShown).map(({ kind, position, text }) => {
      const shown = cut(text, 1000)
      return html`<li class="${kind}">
        <span class="kind">${labels[kind]}</span>
        <span class="text">${position === undefined ? shown : link(position, shown)}</span>
      </li>`
    })}${left > 0 ? html`<li>… and ${left} more</li>` : undefined}
  </ul>`
}
