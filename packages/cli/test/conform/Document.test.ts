/** docs/conform.md has every scenario and flag, its workflow is one, and the published JSON Schema is that of the report. */
import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { flags } from "../../src/conform/ConformFlags.ts"
import { documentPath, insert, schema, schemaPath } from "./document.ts"

const document = readFileSync(documentPath, "utf8")
const remedy = "run node packages/cli/test/conform/document.ts --write"

it("the table has every scenario as it is", () => {
  assert.isTrue(insert(document) === document, `docs/conform.md is not current: ${remedy}`)
})

it("the JSON Schema is that of the report", () => {
  assert.deepStrictEqual(JSON.parse(readFileSync(schemaPath, "utf8")), JSON.parse(schema()), remedy)
})

it("every flag is named", () => {
  const names = Object.keys(flags).map((name) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  for (const name of names.filter((name) => name !== "target")) assert.include(document, `--${name}`, name)
})

it("the workflow is YAML, and uploads every report that it writes", () => {
  const [, text = ""] = /^```yaml\n(.*?)^```$/ms.exec(document) ?? []
  const { jobs } = parse(text)
  const { steps } = jobs.conform
  const [, command = ""] =
    /^npx --no effect-lambda (conform .*)$/m.exec(steps.map(({ run = "" }) => run).join("\n")) ?? []
  const upload = steps.at(-1)
  assert.strictEqual(upload.if, "always()")
  const files = upload.with.path.trim().split("\n")
  assert.lengthOf(files, 3)
  for (const file of files) assert.include(command, ` ${file}`)
})
