/**
 * The summary of a run, for people.
 *
 * @since 0.1.0
 */
import * as LogLine from "@effect-lambda/emulator/LogLine"
import type { ExtensionFigures } from "./ExtensionOutcomes.ts"
import type { Summary } from "./Summary.ts"

const columns: ReadonlyArray<readonly [string, (figures: ExtensionFigures) => string]> = [
  ["extension", (figures) => LogLine.printable(figures.name)],
  ["register ms", (figures) => String(figures.registerMs ?? "-")],
  ["ready ms", (figures) => String(figures.readyMs ?? "-")],
  ["held open ms", (figures) => String(figures.heldOpenMs)],
  ["shutdown ms", (figures) => String(figures.shutdownMs ?? "-")],
  ["peak MB", (figures) => String(figures.peakMemoryMb ?? "-")]
]

/**
 * A table, then the problems. With `strict` work that was not done is a problem too.
 *
 * @category rendering
 * @since 0.1.0
 */
export const render = (summary: Summary, strict = false): string => {
  const problems = strict ? [...summary.problems, ...summary.shortfalls] : summary.problems
  const notes = strict ? summary.notes : [...summary.shortfalls, ...summary.notes]
  const rows = [
    columns.map(([head]) => head),
    ...summary.extensions.map((figures) => columns.map(([, cell]) => cell(figures)))
  ]
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const table = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
  )
  const count = summary.invocations === 1 ? "1 invocation" : `${summary.invocations} invocations`
  const failed = summary.failedInvocations === 0 ? "" : `, ${summary.failedInvocations} failed`
  return [
    "",
    ...(summary.extensions.length === 0 ? [] : [...table, ""]),
    `${count}${failed}`,
    ...summary.functionFailures.map((text) => `function: ${LogLine.printable(text)}`),
    ...notes.map((text) => `note: ${LogLine.printable(text)}`),
    ...(problems.length === 0
      ? [summary.extensions.length === 0 ? "no extension ran" : "no extension crashed or overran"]
      : problems.map((text) => `problem: ${LogLine.printable(text)}`))
  ].join("\n")
}
