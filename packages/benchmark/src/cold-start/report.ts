/** The report of `bench:cold-start`, for the terminal and for docs/performance.md. */
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, showRatio, type Summary } from "../summary.ts"
import { type Beside, longLifeEvents, type Result, type Row } from "./figures.ts"
import type { Sizes } from "./sizes.ts"

/** The number of long lives of each program. */
export const longRounds = ({ rounds }: Options): number => Math.ceil(rounds / 3)

const lives = (rows: ReadonlyArray<Row>): Table => [
  ["", ...(rows[0]?.cells ?? []).flatMap(({ label, unit }) => [`${label}, ${unit}`, ""])],
  ...rows.map(({ cells, label }) => [
    label,
    ...cells.flatMap(({ digits, of, ratio }) => [of.median.toFixed(digits), `${ratio.median.toFixed(2)}x`])
  ])
]

const whole = (summary: Summary): string => show(summary, 0, "ms")

/** A difference in whole milliseconds, with its sign. */
export const signed = (summary: Summary): string => {
  const plus = Math.round(summary.median) < 0 ? "" : "+"
  return plus + whole(summary)
}

const besideTable = ({ alone, label, rows }: Beside): Table => [
  [label, "init", "response", "invocation over", "extension last"],
  ["no extension", whole(alone.init), whole(alone.response), whole(alone.over), ""],
  ...rows.map(({ added: { extensionLast, init, over, response, rounds }, label }) => [
    label,
    signed(init),
    signed(response),
    signed(over),
    `${extensionLast} of ${rounds}`
  ])
]

const budgets = ({ budgets }: Result): Table => [
  ["", "to", "ratio", "budget", "met"],
  ...budgets.map(({ figure, isMet, limit, program, ratio, to }) => [
    `${program}: ${figure}`,
    to,
    showRatio(ratio),
    limit === undefined ? "" : `≤ ${limit.toFixed(2)}x`,
    limit === undefined ? "" : isMet ? "yes" : "NO"
  ])
]

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(1)

const sizesTable = (sizes: ReadonlyArray<Sizes>): Table => [
  ["layer, KB", "zip", "zip, no code cache", "unzipped"],
  ...sizes.map(({ label, unzipped, zip, zipWithoutCache }) => [
    label,
    ...[zip, zipWithoutCache, unzipped].map(kilobytes)
  ])
]

const lifeNotes = (options: Options, { rawFirstNext, spawn, wait }: Result): ReadonlyArray<string> => [
  `Medians of ${options.rounds} starts, in brackets the middle half. The programs start in turns, a process at a time, and the ` +
    `ratios to raw.cjs are taken round by round. Each life has ${options.size} invocations, and every program but C and ` +
    "those that ship logs each of them.",
  "An event waits for the first next, and the first event is done when the program asks for the second. An eager layer sends " +
    "its first next before its program is loaded: the columns after that say when it is up, and what it took.",
  "telemetry-ship and otel are given the platform events of each invocation and ship them to a server of this benchmark before " +
    "they ask for the next event. The other programs ship nothing.",
  `The second table is of ${longRounds(options)} lives of ${longLifeEvents} invocations each, which take turns too.`,
  `The noise of the run: "raw.cjs again" is the same file, and its ratios would be 1 without noise; spawn → first next ` +
    `of raw.cjs lay at ${show(rawFirstNext, 1, "ms")}.`,
  "Times begin when the new process runs the file; the fork of the benchmark before that, " +
    `${show(spawn, 1, "ms")}, is no part of a layer; "fork, spawn" begins with it. The time that a process waited for a CPU before its first next, ` +
    `${show(wait, 1, "ms")}, is taken off too.`,
  "The layers are made of packages/examples by `effect-lambda build`, `ready` by default and `eager` with `--start eager`, " +
    "and run from their folders on this Node. The programs without a library lie in packages/benchmark/fixtures. CPU is that " +
    "of all threads, the stub's included."
]

const besideNotes = (options: Options): ReadonlyArray<string> => [
  `Medians of ${options.rounds} starts under our emulator, in brackets the middle half. All times run from the start of init. The ` +
    "row of the function alone is absolute; the others are what the extension adds to it in the same round.",
  "Init ends when the function and the extension wait in next, and then comes the first invocation. The invocation is over " +
    "when the extension asks for the next event, and Lambda bills until then.",
  "Extension last: the starts in which the function waited in next before the extension did. There init waits for the " +
    "extension; in the others the time of the extension is hidden behind that of the function, unless both want the CPU."
]

/** The parts of the report; `head` begins a part in the form of its place. */
const parts = (
  result: Result,
  sizes: ReadonlyArray<Sizes>,
  options: Options,
  more: ReadonlyArray<string>,
  table: (table: Table) => string,
  bullet: string
): ReadonlyArray<string> => {
  const listed = (notes: ReadonlyArray<string>) => notes.map((note) => bullet + note).join("\n")
  return [
    table(lives(result.rows)),
    table(lives(result.long)),
    table(sizesTable(sizes)),
    table(budgets(result)),
    listed([...lifeNotes(options, result), ...more]),
    ...result.beside.map((beside) => table(besideTable(beside))),
    listed(besideNotes(options))
  ]
}

export const toText = (
  result: Result,
  sizes: ReadonlyArray<Sizes>,
  options: Options,
  more: ReadonlyArray<string>
): string => [machine(), ...parts(result, sizes, options, more, text, "")].join("\n\n")

export const toMarkdown = (
  result: Result,
  sizes: ReadonlyArray<Sizes>,
  options: Options,
  more: ReadonlyArray<string>
): string => parts(result, sizes, options, more, markdown, "- ").join("\n\n")
