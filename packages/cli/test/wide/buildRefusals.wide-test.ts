/** The errors of `effect-lambda build` for an extension that it cannot build, and that it leaves nothing behind. */
import { afterAll, assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cpSync, existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import * as Build from "../../src/build/Build.ts"
import * as Bundle from "../../src/build/Bundle.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import type { EventType } from "../../src/build/entry/Stub.ts"
import * as TrialRun from "../../src/build/trial/TrialRun.ts"
import * as Disk from "../../src/shared/Disk.ts"
import { start } from "../support/cli.ts"
import * as Project from "../support/projects.ts"
import { withBundle } from "../support/trial.ts"

afterAll(Project.remove)

let count = 0
/** Builds this main.ts; there must be nothing in the output afterwards. */
const refusal = Effect.fnUntraced(function* (
  main: string | Uint8Array,
  { config = {}, files = {} }: { config?: unknown; files?: Record<string, string> } = {}
) {
  const project = Project.make(`bad-${++count}`, {
    "package.json": Project.manifest(config),
    "src/main.ts": main,
    ...files
  })
  const layer = yield* LayerConfig.resolve(project, {})
  const error = yield* Effect.flip(withBundle(Build.run(layer, { check: false, zip: true })))
  assert.isFalse(existsSync(layer.out), "nothing is written")
  return String(error.cause)
})

it.live("a program that throws at its start", () =>
  Effect.gen(function* () {
    const said = yield* refusal('throw new Error("no licence")')
    assert.include(said, "the extension did not start in its trial run under the emulator")
    assert.include(said, "the program ended with exit code 1 before it registered")
    assert.include(said, "no licence")
    assert.include(said, "\nif the program needs variables, give them by --env KEY=VALUE")
  })
)

it.live("a program that ends without registering", () =>
  Effect.gen(function* () {
    const said = yield* refusal('console.log("done already")')
    assert.include(
      said,
      "the program ended with exit code 0 before it registered\nthe program printed:\n  done already"
    )
  })
)

it.live("a program that does nothing: the warning of the bundler, and no advice on variables", () =>
  Effect.gen(function* () {
    const said = yield* refusal("if (import.meta.path) globalThis.setInterval(() => {}, 1000)")
    assert.match(said, /before it registered\nthe program printed nothing\nnote: .*src\/main\.ts:1:5: .*import\.meta/)
    assert.notInclude(said, "--env")
  })
)

it.live("import.meta.main is true in the entry and nowhere else", () =>
  Effect.gen(function* () {
    const said = yield* refusal('import "./other.ts"\nif (import.meta.main) throw new Error("the entry")', {
      files: { "src/other.ts": 'if (import.meta.main) throw new Error("an import")' }
    })
    assert.include(said, "Error: the entry")
    assert.notInclude(said, "an import")
  })
)

it.live("a program that never registers", () =>
  Effect.gen(function* () {
    const program = { bundle: "setInterval(() => {}, 1000)", node: TrialRun.ownNode }
    const options = { name: "a", program, env: {} }
    const { cause } = yield* Effect.flip(withBundle(TrialRun.run({ ...options, limitMillis: 500 })))
    assert.include(String(cause), "the program did not register in time\nthe program printed nothing")
  })
)

it.live.each<[ReadonlyArray<EventType>, ReadonlyArray<string>]>([
  [["INVOKE", "SHUTDOWN"], ["the program did not end within 2 seconds after SHUTDOWN"]],
  // No event tells this program to end: Lambda kills it.
  [["INVOKE"], []]
])("a program that stays is built, with a note if it registers for SHUTDOWN: %j", ([events, errors]) =>
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
      request(url + "register", { method: "POST", headers }).on("response", next).end('${JSON.stringify({ events })}')`
    const trial = yield* withBundle(TrialRun.run({ name: "a", program: { bundle, node: TrialRun.ownNode }, env: {} }))
    const { eager, ...others } = trial
    assert.deepStrictEqual(others, {
      events,
      codeCache: undefined,
      hasFailedInit: false,
      errors
    })
    // A program without the library would poll beside the entry.
    assert.match(eager.obstacles.join(), /^the program did not say in its trial run that it reads the answer/)
  })
)

it.live("a program that ends if it cannot be initialised is built, with a note", () =>
  Effect.gen(function* () {
    const project = Project.make("closed", {
      "package.json": Project.manifest(),
      "src/main.ts": `
        import { Extension } from "@effect-lambda/extension"
        import { NodeExtension } from "@effect-lambda/extension-node"
        import { Effect, Layer } from "effect"
        const backend = Layer.effectDiscard(Effect.fail(new Error("no backend")))
        Extension.run({ events: ["INVOKE"], layer: backend, onInitFailure: "exit" }).pipe(NodeExtension.runMain)`
    })
    const { bundle } = yield* Bundle.build(yield* LayerConfig.resolve(project, {}))
    const trial = yield* withBundle(
      TrialRun.run({ name: "a", program: { bundle: bundle.code, node: TrialRun.ownNode }, env: {} })
    )
    assert.deepStrictEqual(trial.events, ["INVOKE"])
    assert.isDefined(trial.codeCache)
    const note = TrialRun.noteOf(trial) ?? ""
    assert.match(
      note,
      /--env KEY=VALUE\nthe program registered, reported Extension\.\w+ to init\/error, and ran no further\n/
    )
    assert.include(note, "no backend")
  })
)

/** A program that registers for SHUTDOWN, if it comes so far. */
const early = (onInitFailure: string) => `
  import { Extension } from "@effect-lambda/extension"
  import { NodeExtension } from "@effect-lambda/extension-node"
  import { Config, Effect } from "effect"
  Effect.flatMap(Config.String("MISSING"), () => Extension.run({ events: ["SHUTDOWN"] })).pipe(
    NodeExtension.runMain({ onInitFailure: "${onInitFailure}" })
  )`

it.live.each(["idle", "exit"])("a program that fails before Extension.run: its events are not known (%s)", (policy) =>
  Effect.gen(function* () {
    const said = yield* refusal(early(policy))
    assert.match(said, /^the events of the program are not known, since init failed in the trial run\. .*--events/)
    assert.match(said, /the variable MISSING is not set/)
  })
)

it.live.each<[string, Parameters<typeof LayerConfig.resolve>[1]]>([
  ["the variable", { env: { MISSING: "here" } }],
  ["the events of the configuration", { events: ["SHUTDOWN"] }]
])("a program that fails before Extension.run is built with %s", ([, given]) =>
  Effect.gen(function* () {
    const project = Project.make(`early-${++count}`, {
      "package.json": Project.manifest({ arch: "x64", codeCache: "off" }),
      "src/main.ts": early("idle")
    })
    const { events } = yield* withBundle(
      Build.run(yield* LayerConfig.resolve(project, given), { check: false, zip: false })
    )
    assert.deepStrictEqual(events, ["SHUTDOWN"])
  })
)

it.live("a handler and a finalizer that never end are abandoned by Extension.run, with a note", () =>
  Effect.gen(function* () {
    const project = Project.make("hanging", {
      "package.json": Project.manifest(),
      "src/main.ts": `
        import { Extension } from "@effect-lambda/extension"
        import { NodeExtension } from "@effect-lambda/extension-node"
        import { Effect, Layer } from "effect"
        const stays = Layer.effectDiscard(Effect.acquireRelease(Effect.void, () => Effect.never))
        // A margin for a machine that is busy.
        Extension.run({ margin: 1500, onInvoke: () => Effect.never, layer: stays }).pipe(NodeExtension.runMain)`
    })
    const { bundle } = yield* Bundle.build(yield* LayerConfig.resolve(project, {}))
    const program = { bundle: bundle.code, node: TrialRun.ownNode }
    const trial = yield* withBundle(TrialRun.run({ name: "a", program, env: {}, limitMillis: 3000 }))
    const note = TrialRun.noteOf(trial) ?? ""
    assert.match(note, /^the trial run had errors.*\nonInvoke is abandoned: not done within \d+ ms/)
    assert.include(note, "\na finalizer was not done in time and is abandoned")
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
      yield* refusal(Project.idle, { config: { events: ["SHUTDOWN"] } }),
      "the configuration names the events SHUTDOWN, but the program registers for INVOKE, SHUTDOWN: make them the " +
        "same, or leave them out of the configuration"
    )
  })
)

it.live("an entry that does not type-check, with two copies of effect", () =>
  Effect.gen(function* () {
    const files = { "tsconfig.json": '{"compilerOptions":{"strict":true,"noEmit":true},"include":["src"]}' }
    const project = Project.make("typed", {
      "package.json": Project.manifest(),
      "src/main.ts":
        'import { never } from "effect/Effect"\nimport "dep"\nconst count: number = "three"\nconsole.log(count, never)',
      ...Project.otherEffect,
      ...files
    })
    cpSync(join(import.meta.dirname, "../../../../node_modules/typescript"), join(project, "node_modules/typescript"), {
      recursive: true
    })
    const layer = yield* LayerConfig.resolve(project, {})
    const { cause } = yield* Effect.flip(withBundle(Build.run(layer, { check: true, zip: true })))
    assert.include(String(cause), "the types are wrong (--no-check builds anyway):\nsrc/main.ts(3,7): error TS2322")
    assert.match(
      String(cause),
      /\nnote: 2 copies of effect: [^\n]*, 4\.0\.9 in \S+\/dep\/node_modules\/effect; npm ls effect/
    )
    assert.isFalse(existsSync(layer.out))
  })
)

it.live.each([
  ["a syntax error", "const a = 1\nconst b = ;", {}, "src/main.ts:2:11: Unexpected token"],
  ["a missing package", 'import "not-there"', {}, "src/main.ts:1:8: Could not resolve 'not-there'"],
  ["a missing file", 'import "./none.ts"', {}, "src/main.ts:1:8: Could not resolve './none.ts'"],
  [
    "a top-level await",
    "await 1\nexport {}",
    {},
    "src/main.ts:1:1: a layer holds one CommonJS file, which has no await outside of a function"
  ],
  [
    "a native addon",
    'import addon from "addon"\nconsole.log(addon)',
    {
      "node_modules/addon/package.json": '{"name":"addon","main":"index.js"}',
      "node_modules/addon/index.js": 'module.exports = require("./build/addon.node")',
      "node_modules/addon/build/addon.node": "\u007fELF"
    },
    "node_modules/addon/build/addon.node is a native addon: a layer is one JavaScript file and cannot hold it"
  ],
  [
    "a loader of native addons",
    'import addon from "addon"\nconsole.log(addon)',
    {
      "node_modules/addon/package.json": '{"name":"addon","main":"index.js"}',
      "node_modules/addon/index.js": 'module.exports = require("node-gyp-build")(__dirname)'
    },
    "node_modules/addon/index.js loads a native addon by node-gyp-build"
  ],
  ["WebAssembly", 'import "./a.wasm"', { "src/a.wasm": "\0asm" }, "src/a.wasm is WebAssembly"]
] as const)("%s", ([, main, files, text]) =>
  Effect.gen(function* () {
    const said = yield* refusal(main, { files })
    assert.include(said, "src/main.ts cannot be bundled:\n")
    assert.include(said, text)
    assert.notMatch(said, /\n +at /)
  })
)

it.live("a folder for temporary files that cannot be written", () =>
  Effect.gen(function* () {
    const { cause } = yield* Effect.flip(Effect.scoped(Disk.temporaryFolder("not-there/a-")))
    assert.match(String(cause), /^the folder for temporary files \/.+ cannot be written: ENOENT/)
  })
)

it.live("a trial run without room for its layer", () =>
  Effect.gen(function* () {
    const program = { bundle: "", node: TrialRun.ownNode }
    const { cause } = yield* Effect.flip(withBundle(TrialRun.run({ name: "x".repeat(300), program, env: {} })))
    assert.match(String(cause), /effect-lambda-\w+ cannot be written: ENAMETOOLONG/)
  })
)

it.live("an output path that cannot be written", () =>
  Effect.gen(function* () {
    const project = Project.make("unwritable", {
      "package.json": Project.manifest({ arch: "x64", codeCache: "off" }),
      "src/main.ts": Project.idle,
      dist: "a file"
    })
    const layer = yield* LayerConfig.resolve(project, {})
    const { cause } = yield* Effect.flip(withBundle(Build.run(layer, { check: false, zip: true })))
    assert.match(String(cause), /dist\/watcher-x64 cannot be written: E/)
    assert.deepStrictEqual(readdirSync(project).toSorted(), ["dist", "node_modules", "package.json", "src"])
  })
)

it.live("a folder in the way that is no layer stays as it is", () =>
  Effect.gen(function* () {
    const project = Project.make("occupied", {
      "package.json": Project.manifest({ arch: "x64", codeCache: "off" }),
      "src/main.ts": Project.idle,
      "dist/watcher-x64/thesis.txt": "years of work"
    })
    const layer = yield* LayerConfig.resolve(project, {})
    const { cause } = yield* Effect.flip(withBundle(Build.run(layer, { check: false, zip: true })))
    assert.include(String(cause), "dist/watcher-x64 is there and is not a layer of an earlier build: remove it")
    assert.deepStrictEqual(readdirSync(layer.out, { recursive: true }), ["watcher-x64", "watcher-x64/thesis.txt"])
  })
)

it("on the command line: a sentence, exit code 1, no stack trace", async () => {
  const project = Project.make("line", { "package.json": Project.manifest({ runtime: "deno" }), "src/main.ts": "" })
  const { code, output } = await start(["build", project]).ended
  assert.strictEqual(code, 1)
  assert.include(
    output,
    'effectLambda.runtime is "deno"; it has to be "managed" or "node" or "auto" or "bun" or "llrt"'
  )
  assert.notMatch(output, /\n +at /)
})
