/** The recipes of docs/field.md, and the page itself: it names no scenario that is gone. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ConformReport } from "../../src/conform/ConformJson.ts"
import * as SinkVariable from "../../src/conform/play/SinkVariable.ts"
import { scenarios } from "../../src/conform/Scenarios.ts"
import * as Document from "./Document.ts"
import { recipes } from "./recipes.ts"

const repository = join(import.meta.dirname, "../../../..")
const page = readFileSync(join(repository, "docs/field.md"), "utf8")
const scenarioNames = new Set(scenarios.map(({ name }) => name))

/** The values of a flag in the arguments of a recipe. */
const valuesOf = (args: ReadonlyArray<string>, flag: string): ReadonlyArray<string> =>
  args.filter((_, index) => args[index - 1] === flag)

describe.each(recipes)("the recipe of $name", ({ args, confirmed, product, registry, version }) => {
  it("gives conform what it takes", () => {
    for (const text of valuesOf(args, "--sink-env")) assert.isTrue(Result.isSuccess(SinkVariable.parse(text)), text)
    for (const file of valuesOf(args, "--function")) assert.isTrue(existsSync(join(repository, file)), file)
    for (const text of valuesOf(args, "--env")) assert.match(text, /^\w+=/)
  })

  it("confirms fails of scenarios that exist", () => {
    for (const scenario of Object.keys(confirmed)) assert.isTrue(scenarioNames.has(scenario), scenario)
  })

  it("is on the page in its version", () => {
    assert.include(page, `[${product}](`)
    assert.include(page, `) ${version} (${registry})`)
  })
})

describe("docs/field.md", () => {
  it("names no scenario that is gone", () => {
    const rows = Array.from(page.matchAll(/^\| (\S+\/\S+) +\|/gm), ([, name = ""]) => name)
    const found = Array.from(page.matchAll(/^- \*\*(?:fail|warn)\*\* `([^`]+)`/gm), ([, name = ""]) => name)
    assert.isAbove(rows.length, 30)
    for (const name of [...rows, ...found]) assert.isTrue(scenarioNames.has(name), name)
  })
})

describe("the page", () => {
  const [recipe] = recipes
  const [scenario] = scenarios
  assert(recipe !== undefined && scenario !== undefined)
  const { advice, aws, basis, name, protocol, title } = scenario
  const sentence = "its line was <b>a|b</b>\n`code`"
  const found = { name, title, basis, aws, protocol, advice, status: "fail", sentence, millis: 1, notes: [] } as const
  const report: typeof ConformReport.Type = {
    version: "effect-lambda.conform/1",
    target: "layer",
    extensions: [recipe.name],
    events: ["INVOKE"],
    telemetry: [],
    isFailed: true,
    verdicts: [{ ...found, evidence: [], sink: { requests: 0, taken: 0, lines: 0 } }]
  }
  const run = { version: recipe.version, date: "2026-01-02", machine: "a machine", report }
  const played = (confirmed: Readonly<Record<string, string>>) => [{ recipe: { ...recipe, confirmed }, run }]

  it("is not written with a fail that nobody has looked at", () => {
    assert.deepStrictEqual(Document.unconfirmed(played({ [name]: "It was looked at." })), [])
    assert.lengthOf(Document.unconfirmed(played({})), 1)
  })

  it("shows a fail with its reason, and text of a program as text", () => {
    const text = Document.render(played({ [name]: "It was looked at." }))
    assert.include(text, `| ${name} | ✗ |`)
    assert.include(text, "its line was \\<b\\>a\\|b\\</b\\> \\`code\\`. It was looked at.")
    assert.include(text, `run on 2026-01-02 on a machine`)
  })
})
