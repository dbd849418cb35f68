/**
 * The parts of docs/conform.md that the sources say, and the JSON Schema of the report. Usage:
 * `node packages/cli/test/conform/document.ts`, and `--write` to update the files.
 */
import * as Schema from "effect/Schema"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { ConformReport } from "../../src/conform/ConformJson.ts"
import { scenarios } from "../../src/conform/Scenarios.ts"

export const documentPath = join(import.meta.dirname, "../../../../docs/conform.md")
export const schemaPath = join(import.meta.dirname, "../../schema/conform-1.json")

const [start, end] = ["<!-- scenarios -->", "<!-- /scenarios -->"]

const linkOf = (protocol: string): string => protocol.replace(/^docs\//, "")

/** The rows of all scenarios, in the order of a report. */
const table = (): string =>
  [
    "| scenario | situation | known | AWS |",
    "|---|---|---|---|",
    ...scenarios.map(
      ({ aws, basis, name, protocol, title }) =>
        `| \`${name}\` | ${title} | ${basis} | ${aws} ([section](${linkOf(protocol)})) |`
    )
  ].join("\n")

/** The document with the table of today. */
export const insert = (document: string): string => {
  const [before, after] = [document.indexOf(start), document.indexOf(end)]
  if (before === -1 || after < before) throw new Error(`docs/conform.md has no section between ${start} and ${end}.`)
  return `${document.slice(0, before)}${start}\n\n${table()}\n\n${document.slice(after)}`
}

/** The JSON Schema of the report, for programs in other languages. */
export const schema = (): string => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(ConformReport)
  const head = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The verdicts of effect-lambda conform",
    ...schema,
    ...(Object.keys(definitions).length > 0 && { $defs: definitions })
  }
  return `${JSON.stringify(head, undefined, 2)}\n`
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes("--write")) {
    writeFileSync(documentPath, insert(readFileSync(documentPath, "utf8")))
    writeFileSync(schemaPath, schema())
  } else process.stdout.write(`${table()}\n`)
}
