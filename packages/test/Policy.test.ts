/** Every row of the policy table in docs/architecture.md names a test that runs in `npm test` too. */
import { assert, beforeAll, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { promisify } from "node:util"

const root = join(import.meta.dirname, "../..")
const architecture = readFileSync(join(root, "docs/architecture.md"), "utf8")
const [section = ""] = architecture.slice(architecture.indexOf("## Policy")).split(/\n## (?!Policy)/)
const rows = Array.from(section.matchAll(/^\| (?!situation|---)(.+?) \| .+ \| `(.+?)` \|$/gm), (cells) => ({
  situation: cells[1] ?? "",
  test: cells[2] ?? ""
}))

/** The files that the section names. */
const named = new Set(Array.from(section.matchAll(/[\w/-]*\.test\.ts/g), ([file]) => basename(file)))
const files = globSync("packages/{extension,extension-node}/test/**/*.test.ts", { cwd: root }).filter((file) =>
  named.has(basename(file))
)

/** The name of a test or of a group; `%s` is the place of a value. */
const patternOf = (name: string): string =>
  name
    .split("%s")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".+")

/** The names of all tests in the files, and of the groups around them. Vitest lists none that would be skipped. */
let names: ReadonlyArray<string> = []

beforeAll(async () => {
  // Nothing is run and nothing loaded: the files are tests of this run too.
  const args = ["list", "--static-parse", "--json", "--config", "packages/tools/vitest.config.ts", ...files]
  const { stdout } = await promisify(execFile)("vitest", args, { cwd: root })
  const tests: ReadonlyArray<{ readonly name: string }> = JSON.parse(stdout)
  names = tests.flatMap(({ name }) => name.split(" > "))
})

it("the table has its rows", () => {
  assert.isAtLeast(rows.length, 20)
  assert.lengthOf(rows, section.split("\n").filter((line) => line.startsWith("| ")).length - 1)
  assert.sameMembers(
    files.map((file) => basename(file)),
    [...named]
  )
})

it.each(rows)("$situation", ({ test }) => {
  const pattern = new RegExp(`^${patternOf(test)}$`)
  assert.isTrue(
    names.some((name) => pattern.test(name)),
    `no test is called ${test}`
  )
})
