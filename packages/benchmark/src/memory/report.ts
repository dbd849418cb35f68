/** The report of `bench:memory`, and its budgets. */
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { type Summary, summarize } from "../summary.ts"
import type { MemoryLife } from "./life.ts"

/** The memory of the smallest function, in MB of 1,000,000 bytes: Lambda counts in units of 1,048,576. */
const smallest = 134.2
/** The accepted ratio of the last quarter to the quarter before it. */
const mostGrowth = 1.05

export interface Row {
  readonly label: string
  /** The resident memory after each quarter of the invocations. */
  readonly quarters: ReadonlyArray<Summary>
  /** The most of the last quarter to the most of the one before. */
  readonly growth: Summary
  readonly extensionPeak: Summary
  readonly functionPeak: Summary
  readonly together: Summary
}

const most = (values: ReadonlyArray<number>) => Math.max(...values)
const part = (life: MemoryLife, from: number, to: number) =>
  life.extension.slice(Math.floor(from * life.extension.length), Math.ceil(to * life.extension.length))

export const resultOf = (
  programs: ReadonlyArray<{ readonly label: string; readonly lives: ReadonlyArray<MemoryLife> }>
): ReadonlyArray<Row> =>
  programs.map(({ label, lives }) => ({
    label,
    quarters: [0.25, 0.5, 0.75, 1].map((end) =>
      summarize(lives.map((life) => life.extension[Math.ceil(end * life.extension.length) - 1] ?? NaN))
    ),
    growth: summarize(lives.map((life) => most(part(life, 0.75, 1)) / most(part(life, 0.5, 0.75)))),
    extensionPeak: summarize(lives.map(({ extensionPeak }) => extensionPeak)),
    functionPeak: summarize(lives.map(({ functionPeak }) => functionPeak)),
    together: summarize(lives.map(({ together }) => together))
  }))

const isFlat = ({ growth }: Row) => growth.median <= mostGrowth
const isSmall = ({ together }: Row) => together.median <= smallest
/** The budgets are about LLRT; Node is there to compare with. */
const hasBudget = ({ label }: Row) => label.includes("LLRT")

export const missed = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const judged = rows.filter(hasBudget)
  const say = (what: string, isMet: (row: Row) => boolean) =>
    judged.filter((row) => !isMet(row)).map(({ label }) => `${label}: ${what}`)
  return [...say("memory grows in the second half", isFlat), ...say("more than 128 MB with the function", isSmall)]
}

const met = (row: Row, isMet: boolean) => (hasBudget(row) ? (isMet ? "yes" : "NO") : "")
const megabytes = ({ median }: Summary) => median.toFixed(1)

const table = (rows: ReadonlyArray<Row>): Table => [
  [
    "extension, MB",
    "after 1/4",
    "1/2",
    "3/4",
    "all",
    "last quarter to the one before",
    `≤ ${mostGrowth.toFixed(2)}x`,
    "peak",
    "peak of the function",
    "most of both",
    "≤ 128 MiB"
  ],
  ...rows.map((row) => [
    row.label,
    ...row.quarters.map(megabytes),
    `${row.growth.median.toFixed(2)}x`,
    met(row, isFlat(row)),
    megabytes(row.extensionPeak),
    megabytes(row.functionPeak),
    megabytes(row.together),
    met(row, isSmall(row))
  ])
]

const notes = ({ rounds, size }: Options): ReadonlyArray<string> => [
  `${size} invocations under our emulator, ${rounds === 1 ? "once" : `${rounds} times, medians`}, of a function in Node that logs ` +
    "three lines. telemetry-ship has the records of each invocation at its backend before it asks for the next one.",
  "Resident memory as the system counts it, in MB of 1,000,000 bytes; 128 MiB are 134.2 of them. The quarters are about the " +
    "extension, and both counts hold pages that other processes share."
]

export const toText = (rows: ReadonlyArray<Row>, options: Options, more: ReadonlyArray<string>): string =>
  [text(table(rows)), "", machine(), ...notes(options), ...more].join("\n")

export const toMarkdown = (rows: ReadonlyArray<Row>, options: Options, more: ReadonlyArray<string>): string =>
  [markdown(table(rows)), "", ...[...notes(options), ...more].map((note) => `- ${note}`)].join("\n")
