/** The examples as layers with both starts, beside functions in Node, in bash, and in Python where there is one. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Receiver from "../../../examples/telemetry-ship/src/Receiver.ts"
import * as Build from "../../src/build/Build.ts"
import * as Findings from "../../src/check/Findings.ts"
import * as Summary from "../../src/emulate/summary/Summary.ts"
import * as LayerContent from "../../src/layer/LayerContent.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import * as Result from "effect/Result"
import { assertWell, bashFunction, functions, type Life, live, managedNode, outputOf } from "../support/life.ts"
import * as Start from "../starts/Start.ts"
import { withBundle } from "../support/trial.ts"

const examples = join(import.meta.dirname, "../../../examples")
const folder = mkdtempSync(join(tmpdir(), "starts-"))
const arch = process.arch === "arm64" ? "arm64" : "x64"

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const layers = ["hello", "hello-stream", "telemetry-ship"].flatMap((example) =>
  (["ready", "eager"] as const).map((start) => ({
    example,
    start,
    // The port of telemetry comes from the name, and other tests of this machine have this example too.
    name: `${example}-${start}-${process.pid}`
  }))
)

const opts = new Map<string, string>()

beforeAll(
  () =>
    Effect.runPromise(
      Effect.forEach(
        layers,
        Effect.fnUntraced(function* ({ example, name, start }) {
          const env = { TELEMETRY_URL: "http://127.0.0.1:9" }
          const settings: LayerConfig.Settings = { name, start, env, arch, out: folder }
          const config = yield* LayerConfig.resolve(join(examples, example, "src", `${example}.ts`), settings)
          const { layers } = yield* withBundle(Build.run(config, { check: false, zip: false }))
          opts.set(name, layers[0]?.directory ?? "")
        }),
        { concurrency: 2, discard: true }
      )
    ),
  120_000
)

const optOf = (name: string): string => opts.get(name) ?? assert.fail(`${name} was not built`)

/** How often the extension polled, and the events that it was given. */
const pollsOf = ({ entries }: Life, name: string) => {
  const own = entries.filter(Journal.is("NextCalled", ({ source }) => source === `extension:${name}`))
  return {
    polls: own.length,
    given: entries.filter(Journal.is("EventDelivered", ({ source }) => source !== "runtime"))
  }
}

const problemsOf = ({ entries }: Life) => {
  const summary = Summary.make()
  for (const entry of entries) summary.add(entry)
  return summary.result()
}

const rows = [...functions, ["bash", bashFunction] as const].flatMap(([language, handler]) =>
  layers.map((layer) => ({ ...layer, language, handler }))
)

describe("every record, event and poll once", () => {
  it.live.each(rows)("$example, $start, beside a function in $language", ({ example, handler, name, start }) =>
    Effect.gen(function* () {
      const receiver = yield* Receiver.make()
      const life = yield* live(optOf(name), handler, { ...managedNode, TELEMETRY_URL: receiver.url })
      assertWell(life, name)
      // One poll for each event: two invocations and SHUTDOWN.
      const { given, polls } = pollsOf(life, name)
      assert.strictEqual(polls, 3)
      assert.deepStrictEqual(
        given.map(({ eventType, lost }) => [eventType, lost]),
        [
          ["INVOKE", false],
          ["INVOKE", false],
          ["SHUTDOWN", false]
        ]
      )
      const { problems } = problemsOf(life)
      assert.deepStrictEqual(problems, [])
      if (example !== "telemetry-ship") {
        assert.include(outputOf(life, `extension:${name}`), "2 invocations, then shutdown: spindown")
        return
      }
      const records = receiver.accepted().map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        records.flatMap(({ record }) => /hello to (\w+)/.exec(String(record))?.[1] ?? []),
        ["Ada", "Grace"]
      )
      const types = records.map(({ type }) => type)
      assert.strictEqual(types[0], "platform.initStart")
      for (const [type, count] of [
        ["platform.initStart", 1],
        ["platform.initReport", 1],
        ["platform.start", 2],
        ["platform.runtimeDone", 2],
        ["platform.report", 2]
      ]) {
        assert.lengthOf(
          types.filter((each) => each === type),
          Number(count),
          `${type}, start ${start}`
        )
      }
    })
  )

  it("check has no findings about an eager layer", () => {
    for (const { name } of layers) {
      const content = Result.getOrThrow(LayerContent.open(optOf(name)))
      assert.deepStrictEqual(Findings.find(content, { arch, runtimes: [] }), [])
    }
  })
})

describe("starts whose telemetry is refused until the listener is up", () => {
  const built = Effect.runSync(Effect.cached(Start.build(`starts-${process.pid}`, folder)))

  it.live("every record from platform.initStart on is at the backend or counted, and none is there twice", () =>
    Effect.gen(function* () {
      const opt = yield* built
      let refused = 0
      for (let index = 0; index < 8; index++) {
        const plan = Start.plan(1, index)
        const outcome = yield* Start.play(opt, plan)
        const { doubled, missing, problems } = outcome
        assert.deepStrictEqual(
          { doubled, missing, problems },
          { doubled: [], missing: [], problems: [] },
          JSON.stringify(plan)
        )
        refused += outcome.refused
      }
      assert.isAtLeast(refused, 8)
    })
  )

  it.live("a process that dies before it listens: Lambda starts another one, which gets what waits", () =>
    Effect.gen(function* () {
      const opt = yield* built
      // It may die in the first invocation: the process of the second one gets the rest.
      const plan: Start.Plan = {
        lateMillis: 0,
        diesOnce: true,
        initType: "on-demand",
        freeze: false,
        initLines: 3,
        lineLength: 200,
        invocations: [2, 2]
      }
      const { arrived, doubled, entries, missing, problems } = yield* Start.play(opt, plan)
      assert.deepStrictEqual({ doubled, missing, problems }, { doubled: [], missing: [], problems: [] })
      assert.isAbove(arrived, 10)
      const states = entries.filter(Journal.is("TelemetrySubscription")).map(({ state }) => state)
      assert.deepStrictEqual(states, ["Subscribed", "Already subscribed"])
    })
  )
})
