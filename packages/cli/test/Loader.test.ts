/** The loader alone, and layers of stub, loader and program in the emulator. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Bundle from "../src/build/Bundle.ts"
import * as Loader from "../src/build/entry/Loader.ts"
import { minimumNode } from "../src/layer/LayerLimits.ts"
import * as Stub from "../src/build/entry/Stub.ts"
import { bundled } from "../../tools/programs.ts"
import { execute, hostileServer, layerOf } from "./support/layers.ts"

const options: Loader.Options = { name: "hello", minimumNode }
const newest = { ...options, minimumNode: "99.0.0" }

const helloProgram = await bundled(join(import.meta.dirname, "../../examples/hello/src/hello.ts"))
/** The hello example as a program of a layer, an ES module. */
const hello = `require(${JSON.stringify(helloProgram)})`

/** Runs the loader by the Node of the tests. */
const load = Effect.fnUntraced(function* (
  files: Readonly<Record<string, string>>,
  changed: Partial<Loader.Options> = {},
  env: Readonly<Record<string, string>> = {}
) {
  const layer = yield* layerOf({ "hello/index.cjs": Loader.render({ ...options, ...changed }), ...files })
  const ended = yield* execute(process.execPath, env, [join(layer, "hello/index.cjs")])
  return { ...ended, layer, stdout: ended.stdout.toString() }
})

const logLine = (stdout: string): { readonly level: string; readonly message: string; readonly cause?: string } => {
  assert.match(stdout, /^[^\n]+\n$/, "one line")
  return JSON.parse(stdout)
}

