/** The bundle of a program, and the warnings about it, by `build` and by `dev`. */
import { afterAll, assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { join } from "node:path"
import * as Bundle from "../src/build/Bundle.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as Watch from "../src/dev/Watch.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

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
    const project = join(import.meta.dirname, "../../examples/telemetry-ship")
    const { bundle } = yield* Bundle.build(yield* LayerConfig.resolve(project, {}))
    assert.include(bundle.code, "node:net")
    assert.notInclude(bundle.code, "node:http")
  })
)
