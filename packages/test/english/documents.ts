/** The English of Markdown, in documents and in comments: its paragraphs, its lists, and the cells of its tables. */
import { readFileSync } from "node:fs"
import type { Text } from "./sentences.ts"

/** The separator of two cells; `\|` is a character of a cell. */
const betweenCells = /(?<!\\)\|/

/** Leaves out examples, remarks and the tags of API docs; every line stays in its place. */
const withoutCode = (text: string): string =>
  text
    .replaceAll(/```[\s\S]*?```|<!--[\s\S]*?-->/g, (code) => code.replaceAll(/[^\n]+/g, ""))
    .replaceAll(/@(?:category|since|see|param|throws|internal|returns)[^\n]*/g, "")

export const readMarkdown = ({ file, line, text }: Text): ReadonlyArray<Text> => {
  const cells: Array<Text> = []
  const lines = withoutCode(text).split("\n")
  for (const [index, row] of lines.entries()) {
    if (!row.trimStart().startsWith("|")) continue
    for (const cell of row.split(betweenCells)) cells.push({ file, line: line + index, text: cell.trim() })
    lines[index] = ""
  }
  return [{ file, line, text: lines.join("\n") }, ...cells]
}

export const readDocument = (path: string): ReadonlyArray<Text> =>
  readMarkdown({ file: path, line: 1, text: readFileSync(path, "utf8") })
