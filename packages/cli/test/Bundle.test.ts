/** The bundle of a program, and the warnings about it, by `build` and by `dev`. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { basename, join } from "node:path"
import * as Bundle from "../src/build/Bundle.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as Watch from "../src/dev/Watch.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

const examples = join(import.meta.dirname, "../../examples")

const saidOfCopies = /^2 copies of effect: [^\n]*, 4\.0\.9 in \S+\/dep\/node_modules\/effect; npm ls effect/

it.live("build and dev warn of two copies of effect", () =>
  Effect.gen(function* () {
    const project = Project.make("copies", {
      "package.json": Project.manifest(),
      "src/main.ts": 'import { never } from "effect/Effect"\nimport "dep"\nconsole.log(never)',
      ...Project.otherEffect
    })
    const config = yield* LayerConfig.resolve(project, {})
    const { warnings } = yield* Bundle.build(config)
    assert.lengthOf(warnings, 1)
    assert.match(warnings[0] ?? "", saidOfCopies)
    const outcomes = yield* Watch.make({ config, others: [], file: join(project, "watched/bundle.cjs") })
    const outcome = yield* Queue.take(outcomes)
    assert.deepInclude(outcome, { _tag: "Bundled", warnings })
  })
)

it.live("a program without a position has an empty map, by build and by dev", () =>
  Effect.gen(function* () {
    const project = Project.make("endless", { "package.json": Project.manifest(), "src/main.ts": "while (true);" })
    const config = yield* LayerConfig.resolve(project, {})
    const { bundle } = yield* Bundle.build(config)
    assert.deepInclude(bundle.map, { file: "watcher/bundle.cjs", mappings: "" })
    assert.strictEqual(bundle.positions.restore("watcher/bundle.cjs:1:1"), "watcher/bundle.cjs:1:1")
    const outcomes = yield* Watch.make({ config, others: [], file: join(project, "watched/bundle.cjs") })
    assert.strictEqual((yield* Queue.take(outcomes))._tag, "Bundled")
  })
)

it.live("a file that the program reads from beside itself gets a warning, if it is there", () =>
  Effect.gen(function* () {
    const project = Project.make("beside", {
      "package.json": Project.manifest(),
      "src/main.ts": `import { unused } from "./unused.ts"
// new URL("./worker.ts", import.meta.url)
const there: URL = new URL("./worker.ts", import.meta.url)
const plain = new URL("page.html", import.meta.url)
const away = new URL("./away.ts", import.meta.url)
const folder = new URL(".", import.meta.url)
const web = new URL("https://example.com/worker.ts", import.meta.url)
console.log(there, plain, away, folder, web)`,
      "src/unused.ts": 'export const unused = () => new URL("./worker.ts", import.meta.url)',
      "src/worker.ts": "",
      "src/page.html": ""
    })
    const { warnings } = yield* Bundle.build(yield* LayerConfig.resolve(project, {}))
    assert.lengthOf(warnings, 2)
    assert.match(warnings[0] ?? "", /src\/main\.ts:3:20: \.\/worker\.ts will not be in the layer/)
    assert.match(warnings[1] ?? "", /src\/main\.ts:4:15: page\.html will not be in the layer/)
  })
)

it.live("import.meta.main in a text stays as it is, in the entry and in a dependency", () =>
  Effect.gen(function* () {
    const project = Project.make("texts", {
      "package.json": Project.manifest(),
      "src/main.ts": `import { said } from "./other.ts"
console.log("🎉 if (import.meta.main) in main.ts", \`\${import.meta.main} here\`, import.meta
  .main, said)`,
      "src/other.ts": 'export const said = ["if (import.meta.main) in other.ts", import.meta.main]'
    })
    const { bundle, warnings } = yield* Bundle.build(yield* LayerConfig.resolve(project, {}))
    assert.include(bundle.code, "🎉 if (import.meta.main) in main.ts")
    assert.include(bundle.code, "if (import.meta.main) in other.ts")
    assert.include(bundle.code, "true here")
    assert.match(bundle.code, /!0,.*!1/s, "true in the entry, false elsewhere")
    assert.deepStrictEqual(warnings, [])
  })
)

it.live("a program with telemetry has no node:http in its bundle, which would be loaded at every start", () =>
  Effect.gen(function* () {
    const { bundle } = yield* Bundle.build(yield* LayerConfig.resolve(join(examples, "telemetry-ship"), {}))
    assert.include(bundle.code, "node:net")
    assert.notInclude(bundle.code, "node:http")
  })
)

/** The modules that only one runtime needs. */
const modulesOf = {
  managed: ["Answer", "Connection", "LambdaHttpClient", "node"],
  bun: ["BunHttpClient", "bun"],
  llrt: ["Answer", "Connection", "LambdaHttpClient", "llrt"]
}
const differing = new Set(Object.values(modulesOf).flat())

describe.each(["managed", "bun", "llrt"] as const)("a bundle for the runtime %s", (runtime) => {
  it.live.each(["hello", "telemetry-ship"])("has the code of its own runtime only: %s", (example) =>
    Effect.gen(function* () {
      const config = yield* LayerConfig.resolve(join(examples, example), { runtime })
      const { bundle } = yield* Bundle.build(config)
      const names = new Set(bundle.map.sources.map((path) => basename(path, ".ts")))
      assert.sameMembers(
        [...names].filter((name) => differing.has(name)),
        modulesOf[runtime]
      )
    })
  )

  it.live("takes of a package what this runtime would take", () =>
    Effect.gen(function* () {
      const exports = {
        ".": { bun: "./bun.mjs", node: { import: "./node.mjs" } },
        "./old": { import: "./new.mjs", require: "./old.cjs" }
      }
      const project = Project.make(`conditions-${runtime}`, {
        "package.json": Project.manifest(),
        "src/main.ts": 'import { taken } from "dep"\nimport { old } from "old"\nconsole.log(taken, old)',
        "node_modules/dep/package.json": JSON.stringify({ name: "dep", exports }),
        "node_modules/dep/bun.mjs":
          'import { Database } from "bun:sqlite"\nimport { file } from "bun"\nexport const taken = ["of bun", Database, file]',
        "node_modules/dep/node.mjs": 'export const taken = "of Node"',
        "node_modules/dep/new.mjs": 'export const kind = "imported"',
        "node_modules/dep/old.cjs": 'exports.kind = "required"',
        "node_modules/old/package.json": '{"name":"old","main":"index.cjs"}',
        "node_modules/old/index.cjs": 'exports.old = require("dep/old").kind'
      })
      const { bundle, warnings } = yield* Bundle.build(yield* LayerConfig.resolve(project, { runtime }))
      const parts = ["of bun", "of Node", "required", "imported", 'require("bun:sqlite")', 'require("bun")']
      assert.deepStrictEqual(
        parts.filter((part) => bundle.code.includes(part)),
        runtime === "bun" ? ["of bun", "required", 'require("bun:sqlite")', 'require("bun")'] : ["of Node", "required"]
      )
      assert.deepStrictEqual(warnings, [])
    })
  )
})
