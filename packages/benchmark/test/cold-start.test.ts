/** The figures of a cold start: what an extension adds, the budgets, and programs that this machine cannot make. */
import { afterAll, assert, describe, it, vi } from "@effect/vitest"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { added, alone } from "../src/cold-start/added.ts"
import { type Measured, resultOf, versusOf } from "../src/cold-start/figures.ts"
import { coldStart, type ColdStart, nodeFunction } from "../src/cold-start/first-invocation.ts"
import { bare } from "../src/cold-start/natives.ts"
import { signed, toMarkdown } from "../src/cold-start/report.ts"
import * as Sizes from "../src/cold-start/sizes.ts"
import type { Layer, Variant } from "../src/cold-start/variants.ts"
import type { Figure } from "../src/compare.ts"
import * as Feed from "../src/feed.ts"
import type { Life, Program } from "../src/platform.ts"
import { conditionsOf, resultOf as quotaResultOf, versusOf as quotaVersusOf } from "../src/quota/figures.ts"
import { toMarkdown as quotaMarkdown } from "../src/quota/report.ts"
import { summarize } from "../src/summary.ts"

const folder = mkdtempSync(join(tmpdir(), "cold-start-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const options = { rounds: 3, size: 20, seed: 1, against: undefined, check: false, write: false }
const program = (label: string): Program => ({
  label,
  command: [`/opt/extensions/${label}`],
  env: {},
  work: "logs"
})
const sizes = [
  { label: "telemetry-ship", zip: 490_000, zipWithoutCache: 96_000, unzipped: 1_200_000 },
  { label: "otel", zip: 630_000, zipWithoutCache: 127_000, unzipped: 1_500_000 }
] as const
const start = (initMillis: number, isExtensionLast = false): ColdStart => ({
  initMillis,
  responseMillis: initMillis + 2,
  overMillis: initMillis + 5,
  isExtensionLast
})
const moment = (millis: number) => ({ millis, waitMillis: 0, cpuMillis: millis, peakMegabytes: millis })
const life = (firstNext: number): Life => ({
  spawnMillis: 0,
  register: moment(1),
  firstNext: moment(firstNext),
  secondNext: moment(firstNext + 10),
  eventCpuMillis: 1,
  peakMegabytes: 50
})

describe("what an extension adds", () => {
  it("is taken round by round, so that a slow round is not in it", () => {
    const base = [start(50), start(90), start(50)]
    const { extensionLast, init, over, rounds } = added([start(60, true), start(100, true), start(62)], base)
    assert.strictEqual(init.median, 10)
    assert.strictEqual(over.median, 10)
    assert.deepStrictEqual([extensionLast, rounds], [2, 3])
    assert.strictEqual(alone(base).response.median, 52)
  })

  it.each([
    { values: [12], shows: "+12 ms" },
    { values: [0], shows: "+0 ms" },
    { values: [-0.4], shows: "+0 ms" },
    { values: [-3], shows: "-3 ms" }
  ])("is shown with its sign: $shows", ({ shows, values }) => {
    assert.strictEqual(signed(summarize(values)).replace("+-0", "+0"), shows)
  })
})

const raw = program("raw.cjs")
const eager = program("hello, eager")
const rust = program("Rust")
const programs = [raw, eager, rust]

const measured = (eagerFirstNext: number): Measured => ({
  lives: (one) => [life(one === raw ? 100 : one === eager ? eagerFirstNext : 5)],
  longLives: (one) => (one === rust ? [] : [{ ...life(100), eventCpuMillis: one === raw ? 0.2 : 0.3 }]),
  functions: [nodeFunction],
  starts: (one) => [start(one === undefined ? 40 : one === eager ? 55 : 50, one === eager)]
})

describe("the budgets of the eager layer", () => {
  const judged = (eagerFirstNext: number, made = programs) =>
    resultOf(measured(eagerFirstNext), made, raw).budgets.map(({ isMet, to }) => [to, isMet])

  it.each([
    { firstNext: 8, raw: true, rust: true },
    { firstNext: 12, raw: true, rust: false },
    { firstNext: 16, raw: false, rust: false }
  ])("for a first next after $firstNext % of raw.cjs", ({ firstNext, raw, rust }) => {
    assert.deepStrictEqual(judged(firstNext), [
      ["raw.cjs", raw],
      ["Rust", rust],
      ["Rust", true]
    ])
  })

  it("leave out a program that this machine cannot make", () => {
    assert.deepStrictEqual(judged(8, [raw, eager]), [["raw.cjs", true]])
    assert.deepStrictEqual(judged(8, [raw]), [])
  })
})

it("shows the lives, and the starts beside each function", () => {
  const text = toMarkdown(resultOf(measured(8), programs, raw), sizes, options, ["There is no Go program."])
  assert.include(text, "| hello, eager | 1.0 | 1.00x | 8.0 | 0.08x | 8.0 | 0.08x | 8.0 | 0.08x | 18.0 | 0.16x |")
  assert.include(text, "| hello, eager | 0.300 | 1.50x | 50.0 | 1.00x |\n\n")
  assert.include(text, "| Node function | init | response | invocation over | extension last |")
  assert.include(text, "| no extension | 40 ms | 42 ms | 45 ms |  |")
  assert.include(text, "| hello, eager | +15 ms | +15 ms | +15 ms | 1 of 1 |")
  assert.include(text, "| telemetry-ship | 490.0 | 96.0 | 1200.0 |")
  assert.include(text, "\n- There is no Go program.")
})

it("holds the layer for OpenTelemetry to its sizes", () => {
  const [ship, otel] = sizes
  const judged = (changed: Partial<Sizes.Sizes>) =>
    Sizes.budgetsOf([ship, { ...otel, ...changed }]).map(({ isMet }) => isMet)
  assert.deepStrictEqual(judged({}), [true, true])
  assert.deepStrictEqual(judged({ zip: 1.36 * ship.zip }), [false, true])
  assert.deepStrictEqual(judged({ zipWithoutCache: 130_001 }), [true, false])
})

it("holds the layer with LLRT to its size, if there is one", () => {
  const judged = (zip: number) =>
    Sizes.budgetsOf([{ label: "hello on LLRT", zip, zipWithoutCache: zip, unzipped: 2 * zip }]).map(
      ({ isMet }) => isMet
    )
  assert.deepStrictEqual(judged(8_000_000), [true])
  assert.deepStrictEqual(judged(8_000_001), [false])
})

it("compares the layers that both checkouts have", () => {
  const variant = (label: string): Variant => ({ label, example: "hello", flags: [] })
  const layer = (one: Variant, label: string): Layer => ({ variant: one, program: program(label), sizes: [] })
  const [ready, early] = [variant("hello, ready"), variant("hello, eager")]
  const here = [layer(ready, "hello, ready"), layer(early, "hello, eager")]
  const versus = versusOf(measured(8), here, [layer(ready, "hello, ready, of abc")], program("again"))
  assert.deepStrictEqual(
    versus.map(({ label }) => label),
    ["hello, ready"]
  )
  const figures = versus.flatMap(({ against }) => against).map(({ label }) => label)
  assert.include(figures, "CPU until first next")
  assert.include(figures, "response, Node function")
})

describe("starts under a quota", () => {
  const conditions = conditionsOf([nodeFunction])
  const result = (eagerInit: number) =>
    quotaResultOf(conditions, programs, (_, one) => [start(one === undefined ? 900 : one === eager ? eagerInit : 960)])

  it("are in a table of memory, program and mode", () => {
    const text = quotaMarkdown(result(990), options, summarize([1]), [])
    assert.include(text, "| 128 MB | no extension | 900 ms | 902 ms | 905 ms |  | 900 ms | 902 ms | 905 ms |  |")
    assert.include(text, "| 512 MB | Rust | +60 ms | +60 ms | +60 ms | 0 of 1 | +60 ms | +60 ms | +60 ms | 0 of 1 |")
    assert.include(text, "128 MB 7.2 % (1.45 ms), 512 MB 28.9 % (5.79 ms), 1769 MB 100.0 % (20.00 ms)")
  })

  it("are compared with those of another checkout, with the noise of the first layer", () => {
    const pairs = [
      { here: eager, against: rust, again: raw },
      { here: rust, against: raw, again: undefined }
    ]
    const [first, second] = quotaVersusOf(conditions, pairs, (_, one) => [start(one === rust ? 10 : 20)])
    const label = "init, Node function, 128 MB, throttled throughout"
    const valuesOf = (figures: ReadonlyArray<Figure> | undefined) => figures?.find((one) => one.label === label)?.values
    assert.deepStrictEqual([first?.here, first?.against, first?.again].map(valuesOf), [[20], [10], [20]])
    assert.isUndefined(second?.again)
  })

  it.each([
    { eagerInit: 990, isMet: true },
    { eagerInit: 991, isMet: false }
  ])("have a budget at 128 MB: $eagerInit ms beside 960 of Rust", ({ eagerInit, isMet }) => {
    assert.deepStrictEqual(
      result(eagerInit).budgets.map((budget) => budget.isMet),
      [isMet]
    )
  })
})

it("says which compilers are missing, and takes a function in bash then", async () => {
  vi.stubEnv("PATH", "/nowhere")
  const made = await bare(join(folder, "made"), new AbortController().signal)
  vi.unstubAllEnvs()
  assert.deepStrictEqual(made.notes, [
    'There is no Go program: go says "spawn go ENOENT".',
    'There is no Rust program: rustc says "spawn rustc ENOENT".',
    'There is no C, static program: cc says "spawn cc ENOENT".'
  ])
  assert.isTrue(existsSync(made.raw.command[0]))
  assert.isUndefined(made.rust)
  assert.strictEqual(made.nativeFunction.label, "bash function")

  const started = await coldStart({ extension: made.raw, function: made.nativeFunction }, new AbortController().signal)
  assert.isAbove(started.initMillis, 0)
  assert.isAtLeast(started.responseMillis, started.initMillis)
  assert.isAtLeast(started.overMillis, started.responseMillis)
})

it("delivers the events of an invocation when the listener is up at last", async () => {
  const taken: Array<string> = []
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => taken.push(chunk.toString("utf8")))
    request.on("end", () => response.end())
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))

  const feed = Feed.make()
  feed.invoked("before the subscription")
  feed.subscribe(JSON.stringify({ destination: { protocol: "HTTP", URI: `http://sandbox.localdomain:${port}/` } }))
  feed.invoked("one")
  feed.invoked("two")
  await listen(port)
  const types = await vi.waitUntil(
    () => {
      const events: ReadonlyArray<{ type: string; record: { requestId: string } }> = taken.flatMap((body) =>
        JSON.parse(body)
      )
      const seen = events.map(({ record, type }) => `${type} ${record.requestId}`)
      return seen.length === 4 && seen
    },
    { timeout: 60_000 }
  )
  feed.end()
  server.close()
  assert.deepStrictEqual(types, [
    "platform.start one",
    "platform.runtimeDone one",
    "platform.start two",
    "platform.runtimeDone two"
  ])
})
