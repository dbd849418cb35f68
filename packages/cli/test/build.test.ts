/** `effect-lambda build`: layers of the examples as a person builds them, and what becomes of bad input. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Build from "../src/layer/Build.ts"
import * as CodeCache from "../src/layer/CodeCache.ts"
import * as Findings from "../src/layer/Findings.ts"
import * as FunctionRuntime from "../src/layer/FunctionRuntime.ts"
import * as LayerConfig from "../src/layer/LayerConfig.ts"
import * as LayerContent from "../src/layer/LayerContent.ts"
import * as NodeBinary from "../src/layer/NodeBinary.ts"
import * as TrialRun from "../src/layer/TrialRun.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import * as Project from "./support/projects.ts"

const bin = join(import.meta.dirname, "../bin/effect-lambda.mjs")
const examples = join(import.meta.dirname, "../../examples")

const cli = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  new Promise<{ readonly code: number; readonly output: string }>((resolve) => {
    const options = { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, timeout: 30_000 }
    const child = execFile(process.execPath, [bin, ...args], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr })
    )
  })

/** A copy of an example elsewhere, built in this environment. */
const buildCopy = async (
  example: string,
  place: string,
  env: Readonly<Record<string, string>>,
  ...flags: ReadonlyArray<string>
) => {
  const project = Project.make(join(place, example), {
    "package.json": readFileSync(join(examples, example, "package.json"))
  })
  cpSync(join(examples, example, "src"), join(project, "src"), { recursive: true })
  const { code, output } = await cli(["build", project, "--no-check", "--arch", "both", "--json", ...flags], env)
  assert.strictEqual(code, 0, output)
  const built: Build.Built = JSON.parse(output)
  return built
}

/** Every file of a folder: mode and bytes. */
const filesIn = (folder: string) =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const file = join(entry.parentPath, entry.name)
        return [file.slice(folder.length + 1), `${statSync(file).mode.toString(8)} ${readFileSync(file, "latin1")}`]
      })
  )

const withoutCaches = (files: ReadonlyMap<string, string>) =>
  Object.fromEntries([...files].filter(([path]) => !path.endsWith(".cache")).toSorted())

let hello: readonly [Build.Built, Build.Built]
let telemetryShip: readonly [Build.Built, Build.Built]

const tokyo = { TZ: "Asia/Tokyo" }
const newfoundland = { TZ: "America/St_Johns" }
/** Where nothing can be downloaded, and nothing has been. */
const offline = { PATH: "/nowhere", XDG_CACHE_HOME: join(Project.folder, "cache") }

beforeAll(async () => {
  hello = await Promise.all([
    buildCopy("hello", "here", tokyo),
    buildCopy("hello", "there/and/elsewhere", { ...newfoundland, ...offline }, "--node", "22.20.0")
  ])
  telemetryShip = await Promise.all([
    buildCopy("telemetry-ship", "here", tokyo, "--code-cache", "off"),
    buildCopy("telemetry-ship", "there/and/elsewhere", newfoundland, "--code-cache", "off")
  ])
}, 60_000)

afterAll(Project.remove)

const nodeRuntimes = ["nodejs22.x", "nodejs24.x"].flatMap((id) => FunctionRuntime.parse(id) ?? [])

const layerOf = (built: Build.Built, arch: string): Build.BuiltLayer => {
  const layer = built.layers.find((layer) => layer.arch === arch)
  assert.isDefined(layer)
  return layer
}

/** One invocation and SHUTDOWN, with everything as it should be. */
const runOnce = Effect.fnUntraced(function* (opt: string, name: string) {
  const emulator = yield* Emulator.make({
    extensions: { opt },
    function: { handler: join(import.meta.dirname, "fixtures/handler.mjs") },
    environment: { EFFECT_LAMBDA_NODE: process.execPath }
  })
  const { functionError, requestId } = yield* emulator.invoke("{}")
  assert.isUndefined(functionError)
  yield* emulator.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
  yield* emulator.shutdown()
  const entries = yield* emulator.journal.entries
  assert.deepStrictEqual(
    entries.filter(Journal.is("Registered")).map(({ events, source }) => [source, events]),
    [[`extension:${name}`, ["INVOKE", "SHUTDOWN"]]]
  )
  const ended = entries.find(Journal.is("ProcessExited", ({ source }) => source === `extension:${name}`))
  assert.deepInclude(ended, { state: "Exited", status: { _tag: "Code", code: 0 } })
})

