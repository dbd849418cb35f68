/** Real processes during init: their order, failures, and files that cannot be executed. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import {
  echoFunction,
  politeExtension,
  request,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"
import { words, of, environment, idleExtension, onceThenPolite } from "./lifecycles.ts"

describe("init", () => {
  it.live("order: extensions by name, then the runtime; next, handle, next, handle; orderly end", () =>
    Effect.gen(function* () {
      const emulator = yield* environment({ b: politeExtension, a: politeExtension }, echoFunction)
      const first = yield* emulator.invoke('{"n":"é€😀"}')
      assert.deepStrictEqual([first.payload, first.functionError], ['{"n":"é€😀"}', undefined])
      const second = yield* emulator.invoke('{"n":2}')
      yield* emulator.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === second.requestId))
      yield* emulator.shutdown()
      const entries = yield* emulator.journal.entries

      assert.deepStrictEqual(words(entries, "InitStarted", "ProcessStarted", "InitEnded"), [
        "InitStarted",
        "ProcessStarted extension:a",
        "ProcessStarted extension:b",
        "ProcessStarted runtime",
        "InitEnded"
      ])
      const handled = ["EventDelivered extension:a", "Output extension:a"]
      assert.deepStrictEqual(words(of(entries, "extension:a")), [
        "ProcessStarted extension:a",
        "Registered extension:a",
        "NextCalled extension:a",
        ...handled,
        "NextCalled extension:a",
        ...handled,
        "NextCalled extension:a",
        ...handled,
        "ProcessExited extension:a"
      ])
      const shutdown = entries.findIndex(Journal.is("ShutdownStarted"))
      const ends = entries.slice(shutdown).filter(Journal.is("ProcessExited"))
      assert.deepStrictEqual(
        ends.map(({ source, state }) => (source === "runtime" ? source : state)),
        ["runtime", "Exited", "Exited"]
      )
    })
  )

  it.live("extensions start in the order of their bytes, upper case first", () =>
    Effect.gen(function* () {
      const { journal } = yield* startEmulator({ extensions: [{ manual: "b" }, { manual: "a" }, { manual: "B" }] })
      yield* journal.waitFor(Journal.is("ProcessStarted", ({ source }) => source === "extension:b"))
      assert.deepStrictEqual(words(yield* journal.entries, "ProcessStarted"), [
        "ProcessStarted extension:B",
        "ProcessStarted extension:a",
        "ProcessStarted extension:b"
      ])
    })
  )

  it.live("case 47: the runtime waits for every registration", () =>
    Effect.gen(function* () {
      const silent = script(`console.log("up"); setInterval(() => {}, 1000)`)
      const emulator = yield* environment({ a: idleExtension(["INVOKE"]), b: silent }, echoFunction)
      yield* emulator.journal.waitFor(Journal.is("NextCalled", ({ source }) => source === "extension:a"))
      yield* emulator.journal.waitFor(Journal.is("Output", ({ source }) => source === "extension:b"))
      yield* emulator.shutdown()
      assert.notInclude(words(yield* emulator.journal.entries), "ProcessStarted runtime")
    })
  )

  it.live("init that takes too long resets the environment with the reason timeout", () =>
    Effect.gen(function* () {
      const emulator = yield* startEmulator({ extensions: [{ manual: "a" }], initTimeout: "20 millis" })
      const ended = yield* emulator.journal.waitFor(Journal.is("InitEnded"))
      assert.strictEqual(ended.status, "timeout")
      const shutdown = yield* emulator.journal.waitFor(Journal.is("ShutdownEnded"))
      assert.deepStrictEqual([shutdown.reason, shutdown.reset], ["timeout", true])
    })
  )

  it.live("case 50: hidden, linked and non-executable files count, directories do not", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const directory = Path.join(root, "extensions")
      Fs.mkdirSync(Path.join(directory, "c"), { recursive: true })
      writeExecutable(directory, ".hidden", politeExtension)
      Fs.symlinkSync(
        writeExecutable(root, "target.cjs", politeExtension.replaceAll("__filename", '"d"')),
        Path.join(directory, "d")
      )
      writeExecutable(directory, "b", politeExtension)
      writeExecutable(directory, "e", politeExtension, 0o644)
      writeExecutable(directory, "f", politeExtension)
      const emulator = yield* startEmulator({ extensions: { directory } })
      const ended = yield* emulator.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["error", "Extension.LaunchError"])
      const entries = yield* emulator.journal.entries
      assert.deepStrictEqual(words(entries, "ProcessStarted", "LaunchFailed"), [
        "ProcessStarted extension:.hidden",
        "ProcessStarted extension:b",
        "ProcessStarted extension:d",
        "LaunchFailed extension:e"
      ])
      const failed = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
      assert.strictEqual(failed.errorType, "PermissionDenied")
    })
  )

  it.live("a text file without #! and a missing interpreter cannot be launched", () =>
    Effect.gen(function* () {
      for (const text of ["echo hello", "#!/does/not/exist\n"]) {
        const emulator = yield* environment({ a: text }, echoFunction)
        const failed = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
        assert.deepStrictEqual([failed.source, failed.errorType], ["extension:a", "UnknownError"])
        const ended = yield* emulator.journal.waitFor(Journal.is("InitEnded"))
        assert.strictEqual(ended.errorType, "Extension.LaunchError")
      }
    })
  )

  it.live("case 24: a file beside the directory switches extensions off", () =>
    Effect.gen(function* () {
      const root = yield* temporaryDirectory
      const directory = Path.join(root, "extensions")
      Fs.mkdirSync(directory)
      writeExecutable(directory, "a", politeExtension)
      Fs.writeFileSync(Path.join(root, "disable-extensions-jwigqn8j"), "")
      const emulator = yield* environment({}, echoFunction, { extensions: { directory } })
      assert.strictEqual((yield* emulator.invoke("1")).payload, "1")
      const routes = [
        ["POST", "/2020-01-01/extension/register"],
        ["GET", "/2020-01-01/extension/event/next"],
        ["PUT", "/2022-07-01/telemetry"]
      ] as const
      for (const [method, path] of routes) {
        const answer = yield* request(emulator.runtimeApi, method, path, { "Lambda-Extension-Name": "a" })
        assert.deepStrictEqual([answer.status, answer.body], [404, ""])
      }
      assert.notInclude(words(yield* emulator.journal.entries), "ProcessStarted extension:a")
    })
  )

  it.live("case 51: a missing directory means no extensions", () =>
    Effect.gen(function* () {
      const emulator = yield* environment({}, echoFunction, { extensions: { directory: "/does/not/exist" } })
      assert.strictEqual((yield* emulator.invoke("1")).payload, "1")
    })
  )

  it.live(
    "case 53: an extension that exits 0 before it registers fails init; both inits failed, the caller is told",
    () =>
      Effect.gen(function* () {
        const emulator = yield* environment({ a: "#!/bin/sh\nexit 0\n" }, echoFunction)
        const result = yield* emulator.invoke("{}", { requestId: "r" })
        assert.deepStrictEqual(result, {
          requestId: "r",
          functionError: "Extension.Crash",
          respondedByRuntime: false,
          payload: '{"errorType":"Extension.Crash","errorMessage":"RequestId: r Error: exit code 0"}'
        })
        const entries = yield* emulator.journal.entries
        assert.deepStrictEqual(
          entries.filter(Journal.is("InitEnded")).map(({ phase, status }) => [phase, status]),
          [
            ["init", "error"],
            ["invoke", "error"]
          ]
        )
      })
  )

  it.live("cases 54 and 55: init failed once, runs again inside the invocation, with new identifiers", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const extension = onceThenPolite(directory, "a", `await register(["INVOKE"]); process.exit(17)`)
      const emulator = yield* environment({ a: extension }, echoFunction)
      const result = yield* emulator.invoke('"hello"')
      assert.deepStrictEqual([result.payload, result.functionError], ['"hello"', undefined])
      const entries = yield* emulator.journal.entries
      const [before, after] = entries.filter(Journal.is("Registered"))
      assert.isDefined(before)
      assert.isDefined(after)
      assert.notStrictEqual(before.identifier, after.identifier)
      const answer = yield* request(emulator.runtimeApi, "GET", "/2020-01-01/extension/event/next", {
        "Lambda-Extension-Identifier": before.identifier
      })
      assert.strictEqual(
        answer.body,
        `{"errorMessage":"Unknown extension ${before.identifier}","errorType":"Extension.UnknownExtensionIdentifier"}\n`
      )
      assert.deepStrictEqual(
        entries.filter(Journal.is("InitEnded")).map(({ phase, status }) => [phase, status]),
        [
          ["init", "error"],
          ["invoke", "success"]
        ]
      )
    })
  )

  it.live("a runtime that reports init/error decides what the caller sees", () =>
    Effect.gen(function* () {
      const body = '{"errorMessage":"boom","errorType":"Function.Broken"}'
      const failing = script(`
        const headers = { "Lambda-Runtime-Function-Error-Type": "Function.Broken" }
        await call("POST", "/2018-06-01/runtime/init/error", headers, ${JSON.stringify(body)})
        process.exit(1)`)
      const emulator = yield* environment({}, failing)
      const result = yield* emulator.invoke("{}")
      assert.deepStrictEqual([result.functionError, result.payload], ["Function.Broken", body])
    })
  )

  it.live("a command that does not exist is an invalid entrypoint", () =>
    Effect.gen(function* () {
      const emulator = yield* startEmulator({ function: { command: ["no-such-command-anywhere"] } })
      assert.strictEqual((yield* emulator.invoke("{}")).functionError, "Runtime.InvalidEntrypoint")
    })
  )

  it.live("case 56: extensions lack the hidden variables, and nothing of the emulator's environment leaks", () =>
    Effect.gen(function* () {
      const show = "console.log(JSON.stringify(process.env))"
      const extension = script(`${show}\nawait register(["INVOKE"])\nfor (;;) await next()`)
      const emulator = yield* environment({ a: extension }, script(`${show}\nfor (;;) await nextInvocation()`), {
        environment: { TABLE: "orders" },
        functionName: "orders"
      })
      const variables = Effect.fnUntraced(function* (source: Journal.Source) {
        const { line } = yield* emulator.journal.waitFor(Journal.is("Output", (entry) => entry.source === source))
        const parsed: Record<string, string> = JSON.parse(line)
        return parsed
      })
      const ofExtension = yield* variables("extension:a")
      const ofRuntime = yield* variables("runtime")
      assert.deepStrictEqual(Object.keys(ofExtension).toSorted(), [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LANG",
        "PATH",
        "TABLE",
        "TZ"
      ])
      assert.strictEqual(ofExtension["AWS_LAMBDA_FUNCTION_NAME"], "orders")
      assert.deepStrictEqual([ofRuntime["_HANDLER"], ofRuntime["TABLE"]], ["index.handler", "orders"])
    })
  )
})
