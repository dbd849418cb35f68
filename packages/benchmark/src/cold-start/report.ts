import { machine, markdown, type Table, text, writeSection } from "../document.ts"
import { show } from "../summary.ts"
import { figures, firstNext, type Result, type Row } from "./figures.ts"
import { command, type Options } from "./options.ts"

const cellsOf = ({ addedInitMillis, cells, program }: Row): ReadonlyArray<string> => [
  program.label,
  ...cells.flatMap(({ figure: { digits }, ratio, summary: { median } }) => [
    median.toFixed(digits),
    `${ratio.toFixed(2)}x`
  ]),
  addedInitMillis.toFixed(0)
]

const table = ({ rows }: Result): Table => [
  ["", ...figures.flatMap(({ label, unit }) => [`${label}, ${unit}`, ""]), "added init, ms"],
  ...rows.map(cellsOf)
]

const budgets = ({ budgets }: Result): Table => [
  ["built layer", "ratio", "budget", "met"],
  ...budgets.map(({ budget, isMet, label, ratio }) => [
    label,
    `${ratio.toFixed(2)}x`,
    `≤ ${budget.toFixed(2)}x`,
    isMet ? "yes" : "NO"
  ])
]

const notes = (
  options: Options,
  { functionInit, rows, spawn, wait }: Result,
  more: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const spread = rows
    .filter(({ program }) => program.label === "raw.cjs")
    .flatMap(({ cells }) => cells)
    .filter(({ figure }) => figure === firstNext)
    .map(({ summary }) => show(summary, 1, "ms"))
  return [
    `Medians of ${options.rounds} starts, ratios to raw.cjs; one process at a time, all interleaved in one run, in ` +
      `changing order. Each life has ${options.events} invocations, and every program but C logs each of them.`,
    `The noise of the run: "raw.cjs again" is the same file, and its ratios would be 1 without noise; spawn → first next ` +
      `of raw.cjs lay at ${spread.join()}.`,
    "Times count from where the new process runs the file; the fork of the benchmark before that, " +
      `${show(spawn, 1, "ms")}, is no part of a layer. Nor is the time that a process waited for a CPU before its first ` +
      `next, ${show(wait, 1, "ms")}: it is taken off.`,
    `Added init: InitStarted to InitEnded of our emulator with a Node function, beyond the ${show(functionInit, 0, "ms")} ` +
      "of the function alone; the same number of rounds.",
    "The layers are made of packages/examples/hello by `effect-lambda build` and run from their folders on this Node; " +
      "raw.cjs and floor.c lie in packages/benchmark/fixtures. CPU is that of all threads, the stub's included.",
    ...more
  ]
}

export const toText = (result: Result, options: Options, more: ReadonlyArray<string>): string =>
  [text(table(result)), "", text(budgets(result)), "", machine(), ...notes(options, result, more)].join("\n")

export const writeDocument = (result: Result, options: Options, more: ReadonlyArray<string>): Promise<void> =>
  writeSection(
    "cold-start",
    [
      `\`${command(options)}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}`,
      "",
      markdown(table(result)),
      "",
      markdown(budgets(result)),
      "",
      ...notes(options, result, more).map((note) => `- ${note}`)
    ].join("\n")
  )
