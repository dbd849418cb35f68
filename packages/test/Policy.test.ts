/** Every row of the policy table in docs/architecture.md names a test; the tests are run, and each row is shown by one. */
import { assert, beforeAll, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
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
const pattern = (name: string): string =>
  name
    .split("%s")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".+")

interface Result {
  readonly ancestorTitles: ReadonlyArray<string>
  readonly title: string
  readonly status: string
}

interface File {
  readonly name: string
  /** Empty unless the file itself cannot be run. */
  readonly message: string
  readonly assertionResults: ReadonlyArray<Result>
}

let results: ReadonlyArray<Result> = []

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "policy-"))
  const report = join(folder, "report.json")
  const names = rows.map(({ test }) => pattern(test)).join("|")
  const args = [
    "run",
    "--config",
    "packages/tools/vitest.config.ts",
    "-t",
    names,
    // The start of a process takes longer than the tests of a file.
    "--maxWorkers",
    "1",
    "--reporter",
    "json",
    "--outputFile",
    report
  ]
  try {
    // The run ends with 1 if a test fails; the row says which.
    await promisify(execFile)("vitest", [...args, ...files], { cwd: root }).catch(() => {})
    const { testResults }: { readonly testResults: ReadonlyArray<File> } = JSON.parse(readFileSync(report, "utf8"))
    for (const { message, name } of testResults) if (message !== "") throw new Error(`${name}: ${message}`)
    results = testResults.flatMap(({ assertionResults }) => assertionResults)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
  const name = new RegExp(`^${pattern(test)}$`)
  const shown = results.filter(({ ancestorTitles, title }) =>
    [...ancestorTitles, title].some((text) => name.test(text))
  )
  assert.isNotEmpty(shown, `no test is called ${test}`)
  assert.deepStrictEqual(
    shown.filter(({ status }) => status !== "passed").map(({ status, title }) => `${title}: ${status}`),
    []
  )
})
