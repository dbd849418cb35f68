import { machine, markdown, type Table, text, writeSection } from "../document.ts"
import { show } from "../summary.ts"
import type { Result, Row } from "./figures.ts"
import { command, longRounds, type Options } from "./options.ts"

const cells = (rows: ReadonlyArray<Row>): Table => [
  ["", "raw.cjs", "hello", "ratio", "budget", "met"],
  ...rows.map((row) => [
    row.label,
    show(row.raw, row.digits, row.unit),
    show(row.hello, row.digits, row.unit),
    row.ratio === undefined ? "" : `${row.ratio.toFixed(2)}x`,
    row.budget?.text ?? "",
    row.budget === undefined ? "" : row.budget.isMet ? "yes" : "NO"
  ])
]

const notes = (options: Options): ReadonlyArray<string> => [
  `Medians (min–max): the start over ${options.rounds} short lives, CPU per event and peak memory over ` +
    `${longRounds(options)} lives of ${options.events} invocations; one process per life, all interleaved in one run.`,
  "raw.cjs is packages/benchmark/fixtures/raw.cjs on node:http, hello is packages/examples/hello bundled by rolldown; " +
    "both run from the file, without the stub that registers first and without a code cache.",
  "Both programs of a pair do the same work: without logging neither writes a line; with logging each writes one JSON line " +
    "per invocation (request id, milliseconds left) and one at SHUTDOWN, into a pipe that is drained.",
  "CPU is user and system time of all threads, V8's compiler threads included; 1 KB is 1000 bytes."
]

export const toText = (result: Result, options: Options): string =>
  [
    "Without logging: the library's own cost",
    text(cells(result.quiet)),
    "",
    "With one JSON log line per invocation",
    text(cells(result.logging).map((row) => row.slice(0, 4))),
    "",
    machine(),
    ...notes(options)
  ].join("\n")

const toMarkdown = (result: Result, options: Options): string =>
  [
    `\`${command(options)}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}`,
    "",
    "Without logging, the library's own cost:",
    "",
    markdown(cells(result.quiet)),
    "",
    "With one JSON log line per invocation:",
    "",
    markdown(cells(result.logging).map((row) => row.slice(0, 4))),
    "",
    ...notes(options).map((note) => `- ${note}`)
  ].join("\n")

export const writeDocument = (result: Result, options: Options): Promise<void> =>
  writeSection("lifecycle", toMarkdown(result, options))