/** An extension that lives and does nothing. */
const runs = `
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
Extension.run({}).pipe(NodeExtension.runMain)`

const own = process.arch === "arm64" ? "arm64" : "x64"
const other = own === "x64" ? "arm64" : "x64"

describe("the layer", () => {
  it("check has nothing to say about either example, as a zip and as a directory", () => {
    const findings = [hello[0], telemetryShip[0]].flatMap(({ layers }) =>
      layers.flatMap(({ arch, directory, zip }) =>
        [directory, zip?.file ?? assert.fail("no zip")].flatMap((path) => {
          const content = Result.getOrThrow(LayerContent.open(path))
          assert.isAtLeast(content.entries.length, 3)
          return Findings.find(content, { arch, runtimes: nodeRuntimes })
        })
      )
    )
    assert.deepStrictEqual(findings, [])
  })

  it("has the entry, the loader, the bundle and a code cache, with the modes that Lambda wants", () => {
    const { codeCaches, directory } = layerOf(hello[0], own)
    const files = [...filesIn(directory)].map(([path, content]) => [path, content.slice(0, 6)])
    assert.deepStrictEqual(Object.fromEntries(files), {
      "extensions/hello": "100755",
      "hello/index.cjs": "100644",
      "hello/bundle.cjs": "100644",
      [`hello/bundle.${process.versions.v8}-${own}.cache`]: "100644"
    })
    assert.deepStrictEqual(codeCaches, [`hello/bundle.${process.versions.v8}-${own}.cache`])
    assert.deepStrictEqual(hello[0].events, ["INVOKE", "SHUTDOWN"])
  })

  it("is the same in the zip", () => {
    const { directory, zip } = layerOf(hello[0], own)
    assert.isDefined(zip)
    const entries = Result.getOrThrow(ZipReader.read(readFileSync(zip.file)))
    assert.deepStrictEqual(
      new Map(
        entries.map(({ mode = 0, path, read }) => [
          path,
          `${(0o100000 | mode).toString(8)} ${Buffer.from(read()).toString("latin1")}`
        ])
      ),
      filesIn(directory)
    )
    assert.strictEqual(zip.bytes, statSync(zip.file).size)
    assert.strictEqual(zip.sha256, createHash("sha256").update(readFileSync(zip.file)).digest("base64"))
  })

  it("V8 takes the code cache", async () => {
    const hook = join(Project.folder, "hook.cjs")
    writeFileSync(
      hook,
      `const vm = require("vm")
      vm.Script = class extends vm.Script {
        constructor(...args) {
          super(...args)
          process.stdout.write("rejected: " + this.cachedDataRejected)
          process.exit(0)
        }
      }`
    )
    const loader = join(layerOf(hello[0], own).directory, "hello/index.cjs")
    const output = await new Promise((resolve) =>
      execFile(process.execPath, ["--require", hook, loader], { timeout: 10_000 }, (_, stdout) => resolve(stdout))
    )
    assert.strictEqual(output, "rejected: false")
  })

  it("the other architecture has caches too, or a note says what is missing", () => {
    const { codeCaches } = layerOf(hello[0], other)
    if (codeCaches.length > 0) return assert.match(codeCaches.join(), new RegExp(`-${other}\\.cache$`))
    assert.match(hello[0].notes.join("\n"), new RegExp(`no code cache.* ${other}`))
  })

  it.effect("qemu or its libraries that are missing are a note", () =>
    Effect.gen(function* () {
      const config = yield* LayerConfig.resolve(join(examples, "hello"), {})
      const make = (path: string) =>
        Effect.map(
          Effect.provideService(
            CodeCache.make(config, other, "", undefined),
            ConfigProvider.ConfigProvider,
            ConfigProvider.fromEnv({ env: { PATH: path, XDG_CACHE_HOME: "/nowhere" } })
          ),
          ({ files, notes }) => {
            assert.deepStrictEqual(files, [])
            return notes.join("\n")
          }
        )
      const qemu = other === "arm64" ? "qemu-aarch64" : "qemu-x86_64"
      assert.strictEqual(
        yield* make("/nowhere"),
        `no code caches for ${other}: neither ${qemu}-static nor ${qemu} is installed here; the layer starts a little slower there`
      )
      const tools = Project.make("tools", { [qemu]: "" })
      const said = yield* make(`/nowhere:${tools}`)
      if (existsSync(CodeCache.linkerOf(other))) assert.include(said, `no code cache for Node ${process.versions.node}`)
      else assert.include(said, `${join(tools, qemu)} has no C library in /usr/`)
    })
  )

  it("a Node for a cache that cannot be had is a note", () => {
    assert.include(hello[1].notes, `no code cache for Node 22.20.0 on ${own}: npm was not found`)
    assert.deepStrictEqual(layerOf(hello[1], own).codeCaches, layerOf(hello[0], own).codeCaches)
  })

  it("a Node of its own is the one of the catalog", () => {
    const catalog = readFileSync(join(import.meta.dirname, "../../../pnpm-workspace.yaml"), "utf8")
    for (const arch of LayerConfig.architectures) {
      assert.include(catalog, `  node-linux-${arch}: ${NodeBinary.bundledVersion}\n`)
    }
  })

  it.live("runs: the stub registers, the program adopts it, and ends at SHUTDOWN", () =>
    runOnce(layerOf(hello[0], own).directory, "hello")
  )

  it.live("runs with Node as its entry: the program registers itself", () =>
    Effect.gen(function* () {
      const project = Project.make("node-entry", {
        "package.json": Project.manifest({ entryKind: "node", arch: own, codeCache: "off" }),
        "src/main.ts": runs
      })
      const config = yield* LayerConfig.resolve(project, {})
      const { layers, name } = yield* Build.run(config, { check: false, zip: false })
      const [{ directory = "", zip } = {}] = layers
      assert.isUndefined(zip)
      assert.isFalse(existsSync(`${directory}.zip`))
      assert.match(readFileSync(join(directory, "extensions", name), "utf8"), /^#!\/usr\/bin\/env node\n/)
      yield* runOnce(directory, name)
    })
  )
})

describe("two builds in two folders and two time zones", () => {
  it.each([own, other])("are equal entry by entry but for caches, and have one content hash: %s", (arch) => {
    const [here, there] = hello.map((built) => layerOf(built, arch))
    assert.isDefined(here)
    assert.isDefined(there)
    assert.notStrictEqual(here.directory, there.directory)
    assert.deepStrictEqual(withoutCaches(filesIn(here.directory)), withoutCaches(filesIn(there.directory)))
    assert.strictEqual(here.contentHash, there.contentHash)
  })

  it("differ in their caches at most, so the content hash leaves them out", () => {
    const [first, second] = [layerOf(hello[0], own), layerOf(hello[0], other)]
    assert.notStrictEqual(first.zip?.sha256, second.zip?.sha256, "one has more caches")
    assert.strictEqual(first.contentHash, second.contentHash)
  })

  it.each([own, other])("without caches are equal as whole zips: %s", (arch) => {
    const [here, there] = telemetryShip.map((built) => layerOf(built, arch))
    assert.isDefined(here?.zip)
    assert.isDefined(there?.zip)
    assert.isTrue(readFileSync(here.zip.file).equals(readFileSync(there.zip.file)))
    assert.deepStrictEqual(here.codeCaches, [])
  })
})

it("what the program logs as errors in its trial run is a note", () => {
  const [note = ""] = telemetryShip[0].notes
  assert.include(note, "what went wrong in the trial run")
  assert.include(note, "init failed; idle from here on")
  assert.include(note, "TELEMETRY_URL")
})

describe("bad input", () => {
  let count = 0
  /** Builds this main.ts; there must be nothing in the output afterwards. */
  const refusal = Effect.fnUntraced(function* (
    main: string | Uint8Array,
    {
      check = false,
      config = {},
      files = {}
    }: { check?: boolean; config?: unknown; files?: Record<string, string> } = {}
  ) {
    const project = Project.make(`bad-${++count}`, {
      "package.json": Project.manifest(config),
      "src/main.ts": main,
      ...files
    })
    const layer = yield* LayerConfig.resolve(project, {})
    const error = yield* Effect.flip(Build.run(layer, { check, zip: true }))
    assert.isFalse(existsSync(layer.out), "nothing is written")
    return String(error.cause)
  })

  it.live("a program that throws at its start", () =>
    Effect.gen(function* () {
      const said = yield* refusal('throw new Error("no licence")')
      assert.include(said, "the extension did not start in its trial run under the emulator")
      assert.include(said, "it ended with exit code 1 before it registered")
      assert.include(said, "no licence")
    })
  )

  it.live("a program that ends without registering", () =>
    Effect.gen(function* () {
      const said = yield* refusal('console.log("done already")')
      assert.include(said, "it ended with exit code 0 before it registered\nit printed:\n  done already")
    })
  )

  it.live("a program that never registers", () =>
    Effect.gen(function* () {
      const program = { bundle: "setInterval(() => {}, 1000)", node: TrialRun.ownNode }
      const options = { name: "a", program, env: {} }
      const { cause } = yield* Effect.flip(TrialRun.run({ ...options, limitMillis: 500 }))
      assert.include(String(cause), "it did not register in time\nit printed nothing")
    })
  )

  it.live("a program that stays after SHUTDOWN is built, and told of", () =>
    Effect.gen(function* () {
      const bundle = `
        const { request } = require("node:http")
        const url = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/"
        const headers = { "Lambda-Extension-Name": process.env.EFFECT_LAMBDA_EXTENSION_NAME }
        const next = (answer) => {
          const { "lambda-extension-identifier": id } = answer.headers
          const headers = { "Lambda-Extension-Identifier": id ?? answer.req.getHeader("Lambda-Extension-Identifier") }
          answer.resume().on("end", () => request(url + "event/next", { headers }).on("response", next).end())
        }
        request(url + "register", { method: "POST", headers }).on("response", next).end('{"events":["INVOKE","SHUTDOWN"]}')`
      const trial = yield* TrialRun.run({ name: "a", program: { bundle, node: TrialRun.ownNode }, env: {} })
      assert.deepStrictEqual(trial, {
        events: ["INVOKE", "SHUTDOWN"],
        codeCache: undefined,
        errors: ["it did not end within 2 seconds after SHUTDOWN"]
      })
    })
  )

  it.live("a program that registers for an event that there is not", () =>
    Effect.gen(function* () {
      const said = yield* refusal(`
        const { request } = process.getBuiltinModule("node:http")
        const headers = { "Lambda-Extension-Name": process.env.EFFECT_LAMBDA_EXTENSION_NAME }
        request("http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/register", { method: "POST", headers })
          .on("response", (response) => process.exit(response.statusCode === 200 ? 0 : 1))
          .end('{"events":["RESUME"]}')`)
      assert.include(said, "Extension.InvalidEventType, RESUME: ErrorInvalidEventType")
    })
  )

  it.live("events of the configuration that are not those of the program", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refusal(runs, { config: { events: ["SHUTDOWN"] } }),
        "the configuration names the events SHUTDOWN, but the program registers for INVOKE, SHUTDOWN: make them the " +
          "same, or leave them out of the configuration"
      )
    })
  )

  it.live("an entry that does not type-check", () =>
    Effect.gen(function* () {
      const files = { "tsconfig.json": '{"compilerOptions":{"strict":true,"noEmit":true},"include":["src"]}' }
      const project = Project.make("typed", {
        "package.json": Project.manifest(),
        "src/main.ts": 'const count: number = "three"\nexport { count }',
        ...files
      })
      cpSync(join(import.meta.dirname, "../../../node_modules/typescript"), join(project, "node_modules/typescript"), {
        recursive: true
      })
      const layer = yield* LayerConfig.resolve(project, {})
      const { cause } = yield* Effect.flip(Build.run(layer, { check: true, zip: true }))
      assert.include(
        String(cause),
        "the types are wrong (--no-check builds all the same):\nsrc/main.ts(1,7): error TS2322"
      )
      assert.isFalse(existsSync(layer.out))
    })
  )

  it.live.each([
    ["a syntax error", "const a = 1\nconst b = ;", {}, "src/main.ts:2:11: Unexpected token"],
    ["a missing package", 'import "not-there"', {}, "src/main.ts:1:8: Could not resolve 'not-there'"],
    ["a missing file", 'import "./none.ts"', {}, "src/main.ts:1:8: Could not resolve './none.ts'"],
    ["a top-level await", "await 1\nexport {}", {}, "src/main.ts:1:1: "],
    [
      "a native addon",
      'import addon from "addon"\nconsole.log(addon)',
      {
        "node_modules/addon/package.json": '{"name":"addon","main":"index.js"}',
        "node_modules/addon/index.js": 'module.exports = require("./build/addon.node")',
        "node_modules/addon/build/addon.node": "\u007fELF"
      },
      "node_modules/addon/build/addon.node is a native addon: it cannot be part of a layer"
    ],
    [
      "a loader of native addons",
      'import addon from "addon"\nconsole.log(addon)',
      {
        "node_modules/addon/package.json": '{"name":"addon","main":"index.js"}',
        "node_modules/addon/index.js": 'module.exports = require("node-gyp-build")(__dirname)'
      },
      "node_modules/addon/index.js loads a native addon by node-gyp-build"
    ]
  ] as const)("%s", ([, main, files, text]) =>
    Effect.gen(function* () {
      const said = yield* refusal(main, { files })
      assert.include(said, "src/main.ts cannot be bundled:\n")
      assert.include(said, text)
      assert.notMatch(said, /\n +at /)
    })
  )

  it.live("an output path that cannot be written", () =>
    Effect.gen(function* () {
      const project = Project.make("unwritable", {
        "package.json": Project.manifest({ arch: "x64", codeCache: "off" }),
        "src/main.ts": runs,
        dist: "a file"
      })
      const layer = yield* LayerConfig.resolve(project, {})
      const { cause } = yield* Effect.flip(Build.run(layer, { check: false, zip: true }))
      assert.match(String(cause), /dist\/watcher-x64 cannot be written: E/)
      assert.deepStrictEqual(readdirSync(project).toSorted(), ["dist", "node_modules", "package.json", "src"])
    })
  )

  it.live("a folder in the way that is no layer stays as it is", () =>
    Effect.gen(function* () {
      const project = Project.make("occupied", {
        "package.json": Project.manifest({ arch: "x64", codeCache: "off" }),
        "src/main.ts": runs,
        "dist/watcher-x64/thesis.txt": "years of work"
      })
      const layer = yield* LayerConfig.resolve(project, {})
      const { cause } = yield* Effect.flip(Build.run(layer, { check: false, zip: true }))
      assert.include(String(cause), "dist/watcher-x64 is there and is not a layer of an earlier build: remove it")
      assert.deepStrictEqual([...filesIn(layer.out).keys()], ["watcher-x64/thesis.txt"])
    })
  )

  it("on the command line: a sentence, exit code 1, no stack trace", async () => {
    const project = Project.make("line", { "package.json": Project.manifest({ runtime: "deno" }), "src/main.ts": "" })
    const { code, output } = await cli(["build", project])
    assert.strictEqual(code, 1)
    assert.include(output, 'effectLambda.runtime is "deno"; it has to be "managed" or "node" or "auto" or "bun"')
    assert.notMatch(output, /\n +at /)
  })
})
