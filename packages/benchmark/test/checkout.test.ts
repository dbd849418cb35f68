/** The errors of `--against` for a folder that it cannot compare with, and the flags of the commands. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Checkout from "../src/checkout.ts"
import { type Benchmark, make, type Options } from "../src/command.ts"

const root = join(import.meta.dirname, "../../..")
const folder = realpathSync(mkdtempSync(join(tmpdir(), "checkout-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const entry = "packages/examples/hello/src/hello.ts"
const write = (path: string, content: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), content)
}
/** A checkout with one program. */
const checkout = (name: string, dependencies: Readonly<Record<string, string>> = {}) => {
  write(`${name}/packages/extension/package.json`, "{}")
  write(`${name}/packages/examples/hello/package.json`, JSON.stringify({ dependencies }))
  write(`${name}/${entry}`, "")
  return join(folder, name)
}
const problemOf = (path: string): Promise<string> =>
  Checkout.find(path, [entry]).then(
    ({ name }) => assert.fail(`${name} was accepted`),
    (error: Error) => error.message
  )

describe("--against refuses", () => {
  it("a folder that is not a checkout", async () => {
    assert.include(await problemOf(folder), `${folder} is not a checkout of this project`)
  })

  it("a checkout without the program", async () => {
    const path = checkout("early")
    rmSync(join(path, entry))
    assert.include(await problemOf(path), `${path} has no ${entry}`)
  })

  it("a checkout without its dependencies", async () => {
    const path = checkout("bare", { effect: "catalog:" })
    const problem = await problemOf(path)
    assert.include(problem, `${path} has no dependencies installed`)
    assert.include(problem, 'run "npm run pnpm -- install" there')
  })

  it("a checkout whose packages are links to those of another one", async () => {
    const path = checkout("linked", { "@effect-lambda/extension": "workspace:*" })
    const link = join(path, "packages/examples/hello/node_modules/@effect-lambda/extension")
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(join(root, "packages/extension"), link)
    assert.include(await problemOf(path), "uses @effect-lambda/extension of another checkout")
  })
})

it("--against takes this checkout, and a copy without a history by its folder", async () => {
  assert.strictEqual((await Checkout.find(root, [entry])).folder, root)
  const path = checkout("copy")
  assert.deepStrictEqual(await Checkout.find(path, [entry]), { folder: path, name: "copy" })
})

describe("the flags of a benchmark", () => {
  const textOf = (error: CliError.CliError) =>
    error._tag === "ShowHelp"
      ? error.errors.map(({ message }) => message).join()
      : String(CliError.getUserMessage(error))

  const run = (args: ReadonlyArray<string>, missed: ReadonlyArray<string> = []) =>
    Effect.gen(function* () {
      const seen: Array<Options> = []
      const benchmark: Benchmark = {
        name: "bench:test",
        description: "Measures nothing",
        size: { flag: "events", standard: 5, description: "Events" },
        needs: [entry],
        measure: (options) => {
          seen.push(options)
          return Promise.resolve(missed)
        }
      }
      const command = Command.runWith(make(benchmark), { version: "0.0.0", renderErrors: false })
      const failure = yield* command(args).pipe(Effect.match({ onFailure: textOf, onSuccess: () => undefined }))
      return { seen, failure }
    }).pipe(Effect.provide(NodeServices.layer))

  it.effect("have defaults", () =>
    Effect.gen(function* () {
      const { failure, seen } = yield* run([])
      assert.isUndefined(failure)
      assert.deepStrictEqual(seen, [{ rounds: 20, size: 5, seed: 1, against: undefined, check: false, write: false }])
    })
  )

  it.effect("reach the measurement", () =>
    Effect.gen(function* () {
      const { seen } = yield* run(["--rounds", "3", "--events", "7", "--seed", "9", "--against", root])
      assert.strictEqual(seen[0]?.against?.folder, root)
      assert.deepInclude(seen[0], { rounds: 3, size: 7, seed: 9 })
    })
  )

  it.effect.each([
    { args: ["--rounds", "0"], says: "--rounds" },
    { args: ["--rounds", "1.5"], says: "--rounds" },
    { args: ["--events", "many"], says: "--events" },
    { args: ["--against", join(folder, "nowhere")], says: "nowhere is not a checkout of this project" },
    { args: ["--against"], says: "--against" },
    { args: ["--batches", "3"], says: "--batches" },
    { args: ["elsewhere"], says: "elsewhere" }
  ])("refuse what they cannot read: $args", ({ args, says }) =>
    Effect.gen(function* () {
      const { failure, seen } = yield* run(args)
      assert.include(failure, says)
      assert.deepStrictEqual(seen, [])
    })
  )

  it.effect("fail with --check if a budget is missed, and only then", () =>
    Effect.gen(function* () {
      assert.include((yield* run(["--check"], ["peak memory"])).failure, "Over budget: peak memory.")
      assert.isUndefined((yield* run([], ["peak memory"])).failure)
      assert.isUndefined((yield* run(["--check"])).failure)
    })
  )
})
