/** The packed tarballs, as a user gets them: what publint and attw say, what Node can import, and a first project. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pack, type Packed, packages, published, run, typesProblems } from "./packed.ts"

// A public module has another name for it: `Fault.Route`.
const aliases = new Set(["RouteName"])

let packed: Packed

beforeAll(async () => {
  packed = await pack()
}, 120_000)

afterAll(() => rm(packed.folder, { recursive: true, force: true }))

describe.each(published)("@effect-lambda/%s", (name) => {
  it("publint has nothing to say", async () => {
    assert.include(await run("publint", ["run", packed.tarballs.get(name)!, "--strict"], packed.folder), "All good!")
  })

  it("holds sources and build, no tests, no workspace or catalog references", async () => {
    const installed = join(packed.folder, "project/node_modules/@effect-lambda", name)
    const entries = await readdir(installed)
    assert.includeMembers(entries, ["dist", "src", "package.json"])
    assert.notInclude(entries, "test")
    const manifest = await readFile(join(installed, "package.json"), "utf8")
    assert.notMatch(manifest, /workspace:|catalog:/)
    assert.include(manifest, '"effect": "^4.1.0"')
  })
})

// A wide test has the other packages, which export their modules in the same way.
it("the types of the library resolve for every way of importing", async () => {
  assert.strictEqual(await typesProblems(packed, "extension"), "")
})

describe.each(["extension", "extension-node", "emulator", "otel"])("@effect-lambda/%s", (name) => {
  it("every public module can be imported, internals cannot", async () => {
    const installed = join(packed.folder, "project/node_modules/@effect-lambda", name)
    const all = (await readdir(join(installed, "dist"), { recursive: true }))
      .filter((file) => file.endsWith(".js"))
      .map((file) => file.slice(0, -3))
    const closed = all.filter((module) => /(^|\/)(internal\/|(index|main)$)/.test(module))
    const barrels = closed.filter((module) => module.endsWith("/index")).map((module) => module.slice(0, -6))
    const modules = [...all.filter((module) => !closed.includes(module)), ...barrels]
    const script = `
      const missing = []
      for (const module of ${JSON.stringify(["", ...modules.map((module) => `/${module}`)])}) {
        await import("@effect-lambda/${name}" + module)
      }
      for (const module of ${JSON.stringify(closed)}) {
        const open = await import("@effect-lambda/${name}/" + module).then(() => true, () => false)
        if (open) missing.push(module)
      }
      console.log(JSON.stringify(missing))`
    await writeFile(join(packed.folder, "project/imports.mjs"), script)
    assert.strictEqual((await run(process.execPath, ["imports.mjs"], join(packed.folder, "project"))).trim(), "[]")
  })
})

it("the packed extension-node gives each runtime its module", async () => {
  const installed = join(packed.folder, "project/node_modules/@effect-lambda/extension-node")
  const script =
    'const { sinkClient } = await import("#runtime"); console.log(import.meta.resolve("#runtime"), typeof sinkClient)'
  for (const [condition, module] of [
    ["default", "node"],
    ["bun", "bun"]
  ]) {
    const args = [`--conditions=${condition}`, "--input-type=module", "--eval", script]
    const said = await run(process.execPath, args, installed)
    assert.isTrue(said.trim().endsWith(`/extension-node/dist/internal/runtime/${module}.js object`), said)
  }
})

// The compiler writes the path of an internal module into a user's declarations, without an error, if a type has no other name.
it.each(["extension", "extension-node", "emulator", "otel"])(
  "@effect-lambda/%s: every type in a declaration has a public name",
  async (name) => {
    const dist = join(packed.folder, "project/node_modules/@effect-lambda", name, "dist")
    const files = (await readdir(dist, { recursive: true })).filter((file) =>
      /^(?!.*\binternal\/).*\.d\.ts$/.test(file)
    )
    const used = new Set<string>()
    const named = new Set<string>()
    for (const file of files) {
      const text = await readFile(join(dist, file), "utf8")
      for (const [, how, list = ""] of text.matchAll(/^(import|export) (.*) from ".*\binternal\/.*";$/gm)) {
        const names = list.replaceAll(/type |[{}]/g, "").split(",")
        for (const each of names) (how === "import" ? used : named).add(each.trim())
      }
    }
    assert.deepStrictEqual(
      [...used].filter((each) => !named.has(each) && !aliases.has(each)),
      []
    )
  }
)

describe("the packed bin, outside of the workspace", () => {
  it("runs", async () => {
    assert.include(await packed.cli("emulate", "--help"), "EXAMPLES")
  })

  it("conform finds the programs that the package brings", async () => {
    const naive = join(packages, "cli/test/fixtures/naive.mjs")
    assert.match(await packed.cli("conform", naive, "--only", "invoke/other-crash"), /^pass +invoke\/other-crash/m)
  })

  it("writes a report with the stylesheet and the script that it brings", async () => {
    const [handler, report] = [join(packed.folder, "handler.mjs"), join(packed.folder, "run.html")]
    await writeFile(handler, "export const handler = async () => 1")
    await packed.cli("emulate", "--function", handler, "--invocations", "1", "--report", report)
    assert.include(await readFile(report, "utf8"), "DecompressionStream")
  })
})
