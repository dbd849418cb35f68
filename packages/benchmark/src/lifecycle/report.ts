/** The report of `bench:lifecycle`, for the terminal and for docs/performance.md. */
import type { Options } from "../command.ts"
import { machine, markdown, type Table, text } from "../document.ts"
import { show, showRatio } from "../summary.ts"
import type { BudgetRow, Result } from "./figures.ts"

/** The number of long lives of each program. */
export const longRounds = ({ rounds }: Options): number => Math.ceil(rounds / 3)

const head = ["", "raw.cjs", "hello", "ratio", "budget", "met"]

const cells = ({ budget, digits, label, of, ratio, to, unit }: BudgetRow): ReadonlyArray<string> => [
  label,
  show(to, digits, unit),
  show(of, digits, unit),
  showRatio(ratio),
  budget?.text ?? "",
  budget === undefined ? "" : budget.isMet ? "yes" : "NO"
]

// The ratio of a library's size to that of 40 lines says nothing.
const withoutRatio = (row: ReadonlyArray<string>) => row.map((cell, column) => (head[column] === "ratio" ? "" : cell))

const quiet = (result: Result): Table => [
  head,
  ...result.quiet.map(cells),
  ...result.sizes.map(cells).map(withoutRatio)
]

const logging = (result: Result): Table =>
  [head, ...result.logging.map((row) => cells({ ...row, budget: undefined }))].map((row) => row.slice(0, 4))

const notes = (options: Options): ReadonlyArray<string> => [
  `Medians, and in brackets the middle half: the start over ${options.rounds} short lives, CPU per event and peak memory over ` +
    `${longRounds(options)} lives of ${options.size} invocations. Each life has its process; the lives of all programs take turns, ` +
    "and the ratios are taken round by round.",
  "raw.cjs is packages/benchmark/fixtures/raw.cjs on node:http, hello is packages/examples/hello bundled by rolldown; " +
    "both run from the file, without the stub that registers first and without a code cache.",
  "Both programs of a pair do the same work. Without logging neither writes a line. With logging each writes a JSON line " +
    "per invocation (request id, milliseconds left) and another at SHUTDOWN, into a pipe that is drained.",
  "CPU is user and system time of all threads, V8's compiler threads included; 1 KB is 1000 bytes."
]

export const toText = (result: Result, options: Options): string =>
  [
    "Without logging: the cost of the library alone",
    text(quiet(result)),
    "",
    "With one JSON log line per invocation",
    text(logging(result)),
    "",
    machine(),
    ...notes(options)
  ].join("\n")

export const toMarkdown = (result: Result, options: Options): string =>
  [
    "Without logging, the cost of the library alone:",
    "",
    markdown(quiet(result)),
    "",
    "With one JSON log line per invocation:",
    "",
    markdown(logging(result)),
    "",
    ...notes(options).map((note) => `- ${note}`)
  ].join("\n")