describe("the loader", () => {
  it.live.each(["hello/index.cjs", "extensions/hello"])(
    "%s gives the bundle what it would have as main module",
    (entry) =>
      Effect.gen(function* () {
        const bundle = `const { stack } = new Error("here")
        console.log(JSON.stringify([__filename, __dirname, require.main === module, module.filename,
          this === exports && exports === module.exports, require("./other.cjs"), stack.split("\\n")[1]]))
        import("node:path").then(({ basename }) => console.log(basename(__filename)))`
        const layer = yield* layerOf({
          "extensions/hello": Stub.renderNode({ name: "hello", runtime: "managed" }),
          "hello/index.cjs": Loader.render(options),
          "hello/bundle.cjs": bundle,
          "hello/other.cjs": "module.exports = 'other'"
        })
        const { stderr, stdout } = yield* execute(process.execPath, {}, [join(layer, entry)])
        const [first = "", second] = stdout.toString().split("\n")
        const file = join(layer, "hello/bundle.cjs")
        const here = `    at Object.<anonymous> (${file}:1:19)`
        assert.deepStrictEqual(JSON.parse(first), [file, join(layer, "hello"), true, file, true, "other", here])
        assert.strictEqual(second, "bundle.cjs")
        assert.notInclude(stderr, "Error")
      })
  )

  it.live("a bundle imports what is known only when it runs, without a warning of Node's", () =>
    Effect.gen(function* () {
      const sources = yield* layerOf({
        "main.mjs":
          "import(process.env.MODULE).then((module) => console.log(module.default, process.emitWarning('mine')))",
        "later.mjs": "export default 'later'"
      })
      const { bundle } = yield* Bundle.build({
        project: sources,
        name: "hello",
        entry: join(sources, "main.mjs"),
        runtime: "managed"
      })
      const { stderr, stdout } = yield* load(
        { "hello/bundle.cjs": bundle.code },
        {},
        { MODULE: join(sources, "later.mjs") }
      )
      assert.strictEqual(stdout, "later undefined\n")
      assert.match(stderr, /^\(node:\d+\) Warning: mine\n\(Use .*\)\n$/, "that of the program, and no other")
    })
  )

  it.live("runs from the code cache of this V8, and without it if the cache does not fit", () =>
    Effect.gen(function* () {
      const recorded = yield* layerOf({})
      const cache = join(recorded, "bundle.cache")
      const { stdout } = yield* load({ "hello/bundle.cjs": 'console.log("old")' }, { recordCodeCache: cache })
      assert.strictEqual(stdout, "old\n")

      const layer = yield* layerOf({
        "hello/index.cjs": Loader.render(options),
        "hello/bundle.cjs": 'console.log("new")'
      })
      const run = Effect.map(
        execute(process.execPath, {}, [join(layer, "hello/index.cjs")]),
        ({ stdout }) => `${stdout}`
      )
      const place = join(layer, `hello/bundle.${process.versions.v8}-${process.arch}.cache`)
      assert.strictEqual(yield* run, "new\n", "no cache")
      writeFileSync(place, readFileSync(cache))
      // V8 compares the length of the source and nothing else of it: the text of the cache shows that it was used.
      assert.strictEqual(yield* run, "old\n", "the cache")
      writeFileSync(join(layer, "hello/bundle.cjs"), 'console.log("another")')
      assert.strictEqual(yield* run, "another\n", "a cache of something else")
      writeFileSync(place, "no cache at all")
      assert.strictEqual(yield* run, "another\n", "no cache at all")
    })
  )

  it.live("starts the Node of the layer if the function's is too old, and ends as it does", () =>
    Effect.gen(function* () {
      const node = '#!/bin/sh\necho "$EFFECT_LAMBDA_EXTENSION_IDENTIFIER $*"\nexit 7\n'
      const env = { [PreRegistration.identifierVariable]: "id-1" }
      const { code, layer, stdout } = yield* load({ "hello/bin/node": node }, newest, env)
      assert.strictEqual(stdout, `id-1 ${layer}/hello/index.cjs\n`)
      assert.strictEqual(code, 7)
    })
  )

  it.live("exits with 1 if the Node of the layer is killed", () =>
    Effect.gen(function* () {
      const { code } = yield* load({ "hello/bin/node": "#!/bin/sh\nkill -9 $$\n" }, newest)
      assert.strictEqual(code, 1)
    })
  )

  it.live("does not start the Node of the layer from itself if that one is too old as well", () =>
    Effect.gen(function* () {
      const layer = yield* layerOf({
        "hello/index.cjs": Loader.render(newest),
        // Ends a second Node before it can start a third.
        "once.cjs": "if (process.env.IS_SECOND) process.exit(2)\nprocess.env.IS_SECOND = 'yes'"
      })
      mkdirSync(join(layer, "hello/bin"))
      symlinkSync(process.execPath, join(layer, "hello/bin/node"))
      const env = { NODE_OPTIONS: `--require ${join(layer, "once.cjs")}` }
      const { code, stdout } = yield* execute(process.execPath, env, [join(layer, "hello/index.cjs")])
      assert.strictEqual(code, 1)
      assert.match(logLine(stdout.toString()).message, /^hello: Node .* is too old for this layer/)
    })
  )

  it.live("writes one line and exits with 1 if this extension is not registered", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* load({})
      assert.strictEqual(code, 1)
      const line = logLine(stdout)
      assert.strictEqual(line.level, "FATAL")
      assert.match(line.message, /^hello: the program could not be loaded: ENOENT.*hello\/bundle\.cjs'$/)
    })
  )

  it.live.each<[string, (socket: { readonly end: () => unknown }) => void]>([
    ["answered", () => {}],
    ["taken", (socket) => socket.end()]
  ])("ends by itself if its report is not %s", ([_what, answer]) =>
    Effect.gen(function* () {
      const { host, requests } = yield* hostileServer(answer)
      const env = { AWS_LAMBDA_RUNTIME_API: host, [PreRegistration.identifierVariable]: "id-1" }
      const { code, signal } = yield* load({}, {}, env)
      assert.deepStrictEqual({ code, signal }, { code: 1, signal: null })
      assert.lengthOf(requests, 1)
    })
  )

  it.live("reports to Lambda and to no proxy, whatever the function's variables say", () =>
    Effect.gen(function* () {
      const lambda = yield* hostileServer((socket) => socket.end("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"))
      const proxy = yield* hostileServer((socket) => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"))
      const url = `http://${proxy.host}`
      const { code } = yield* load(
        {},
        {},
        {
          AWS_LAMBDA_RUNTIME_API: lambda.host,
          [PreRegistration.identifierVariable]: "id-1",
          NODE_USE_ENV_PROXY: "1",
          HTTP_PROXY: url,
          http_proxy: url,
          ALL_PROXY: url
        }
      )
      assert.strictEqual(code, 1)
      assert.isEmpty(proxy.requests)
      const [request = ""] = lambda.requests
      const [head = "", body = ""] = request.split("\r\n\r\n")
      assert.include(head, "\r\nLambda-Extension-Identifier: id-1\r\n")
      assert.strictEqual(head.startsWith("POST /2020-01-01/extension/init/error HTTP/1.1\r\n"), true)
      assert.strictEqual(JSON.parse(body).errorType, "Extension.LoadError")
    })
  )

  it("is JavaScript of Node 12, but for what it runs only in a newer one", () => {
    const text = Loader.render(options)
    // These came later: optional chaining, ??, ??=, private names, numeric separators, static blocks, node: in require.
    assert.notMatch(text, /\?\.|\?\?|#[a-z]|\d_\d|static \{|require\("node:/)
  })
})

describe("a layer in the emulator", { concurrent: true }, () => {
  const functionFile = join(import.meta.dirname, "fixtures/handler.mjs")

  const environment = Effect.fnUntraced(function* (
    files: Readonly<Record<string, string>>,
    variables: Readonly<Record<string, string>> = {}
  ) {
    const layer = yield* layerOf({
      "extensions/hello": Stub.render({ name: "hello", events: ["INVOKE", "SHUTDOWN"], runtime: "managed" }),
      "hello/index.cjs": Loader.render(options),
      ...files
    })
    return yield* Emulator.make({
      extensions: { opt: layer },
      // The function would fail of the customer's NODE_OPTIONS too, and this is about the extension.
      function: { handler: functionFile, environment: { NODE_OPTIONS: "" } },
      environment: { EFFECT_LAMBDA_NODE: process.execPath, ...variables }
    })
  })

  const invokeAndEnd = Effect.fnUntraced(function* (emulator: Emulator.Emulator["Service"]) {
    const { functionError, requestId } = yield* emulator.invoke("{}")
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "1 minute"
    )
    yield* emulator.shutdown()
    return { functionError, entries: yield* emulator.journal.entries }
  })

  const linesOf = (entries: ReadonlyArray<Journal.JournalEntry>) =>
    entries.filter(Journal.is("Output", ({ source }) => source === "extension:hello")).map(({ line }) => line)

  it.live("the stub registers, once, and the program lives, whatever the function's NODE_OPTIONS are", () =>
    Effect.gen(function* () {
      const emulator = yield* environment({ "hello/bundle.cjs": hello }, { NODE_OPTIONS: "--require ./missing.js" })
      const { entries, functionError } = yield* invokeAndEnd(emulator)
      assert.isUndefined(functionError)
      assert.deepStrictEqual(
        entries.filter(Journal.is("Registered")).map(({ events, kind, source }) => ({ events, kind, source })),
        [{ events: ["INVOKE", "SHUTDOWN"], kind: "external", source: "extension:hello" }]
      )
      assert.isEmpty(entries.filter(Journal.is("ApiRefused")))
      // The program has two lines and the stub none: the program did not have to register itself.
      const [first = "", second = "", ...others] = linesOf(entries)
      assert.match(JSON.parse(first).message, /^invocation .* ms left$/)
      assert.strictEqual(JSON.parse(second).message, "1 invocations, then shutdown: spindown")
      assert.isEmpty(others)
    })
  )

  it.live("a Node entry registers by the program", () =>
    Effect.gen(function* () {
      const entry = Stub.renderNode({ name: "hello", runtime: "managed" })
      const emulator = yield* environment({
        "extensions/hello": entry,
        "hello/bundle.cjs": hello,
        // The layer of a user's project is built below its package.json.
        "package.json": '{"type":"module"}'
      })
      const { entries, functionError } = yield* invokeAndEnd(emulator)
      assert.isUndefined(functionError)
      assert.lengthOf(entries.filter(Journal.is("Registered", ({ source }) => source === "extension:hello")), 1)
      assert.lengthOf(linesOf(entries), 2)
    })
  )

  it.live.each<[string, Record<string, string>, string, RegExp]>([
    ["a missing bundle", {}, "Extension.LoadError", /ENOENT.*hello\/bundle\.cjs/],
    [
      "a syntax error",
      { "hello/bundle.cjs": "const a = (\n" },
      "Extension.LoadError",
      /could not be loaded: Unexpected token/
    ],
    [
      "an exception",
      { "hello/bundle.cjs": 'throw new TypeError("no such table")' },
      "Extension.LoadError",
      /no such table/
    ],
    ["something thrown that is no error", { "hello/bundle.cjs": "throw null" }, "Extension.LoadError", /: null$/],
    [
      "a Node that is too old",
      { "hello/index.cjs": Loader.render(newest), "hello/bundle.cjs": hello },
      "Extension.UnsupportedNode",
      /^Node \d+\.\d+\.\d+ .*which needs 99\.0\.0 or newer/
    ]
  ])("init/error names %s", ([_what, files, errorType, message]) =>
    Effect.gen(function* () {
      const emulator = yield* environment(files)
      yield* emulator.journal.waitFor(Journal.is("InitEnded"), "1 minute")
      const entries = yield* emulator.journal.entries
      const report = entries.find(Journal.is("ErrorReported"))!
      assert.strictEqual(
        `${report.source} ${report.route} ${report.errorType}`,
        `extension:hello init/error ${errorType}`
      )
      const body = JSON.parse(report.body)
      assert.match(body.errorMessage, message)
      assert.strictEqual(body.errorType, errorType)
      assert.isArray(body.stackTrace)
      assert.strictEqual(entries.find(Journal.is("Fatal"))?.errorType, "Extension.InitError")
      const [line, ...others] = linesOf(entries)
      assert.isEmpty(others)
      assert.strictEqual(JSON.parse(line!).message, `hello: ${body.errorMessage}`)
      const exit = entries.find(Journal.is("ProcessExited", ({ source }) => source === "extension:hello"))
      assert.deepStrictEqual(exit?.status, { _tag: "Code", code: 1 })
    })
  )

  it.live("an exception in a program that already runs is one line, and is reported to Lambda", () =>
    Effect.gen(function* () {
      // By then it may poll, and init/error is refused.
      const late = `${hello}\nsetTimeout(() => {}, 10_000)\nthrow new Error("late")`
      const emulator = yield* environment({ "hello/bundle.cjs": late })
      yield* emulator.journal.waitFor(
        Journal.is("ProcessExited", ({ source }) => source === "extension:hello"),
        "10 seconds"
      )
      const entries = yield* emulator.journal.entries
      const [line = "", ...others] = linesOf(entries)
      assert.strictEqual(JSON.parse(line).message, "hello: the program could not be loaded: late")
      assert.isEmpty(others)
      assert.strictEqual(entries.find(Journal.is("ErrorReported"))?.errorType, "Extension.LoadError")
    })
  )
})
