/** Every row of the policy table in docs/architecture.md names a test, and the test exists. */
import { assert, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")
const architecture = readFileSync(join(root, "docs/architecture.md"), "utf8")
const table = architecture.slice(architecture.indexOf("## Policy"))
const rows = Array.from(table.matchAll(/^\| (?!situation|---)(.+?) \| .+ \| `(.+?)` \|$/gm), ([, situation, test]) => ({
  situation,
  test
}))
const tests = globSync("packages/{extension,extension-node}/test/**/*.test.ts", { cwd: root })
  .map((file) => readFileSync(join(root, file), "utf8").replaceAll('\\"', '"'))
  .join("\n")

it("the table has its rows", () => {
  assert.isAtLeast(rows.length, 20)
  assert.lengthOf(rows, table.split("\n").filter((line) => line.startsWith("| ")).length - 1)
})

it.each(rows)("$situation", ({ test }) => {
  assert.isTrue(
    [`"${test}"`, `'${test}'`].some((title) => tests.includes(title)),
    `no test is called ${test}`
  )
})
