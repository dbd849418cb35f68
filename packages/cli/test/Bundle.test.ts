/** What becomes of a program in the bundle, and what is said about it, by `build` and by `dev`. */
import { afterAll, assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { join } from "node:path"
import * as Bundle from "../src/layer/Bundle.ts"
import * as LayerConfig from "../src/layer/LayerConfig.ts"
import * as Watch from "../src/layer/Watch.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

const saidOfCopies = /^2 copies of effect: [^\n]*, 4\.0\.9 in \S+\/dep\/node_modules\/effect; npm ls effect/

it.live("two copies of effect are warned of by build and by dev", () =>
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
