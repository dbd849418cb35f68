/** `--junit` of `emulate` and `check`; that of `conform` is in conform/conform.test.ts. */
import { afterAll, assert, it } from "@effect/vitest"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type * as Summary from "../src/emulate/summary/Summary.ts"
import * as SummaryCases from "../src/emulate/summary/SummaryCases.ts"
import { inProcess } from "./support/inProcess.ts"
import { countsOf, parse, problemsOf, schemaProblemsOf } from "./support/junit.ts"

const folder = mkdtempSync(join(tmpdir(), "junit-"))
afterAll(() => rmSync(folder, { recursive: true }))
const file = join(folder, "results.xml")

/** The suite, and its cases with their results. */
const read = async () => {
  assert.deepStrictEqual(await schemaProblemsOf(readFileSync(file)), [])
  const document = parse(readFileSync(file))
  assert.deepStrictEqual(problemsOf(document), [])
  const [suite] = document.children
  if (suite === undefined) return assert.fail("no suite")
  const { errors, failures, skipped, tests } = suite.attributes
  assert.deepStrictEqual(
    { tests: Number(tests), failures: Number(failures), errors: Number(errors), skipped: Number(skipped) },
    countsOf(suite)
  )
  const cases = suite.children.map(({ attributes, children }) => ({
    name: attributes["name"] ?? "",
    failure: children.find(({ tag }) => tag === "failure")?.attributes["message"],
    output: children.find(({ tag }) => tag === "system-out")?.text
  }))
  return { name: suite.attributes["name"], cases }
}

it("emulate: a case for each extension, and a failure for the one that crashed", async () => {
  const files = ["twins/twin.sh", "programs/target.mjs"].map((name) => join(import.meta.dirname, "conform", name))
  const args = ["-f", join(import.meta.dirname, "../conform/chatty.mjs"), "-n", "1", "--env", "TARGET=markup"]
  const extensions = files.flatMap((path) => ["-e", path])
  const { code, output } = await inProcess(["emulate", ...extensions, ...args, "--junit", file])
  assert.strictEqual(code, 1, output)
  assert.include(output, `report: ${file}`)
  const { cases, name } = await read()
  assert.strictEqual(name, "emulate twin.sh, target.mjs")
  assert.sameMembers(
    cases.map((one) => one.name),
    ["twin.sh", "target.mjs", "invocations", "environment"]
  )
  assert.match(cases.find((one) => one.name === "target.mjs")?.failure ?? "", /^target\.mjs /)
  assert.isUndefined(cases.find((one) => one.name === "twin.sh")?.failure)
})

const summary: Summary.Summary = {
  invocations: 2,
  failedInvocations: 1,
  extensions: ["a", "a b"].map((name) => ({
    name,
    registerMs: 1,
    readyMs: 2,
    heldOpenMs: 0,
    shutdownMs: 3,
    peakMemoryMb: 4
  })),
  problems: ["a b crashed", "no one was there"],
  shortfalls: ["a has idled"],
  notes: ["a b lost an event"],
  functionFailures: ["it threw"]
}
const rows = (strict: boolean, changed: Partial<Summary.Summary> = {}) =>
  SummaryCases.make({ ...summary, ...changed }, strict, 10).map(({ name, outcome, output }) => [
    name,
    outcome._tag === "Failed" ? outcome.message : outcome._tag,
    output
  ])

it("emulate: a problem is that of the extension it names, and a shortfall is one with --strict only", () => {
  assert.deepStrictEqual(rows(false), [
    ["a", "Passed", "a has idled"],
    ["a b", "a b crashed", "a b lost an event"],
    ["invocations", "Passed", "1 of 2 invocations failed\nit threw"],
    ["environment", "no one was there", undefined]
  ])
  assert.deepStrictEqual(rows(true)[0], ["a", "a has idled", undefined])
  const allFailed = rows(false, { failedInvocations: 2 })
  assert.strictEqual(allFailed[2]?.[1], "2 of 2 invocations failed")
})

it("check: a case for each finding, and errors are failures", async () => {
  const broken = join(import.meta.dirname, "conform")
  const { code } = await inProcess(["check", broken, "--junit", file])
  assert.strictEqual(code, 1)
  const { cases, name } = await read()
  assert.strictEqual(name, `check ${broken}`)
  assert.match(cases.find((one) => one.name === "no-extension extensions")?.failure ?? "", /no file in extensions/)
})

const twin = join(import.meta.dirname, "conform/twins/twin.sh")
const handler = join(import.meta.dirname, "../conform/chatty.mjs")
it.each([
  ["emulate", "-e", twin, "-f", handler, "-n", "1"],
  ["check", folder]
])("%s: a path that cannot be written is a sentence, before anything is done", async (...args) => {
  const { code, output } = await inProcess([...args, "--junit", "/proc/x.xml"])
  assert.strictEqual(code, 1)
  assert.match(output, /\/proc\/x\.xml cannot be written/)
  assert.notMatch(output, /^ +0 +init|no-extension/m)
})
