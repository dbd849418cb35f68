import { readFile, writeFile } from "node:fs/promises"
import { cpus } from "node:os"
import { join } from "node:path"
import type { Result, Row, Summary } from "./figures.ts"
import { command, longRounds, type Options } from "./options.ts"

const document = join(import.meta.dirname, "../../../../docs/performance.md")
const start = "<!-- lifecycle:start -->"
const end = "<!-- lifecycle:end -->"

type Table = ReadonlyArray<ReadonlyArray<string>>

const value = ({ max, median, min }: Summary, { digits, unit }: Row): string => {
  const spread = min === max ? "" : ` (${min.toFixed(digits)}–${max.toFixed(digits)})`
  return `${median.toFixed(digits)} ${unit}${spread}`
}

const cells = (rows: ReadonlyArray<Row>): Table => [
  ["", "raw.cjs", "hello", "ratio", "budget", "met"],
  ...rows.map((row) => [
    row.label,
    value(row.raw, row),
    value(row.hello, row),
    row.ratio === undefined ? "" : `${row.ratio.toFixed(2)}x`,
    row.budget?.text ?? "",
    row.budget === undefined ? "" : row.budget.isMet ? "yes" : "NO"
  ])
]

const text = (table: Table): string => {
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => (row[column] ?? "").length)))
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

const markdown = ([head = [], ...body]: Table): string =>
  [head, head.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`).join("\n")

const notes = (options: Options): ReadonlyArray<string> => [
  `Medians (min–max): the start over ${options.rounds} short lives, CPU per event and peak memory over ` +
    `${longRounds(options)} lives of ${options.events} invocations; one process per life, all interleaved in one run.`,
  "raw.cjs is packages/benchmark/fixtures/raw.cjs on node:http, hello is packages/examples/hello bundled by rolldown; " +
    "both run from the file, without the stub that registers first and without a code cache.",
  "Both programs of a pair do the same work: without logging neither writes a line; with logging each writes one JSON line " +
    "per invocation (request id, milliseconds left) and one at SHUTDOWN, into a pipe that is drained.",
  "CPU is user and system time of all threads, V8's compiler threads included; 1 KB is 1000 bytes."
]

const machine = () => {
  const [cpu] = cpus()
  return `Node ${process.versions.node}, ${cpus().length} x ${cpu?.model.trim() ?? "unknown CPU"}, ${process.platform} ${process.arch}`
}

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

/** Replaces the marked section of docs/performance.md; the rest is written by hand. */
export const writeDocument = async (result: Result, options: Options): Promise<void> => {
  const before = await readFile(document, "utf8")
  const from = before.indexOf(start)
  const to = before.indexOf(end)
  if (from === -1 || to < from) throw new Error(`${document} has no section between ${start} and ${end}.`)
  const section = `${start}\n${toMarkdown(result, options)}\n`
  await writeFile(document, before.slice(0, from) + section + before.slice(to))
}
