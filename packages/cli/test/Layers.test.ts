/** Built layers of the examples as Lambda has them: unzipped, beside functions in Node and in Python. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as SlowRegister from "../../examples/hello/test/slowRegister.ts"
import * as Receiver from "../../examples/telemetry-ship/src/Receiver.ts"
import * as Build from "../src/build/Build.ts"
import * as Bun from "../src/build/Bun.ts"
import * as Findings from "../src/check/Findings.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as LayerContent from "../src/layer/LayerContent.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import {
  assertWell,
  functions,
  live,
  managedNode,
  nodeFunction,
  outputOf,
  python,
  pythonFunction
} from "./support/life.ts"
import { withBundle } from "./support/trial.ts"

const examples = join(import.meta.dirname, "../../examples")
const folder = mkdtempSync(join(tmpdir(), "layers-"))
const architecture = process.arch === "arm64" ? "arm64" : "x64"

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Builds a layer of an example, once for this file, and gives its /opt; `zip`: by way of its zip. */
const build = Effect.fnUntraced(function* (example: string, how: string, flags: LayerConfig.Settings, zip = false) {
  const settings = { ...flags, name: example, arch: architecture, out: join(folder, how) }
  const config = yield* LayerConfig.resolve(join(examples, example, "src", `${example}.ts`), settings)
  const { layers } = yield* withBundle(Build.run(config, { check: false, zip }))
  const [layer] = layers
  assert.isDefined(layer)
  return layer.zip === undefined ? layer.directory : unzip(layer.zip.file, `${layer.directory}-unzipped`)
})

const unzip = (file: string, directory: string): string => {
  for (const entry of Result.getOrThrow(ZipReader.read(readFileSync(file)))) {
    const path = join(directory, entry.path)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, entry.read())
    chmodSync(path, entry.mode ?? 0)
  }
  return directory
}

const opts = new Map<string, string>()
const optOf = (layer: string): string => opts.get(layer) ?? assert.fail(`${layer} was not built`)

beforeAll(
  () =>
    Effect.runPromise(
      Effect.forEach(
        [
          ["hello", "managed", {}, true],
          ["telemetry-ship", "managed", {}, true],
          ["hello", "auto", { runtime: "auto", codeCache: "off" }],
          ["hello", "node", { runtime: "node", entryKind: "node", codeCache: "off" }],
          ["hello", "bun", { runtime: "bun" }]
        ] as const,
        ([example, how, flags, zip]) =>
          Effect.map(build(example, how, flags, zip), (opt) => void opts.set(`${example} ${how}`, opt)),
        { concurrency: 2, discard: true }
      )
    ),
  120_000
)

/** A PATH with Python and nothing else, as in the image of a Python function. */
const pythonOnly = join(folder, "python-only")
mkdirSync(pythonOnly)
if (python !== undefined) symlinkSync(python, join(pythonOnly, "python3"))

if (python === undefined) {
  it.live("Python is missing here: the emulator says so, and nothing of this file shows more about it", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.make({ function: { handler: pythonFunction } })
      const { message } = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"), "1 minute")
      assert.include(message, "python3")
    })
  )
}

describe.each(functions)("unzipped, beside a function in %s", (_, handler) => {
  it.live("hello logs each invocation and its end", () =>
    Effect.gen(function* () {
      const life = yield* live(optOf("hello managed"), handler, managedNode)
      assertWell(life, "hello")
      const output = outputOf(life, "extension:hello")
      assert.lengthOf(output.match(/"invocation [-0-9a-f]+: \d+(\.\d+)? ms left"/g) ?? [], 2)
      assert.include(output, "2 invocations, then shutdown: spindown")
    })
  )

  it.live("telemetry-ship delivers every line of the function", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver.make()
      const environment = { ...managedNode, TELEMETRY_URL: receiver.url }
      assertWell(yield* live(optOf("telemetry-ship managed"), handler, environment), "telemetry-ship")
      const lines = receiver.accepted().filter((line) => line.includes("the function says hello to"))
      assert.deepStrictEqual(
        lines.map((line) => /hello to (\w+)/.exec(line)?.[1]),
        ["Ada", "Grace"]
      )
    })
  )
})

it.live("hello survives a register that is answered after 1.3 seconds, and registers once", () =>
  Effect.gen(function* () {
    const { crashes, output } = yield* SlowRegister.play(optOf("hello managed"), 1.3)
    assert.deepStrictEqual(crashes, [], output.join("\n"))
  })
)

