/** The examples as layers beside functions in Node, in bash, and in Python where there is one: every record, event and poll once. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Receiver from "../../../examples/telemetry-ship/src/Receiver.ts"
import * as Build from "../../src/build/Build.ts"
import * as Findings from "../../src/check/Findings.ts"
import * as Summary from "../../src/emulate/summary/Summary.ts"
import * as LayerContent from "../../src/layer/LayerContent.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { assertWell, bashFunction, functions, type Life, live, managedNode, outputOf } from "../support/life.ts"
import { withBundle } from "../support/trial.ts"

const examples = join(import.meta.dirname, "../../../examples")
const arch = process.arch === "arm64" ? "arm64" : "x64"

/** A layer of an example, and a function beside it. */
export interface Row {
  readonly example: string
  readonly start: (typeof LayerConfig.starts)[number]
  readonly language: string
  readonly handler: string
}

export const names = ["hello", "hello-stream", "telemetry-ship"] as const

export const rows: ReadonlyArray<Row> = [...functions, ["bash", bashFunction] as const].flatMap(([language, handler]) =>
  names.flatMap((example) => LayerConfig.starts.map((start) => ({ example, start, language, handler })))
)

// The port of telemetry comes from the name, and other tests of this machine have this example too.
const nameOf = ({ example, start }: Row) => `${example}-${start}-${process.pid}`

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

/** Two invocations and SHUTDOWN. */
const play = Effect.fnUntraced(function* (row: Row, opt: string) {
  const { example, handler, start } = row
  const name = nameOf(row)
  const receiver = yield* Receiver.make()
  const life = yield* live(opt, handler, { ...managedNode, TELEMETRY_URL: receiver.url })
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

/** Makes a test of each row, and a test that check finds nothing in the layers. */
export const playOnce = (rows: ReadonlyArray<Row>, runtime: "managed" | "llrt"): void => {
  const folder = mkdtempSync(join(tmpdir(), "starts-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const opts = new Map<string, string>()
  const optOf = (row: Row): string => opts.get(nameOf(row)) ?? assert.fail(`${nameOf(row)} was not built`)

  const build = Effect.fnUntraced(function* (row: Row) {
    const { example, start } = row
    const env = { TELEMETRY_URL: "http://127.0.0.1:9" }
    const settings: LayerConfig.Settings = { name: nameOf(row), runtime, start, env, arch, out: folder }
    const config = yield* LayerConfig.resolve(join(examples, example, "src", `${example}.ts`), settings)
    const { layers } = yield* withBundle(Build.run(config, { check: false, zip: false }))
    opts.set(nameOf(row), layers[0]?.directory ?? "")
  })

  const layers = [...new Map(rows.map((row) => [nameOf(row), row])).values()]
  beforeAll(() => Effect.runPromise(Effect.forEach(layers, build, { concurrency: 2, discard: true })), 300_000)

  describe("every record, event and poll once", () => {
    it.live.each(rows)("$example, $start, beside a function in $language", (row) => play(row, optOf(row)))

    it("check has no findings about a layer", () => {
      for (const row of layers) {
        const content = Result.getOrThrow(LayerContent.open(optOf(row)))
        assert.deepStrictEqual(Findings.find(content, { arch, runtimes: [] }), [])
      }
    })
  })
}
