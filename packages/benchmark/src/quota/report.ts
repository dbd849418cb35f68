/** The report of `bench:quota`, for the terminal and for docs/performance.md. */
import { signed } from "../cold-start/report.ts"
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, type Summary } from "../summary.ts"
import { quotaOf } from "./cgroup.ts"
import { type Block, memories, modes, type Result } from "./figures.ts"

const aloneCells = ({ alone: { init, over, response } }: Block): ReadonlyArray<string> =>
  [init, response, over].map((summary) => show(summary, 0, "ms")).concat("")

const addedCells = ({ rows }: Block, label: string): ReadonlyArray<string> =>
  rows
    .filter((row) => row.label === label)
    .flatMap(({ added: { extensionLast, init, over, response, rounds } }) =>
      [init, response, over].map(signed).concat(`${extensionLast} of ${rounds}`)
    )

/** The blocks of one function as a table: a row for each memory and program, and the modes side by side. */
const tableOf = (label: string, blocks: ReadonlyArray<Block>): Table => [
  [label, "extension"].concat(
    modes.flatMap((mode) => [`${mode}: init`, "response", "invocation over", "extension last"])
  ),
  ...memories.flatMap((megabytes) => {
    const side = blocks.filter(({ condition }) => condition.megabytes === megabytes)
    const labels = side[0]?.rows.map((row) => row.label) ?? []
    const rows = labels.map((row) => [row].concat(side.flatMap((block) => addedCells(block, row))))
    return [["no extension"].concat(side.flatMap(aloneCells)), ...rows].map((row) => [`${megabytes} MB`].concat(row))
  })
]

const budgetTable = ({ budgets }: Result): Table => [
  ["", "hello, eager", "Rust", "budget", "met"],
  ...budgets.map(({ eager, isMet, label, limit, rust }) => [
    label,
    `+${eager.toFixed(0)} ms`,
    `+${rust.toFixed(0)} ms`,
    `≤ ${limit.toFixed(2)}x`,
    isMet ? "yes" : "NO"
  ])
]

const shares = (periodMillis: number): string =>
  memories
    .map((megabytes) => {
      const { quotaMicros } = quotaOf(megabytes, periodMillis * 1000)
      return `${megabytes} MB ${((100 * megabytes) / 1769).toFixed(1)} % (${(quotaMicros / 1000).toFixed(2)} ms)`
    })
    .join(", ")

const notes = (options: Options, wrapper: Summary): ReadonlyArray<string> => [
  `Medians of ${options.rounds} cold starts under our emulator, in brackets the middle half. All times run from the start of ` +
    "init. The rows without an extension are absolute; the others are what the extension adds in the same round.",
  `The function and the extension are in one control group, with a share of one CPU per ${options.size} ms: ` +
    `${shares(options.size)}. The emulator is not in it.`,
  "Throttled throughout: the quota holds from the first instruction. Init unthrottled: it holds from the first invocation " +
    "on. Lambda is somewhere between, see above.",
  "Extension last: the starts in which the function waited in next before the extension did. There init waits for the " +
    "extension. In the others the extension was ready first, and what it still does competes with the function for the CPU.",
  "A shell puts each process into the group and then becomes the program; it is itself not throttled. That is " +
    `${show(wrapper, 1, "ms")} of each start.`
]

const parts = (
  result: Result,
  options: Options,
  wrapper: Summary,
  more: ReadonlyArray<string>,
  table: (table: Table) => string,
  bullet: string
): ReadonlyArray<string> => {
  const labels = [...new Set(result.blocks.map(({ condition }) => condition.function.label))]
  return [
    ...labels.map((label) =>
      table(
        tableOf(
          label,
          result.blocks.filter(({ condition }) => condition.function.label === label)
        )
      )
    ),
    table(budgetTable(result)),
    [...notes(options, wrapper), ...more].map((note) => bullet + note).join("\n")
  ]
}

export const toText = (result: Result, options: Options, wrapper: Summary, more: ReadonlyArray<string>): string =>
  [machine(), ...parts(result, options, wrapper, more, text, "")].join("\n\n")

export const toMarkdown = (result: Result, options: Options, wrapper: Summary, more: ReadonlyArray<string>): string =>
  parts(result, options, wrapper, more, markdown, "- ").join("\n\n")