describe("with a function in Python, without a Node in PATH or in the image", () => {
  const environment = { PATH: pythonOnly }
  const handler = python === undefined ? nodeFunction : pythonFunction

  it("the image has none", () => assert.isFalse(existsSync("/var/lang/bin/node")))

  it.live("auto starts the Node of the layer", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.make({
        extensions: { opt: optOf("hello auto") },
        function: { handler },
        environment
      })
      yield* emulator.journal.waitFor(
        Journal.is("InitEnded", ({ status }) => status === "success"),
        "1 minute"
      )
      const started = (yield* emulator.journal.entries).find(
        Journal.is("ProcessStarted", ({ source }) => source === "extension:hello")
      )
      const [command = ""] = readFileSync(`/proc/${started?.pid}/cmdline`, "utf8").split("\0")
      assert.strictEqual(join(command), join(optOf("hello auto"), "hello/bin/node"))
    })
  )

  it.live("auto lives from register to SHUTDOWN", () =>
    Effect.gen(function* () {
      assertWell(yield* live(optOf("hello auto"), handler, environment), "hello")
    })
  )

  it.live("managed says what is missing, and how to have it", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.make({
        extensions: { opt: optOf("hello managed") },
        function: { handler },
        environment
      })
      const init = yield* emulator.journal.waitFor(Journal.is("InitEnded"), "1 minute")
      assert.deepInclude(init, { status: "error", errorType: "Extension.InitError" })
      const entries = yield* emulator.journal.entries
      const reason =
        "effect-lambda: hello: no runtime can be started, tried /var/lang/bin/node: this function's runtime has no Node, " +
        "build the layer with --runtime auto or node"
      const report = entries.find(Journal.is("ErrorReported"))
      assert.deepInclude(report, { errorType: "Extension.LoadError" })
      assert.include(JSON.stringify(report), reason)
      const output = outputOf({ payloads: [], entries }, "extension:hello")
      assert.deepStrictEqual(JSON.parse(output), { level: "FATAL", message: reason })
    })
  )

  it.live("bun needs nothing of the image, and takes no proxy", () =>
    Effect.gen(function* () {
      const proxy = { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" }
      const life = yield* live(optOf("hello bun"), handler, { ...environment, ...proxy })
      assertWell(life, "hello")
      assert.include(outputOf(life, "extension:hello"), "2 invocations, then shutdown: spindown")
    })
  )
})

it("check finds nothing wrong with a layer that holds bun, whose own words look like those of an .npmrc", () => {
  const content = Result.getOrThrow(LayerContent.open(optOf("hello bun")))
  assert.deepStrictEqual(Findings.find(content, { arch: architecture, runtimes: [] }), [])
})

describe("at the real /opt", () => {
  // The first line of its entry is `#!/opt/hello/bin/node`, which is nowhere else.
  it.live("a layer with a Node in it and no stub runs, or a sentence says why nothing can be mounted", () =>
    Effect.gen(function* () {
      const made = yield* Effect.result(live(optOf("hello node"), nodeFunction, {}, true))
      if (Result.isFailure(made)) return assert.include(made.failure.message, "cannot be shown as /opt here")
      assertWell(made.success, "hello")
    })
  )

  it.live.each(["hello auto", "hello bun"])("%s runs from its stub", (layer) =>
    Effect.gen(function* () {
      const made = yield* Effect.result(live(optOf(layer), nodeFunction, {}, true))
      if (Result.isFailure(made)) return assert.include(made.failure.message, "cannot be shown as /opt here")
      assertWell(made.success, "hello")
    })
  )
})

describe("without bun", () => {
  const compile = (platform: string) =>
    Bun.compile({ name: "a", bundle: "", platform, arch: "x64", project: folder }).pipe(Effect.flip)

  it.live("a build names the package that is missing", () =>
    Effect.gen(function* () {
      // No npm, so nothing can be fetched.
      const { PATH, XDG_CACHE_HOME } = process.env
      Object.assign(process.env, { PATH: pythonOnly, XDG_CACHE_HOME: folder })
      const { cause } = yield* Effect.ensuring(
        compile("plan9"),
        Effect.sync(() => {
          process.env.PATH = PATH
          if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME
          else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME
        })
      )
      assert.include(
        String(cause),
        `bun ${Bun.version} for plan9 x64 was neither found nor downloaded: npm was not found`
      )
      assert.include(String(cause), `Install the package @oven/bun-plan9-x64@${Bun.version} in the project`)
    })
  )

  it("the version is that of the catalog", () => {
    const catalog = readFileSync(join(import.meta.dirname, "../../../pnpm-workspace.yaml"), "utf8")
    for (const arch of ["x64", "aarch64"]) assert.include(catalog, `"@oven/bun-linux-${arch}": ${Bun.version}\n`)
  })
})
