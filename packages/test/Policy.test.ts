/**
 * Every row of the policy table in docs/architecture.md names a test or a group of tests that is there. The names are read
 * from the sources: the tests themselves run in the same run as this file, which fails if one of them does.
 */
import { assert, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { parseSync, Visitor } from "rolldown/utils"

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

/** The functions that make a test or a group; `scenario` makes a test for each runtime. */
const makers = /^(?:it(?:\.(?:effect|live))?|describe)(?:\.each\b|$)|^scenario$/

/** The texts that begin a test or a group, `%s` in the place of a value, and the modules that a module imports. */
const read = (path: string): { readonly titles: ReadonlyArray<string>; readonly imports: ReadonlyArray<string> } => {
  const text = readFileSync(path, "utf8")
  const titles: Array<string> = []
  const imports: Array<string> = []
  new Visitor({
    ImportDeclaration: ({ source }) => {
      if (source.value.startsWith(".")) imports.push(join(dirname(path), source.value))
    },
    CallExpression: ({ arguments: [title], callee }) => {
      if (!makers.test(text.slice(callee.start, callee.end))) return
      if (title?.type === "Literal" && typeof title.value === "string") titles.push(title.value)
      if (title?.type === "TemplateLiteral") titles.push(title.quasis.map(({ value }) => value.cooked).join("%s"))
    }
  }).visit(parseSync(path, text).program)
  return { titles, imports }
}

/** The titles of these files, and of the modules with scenarios that they import. */
const titles = new Set<string>()
const modules = new Set(files.map((file) => join(root, file)))
for (const module of modules) {
  const { imports, titles: own } = read(module)
  for (const title of own) titles.add(title)
  for (const path of imports) if (path.includes("/test/")) modules.add(path)
}

it("the table has its rows", () => {
  assert.isAtLeast(rows.length, 20)
  assert.lengthOf(rows, section.split("\n").filter((line) => line.startsWith("| ")).length - 1)
  assert.sameMembers(
    files.map((file) => basename(file)),
    [...named]
  )
})

it.each(rows)("$situation", ({ test }) => {
  assert.isTrue(titles.has(test), `no test is called ${test}`)
})
