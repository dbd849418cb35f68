/** The report of `bench:cold-start`, for the terminal and for docs/performance.md. */
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, showRatio } from "../summary.ts"
import type { Result, Row } from "./figures.ts"

const cellsOf = ({ addedInitMillis, cells, label }: Row): ReadonlyArray<string> => [
  label,
  ...cells.flatMap(({ digits, of, ratio }) => [of.median.toFixed(digits), `${ratio.median.toFixed(2)}x`]),
  addedInitMillis.median.toFixed(0)
]

const table = ({ rows }: Result): Table => [
  ["", ...(rows[0]?.cells ?? []).flatMap(({ label, unit }) => [`${label}, ${unit}`, ""]), "added init, ms"],
  ...rows.map(cellsOf)
]

const budgets = ({ budgets }: Result): Table => [
  ["built layer", "ratio", "budget", "met"],
  ...budgets.map(({ budget, isMet, label, ratio }) => [
    label,
    showRatio(ratio),
    `≤ ${budget.toFixed(2)}x`,
    isMet ? "yes" : "NO"
  ])
]

const notes = (
  options: Options,
  { functionInit, rawFirstNext, spawn, wait }: Result,
  more: ReadonlyArray<string>
): ReadonlyArray<string> => [
  `Medians of ${options.rounds} starts, in brackets the middle half. The programs start in turns, a process at a time, and the ` +
    `ratios to raw.cjs are taken round by round. Each life has ${options.size} invocations, and every program but C logs each ` +
    "of them.",
  `The noise of the run: "raw.cjs again" is the same file, and its ratios would be 1 without noise; spawn → first next ` +
    `of raw.cjs lay at ${show(rawFirstNext, 1, "ms")}.`,
  "Times begin when the new process runs the file; the fork of the benchmark before that, " +
    `${show(spawn, 1, "ms")}, is no part of a layer. The time that a process waited for a CPU before its first next, ` +
    `${show(wait, 1, "ms")}, is taken off too.`,
  `Added init: InitStarted to InitEnded of our emulator with a Node function, beyond the ${show(functionInit, 0, "ms")} ` +
    "of the function alone; the same number of rounds.",
  "The layers are made of packages/examples/hello by `effect-lambda build` and run from their folders on this Node; " +
    "raw.cjs and floor.c lie in packages/benchmark/fixtures. CPU is that of all threads, the stub's included.",
  ...more
]

export const toText = (result: Result, options: Options, more: ReadonlyArray<string>): string =>
  [text(table(result)), "", text(budgets(result)), "", machine(), ...notes(options, result, more)].join("\n")

export const toMarkdown = (result: Result, options: Options, more: ReadonlyArray<string>): string =>
  [
    markdown(table(result)),
    "",
    markdown(budgets(result)),
    "",
    ...notes(options, result, more).map((note) => `- ${note}`)
  ].join("\n")
