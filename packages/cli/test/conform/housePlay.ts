/**
 * A layer of this repository in a few scenarios, and the scenarios that do not apply to it. `npm run conform` plays all of
 * them.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Build from "../../src/build/Build.ts"
import * as Needs from "../../src/conform/play/Needs.ts"
import * as Play from "../../src/conform/play/Play.ts"
import { chatty } from "../../src/conform/play/Programs.ts"
import * as Target from "../../src/conform/play/Target.ts"
import { scenarios } from "../../src/conform/Scenarios.ts"
import * as Traits from "../../src/conform/Traits.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { withBundle } from "../support/trial.ts"
import { arch, type Layer } from "./layers.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "house-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** A scenario of each family that needs no long wait, and those that find out only then that they do not apply. */
const short: ReadonlyArray<string> = [
  "init/register-in-time",
  "next/lost-poll",
  "invoke/function-error",
  "shutdown/spindown",
  "shutdown/last-records",
  "telemetry/subscribes-in-time"
]
/** What may differ on another runtime too: freezes, faults of the network, and the environment of the function. */
export const broad: ReadonlyArray<string> = [
  ...short,
  "next/freeze",
  "next/stale-connection",
  "next/reset",
  "next/status-500",
  "shutdown/timeout",
  "shutdown/failure",
  "shutdown/in-flush",
  "telemetry/half-batch",
  "telemetry/not-utf8",
  "backend/connections-cut",
  "backend/back-again",
  "environment/proxy",
  "environment/node-options",
  "init-type/snap-start"
]

const foundOut = new Set(["telemetry/legal", "backend/secret-throttled"])

/** The scenarios that do not apply, or cannot be tried. Hello neither subscribes to telemetry nor has a backend. */
const notApplicable: Readonly<Record<string, (name: string) => boolean>> = {
  hello: (name) => /^(telemetry|backend)\//.test(name) || /^shutdown\/(last-records|in-flush)$/.test(name),
  "telemetry-ship": (name) => name.startsWith("telemetry/schema-2022")
}

type Runtime = LayerConfig.LayerConfig["runtime"]

const stageOf = Effect.fnUntraced(function* ({ backend, name, project }: Layer, runtime: Runtime) {
  const folder = yield* temporary
  const env = backend === undefined ? {} : { [backend]: "http://127.0.0.1:9" }
  const config = yield* LayerConfig.resolve(project, { runtime, arch, out: folder, env, codeCache: "off" })
  yield* withBundle(Build.run(config, { check: false, zip: false }))
  const stage: Play.Stage = {
    target: yield* Target.open(yield* Target.find(join(folder, `${name}-${arch}`))),
    handler: chatty,
    environment: {},
    sinkVariables: backend === undefined ? [] : [{ name: backend, value: "{url}" }],
    tls: undefined,
    seed: 1,
    settings: { longFreezeSeconds: 1 }
  }
  return stage
})

/** Builds the layer, and holds that it passes in the scenarios that apply to it. */
export const assertPasses = Effect.fnUntraced(function* (layer: Layer, runtime: Runtime = "managed", played = short) {
  const stage = yield* stageOf(layer, runtime)
  const traits = yield* Traits.learn(stage)
  const lacking = scenarios.filter((scenario) => Needs.lacking(scenario, traits) !== undefined)
  const chosen = scenarios.filter((scenario) => played.includes(scenario.name) && !lacking.includes(scenario))
  const verdicts = yield* Effect.forEach(chosen, (scenario) => Play.play(scenario, stage, traits), {
    concurrency: 2
  })
  const useless = verdicts.filter(({ judgement }) => judgement.status === "not applicable")
  const names = [...lacking, ...useless.map(({ scenario }) => scenario)].map(({ name }) => name)
  const isKnown = notApplicable[layer.name]
  if (isKnown !== undefined) {
    const known = scenarios.map(({ name }) => name).filter((name) => isKnown(name) && !foundOut.has(name))
    assert.sameMembers(names, known)
  }
  for (const { judgement, scenario } of verdicts) {
    const expected = names.includes(scenario.name) ? "not applicable" : "pass"
    assert.strictEqual(judgement.status, expected, `${scenario.name}: ${judgement.sentence}`)
  }
}, Effect.scoped)
