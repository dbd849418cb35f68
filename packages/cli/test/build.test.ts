/** `effect-lambda build`: layers of the examples as a person builds them. */
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
import * as Build from "../src/build/Build.ts"
import * as CodeCache from "../src/build/CodeCache.ts"
import * as Findings from "../src/check/Findings.ts"
import * as FunctionRuntime from "../src/check/FunctionRuntime.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as LayerContent from "../src/layer/LayerContent.ts"
import * as NodeBinary from "../src/build/NodeBinary.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import { start } from "./support/cli.ts"
import * as Project from "./support/projects.ts"
import { withBundle } from "./support/trial.ts"

const examples = join(import.meta.dirname, "../../examples")

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
  const args = ["build", project, "--no-check", "--arch", "both", "--json", ...flags]
  const { code, output } = await start(args, { env }).ended
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
/** An environment in which nothing can be downloaded, and nothing has been. */
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

/** Runs an invocation and SHUTDOWN, with everything as it should be. */
const runOnce = Effect.fnUntraced(function* (opt: string, name: string) {
  const emulator = yield* Emulator.make({
    extensions: { opt },
    function: { handler: join(import.meta.dirname, "fixtures/handler.mjs") },
    environment: { EFFECT_LAMBDA_NODE: process.execPath }
  })
  const { functionError, requestId } = yield* emulator.invoke("{}")
  assert.isUndefined(functionError)
  yield* emulator.journal.waitFor(
    Journal.is("InvocationDone", (done) => done.requestId === requestId),
    "1 minute"
  )
  yield* emulator.shutdown()
  const entries = yield* emulator.journal.entries
  assert.deepStrictEqual(
    entries.filter(Journal.is("Registered")).map(({ events, source }) => [source, events]),
    [[`extension:${name}`, ["INVOKE", "SHUTDOWN"]]]
  )
  const ended = entries.find(Journal.is("ProcessExited", ({ source }) => source === `extension:${name}`))
  assert.deepInclude(ended, { state: "Exited", status: { _tag: "Code", code: 0 } })
})

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
      execFile(process.execPath, ["--require", hook, loader], { timeout: 60_000 }, (_, stdout) => resolve(stdout))
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
            CodeCache.make(config, other, "", { codeCache: undefined, hasFailedInit: false }),
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
        `no code caches for ${other}: this machine has neither ${qemu}-static nor ${qemu}; the layer starts a little slower there`
      )
      const tools = Project.make("tools", { [qemu]: "" })
      const said = yield* make(`/nowhere:${tools}`)
      if (existsSync(CodeCache.linkerOf(other))) assert.include(said, `no code cache for Node ${process.versions.node}`)
      else assert.include(said, `${join(tools, qemu)} has no C library in /usr/`)
    })
  )

  it.effect("a folder for downloads that cannot be written is a note", () =>
    Effect.gen(function* () {
      const config = yield* LayerConfig.resolve(join(examples, "hello"), { node: ["22.20.0"] })
      const { notes } = yield* Effect.provideService(
        CodeCache.make(config, own, "", { codeCache: Buffer.from("cache"), hasFailedInit: true }),
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: { XDG_CACHE_HOME: "/dev/null" } })
      )
      const folder = `/dev/null/effect-lambda/node-linux-${own}-22.20.0`
      const [first, note = ""] = notes
      assert.strictEqual(
        first,
        `the code cache for Node ${process.versions.node} holds what ran until init failed; with a working init it saves more`
      )
      assert.include(note, `no code cache for Node 22.20.0 on ${own}: ${folder} cannot be written`)
    })
  )

  it("a Node that npm cannot download for a cache is a note", () => {
    assert.include(hello[1].notes, `no code cache for Node 22.20.0 on ${own}: npm was not found`)
    assert.deepStrictEqual(layerOf(hello[1], own).codeCaches, layerOf(hello[0], own).codeCaches)
  })

  it("the Node in a layer is that of the catalog", () => {
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
        "src/main.ts": Project.idle
      })
      const config = yield* LayerConfig.resolve(project, {})
      const { layers, name } = yield* withBundle(Build.run(config, { check: false, zip: false }))
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

it("an error that the program logs in its trial run is a note", () => {
  const [note = ""] = telemetryShip[0].notes
  assert.include(note, "the trial run had errors")
  assert.include(note, "init failed; the extension idles from now on")
  assert.include(note, "TELEMETRY_URL")
})
