/** Tables, for the terminal and for docs/performance.md. */
import { readFile, writeFile } from "node:fs/promises"
import { cpus } from "node:os"
import { join } from "node:path"

const document = join(import.meta.dirname, "../../../docs/performance.md")

/** The first row is the head. */
export type Table = ReadonlyArray<ReadonlyArray<string>>

export const text = (table: Table): string => {
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

export const markdown = ([head = [], ...body]: Table): string =>
  [head, head.map(() => "---"), ...body].map((row) => `| ${row.join(" | ")} |`).join("\n")

export const machine = () => {
  const [cpu] = cpus()
  return `Node ${process.versions.node}, ${cpus().length} x ${cpu?.model.trim() ?? "unknown CPU"}, ${process.platform} ${process.arch}`
}

/** Replaces a section of docs/performance.md; the text around it is written by hand. */
export const writeSection = async (name: string, command: string, content: string): Promise<void> => {
  const start = `<!-- ${name}:start -->`
  const end = `<!-- ${name}:end -->`
  const before = await readFile(document, "utf8")
  const from = before.indexOf(start)
  const to = before.indexOf(end)
  if (from === -1 || to < from) throw new Error(`${document} has no section between ${start} and ${end}.`)
  const head = `\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${machine()}`
  await writeFile(document, `${before.slice(0, from)}${start}\n${head}\n\n${content}\n${before.slice(to)}`)
}
