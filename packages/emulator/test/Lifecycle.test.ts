/** Real processes: order of init, early response, crashes, timeouts, shutdown, and that nothing is left behind. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import NodeProcess from "node:process"
import {
  awaitEnd,
  echoFunction,
  isAlive,
  politeExtension,
  request,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"

/** The journal as short words, for order assertions; `only` keeps some kinds. */
const words = (entries: ReadonlyArray<Journal.JournalEntry>, ...only: ReadonlyArray<string>): ReadonlyArray<string> =>
  entries
    .filter((entry) => only.length === 0 || only.includes(entry._tag))
    .map((entry) => ("source" in entry ? `${entry._tag} ${entry.source}` : entry._tag))

const of = (entries: ReadonlyArray<Journal.JournalEntry>, source: Journal.Source) =>
  entries.filter((entry) => "source" in entry && entry.source === source)

const environment = Effect.fnUntraced(function* (
  extensions: Readonly<Record<string, string>>,
  functionText: string,
  options: Emulator.Options = {}
) {
  const directory = yield* temporaryDirectory
  const files = Object.entries(extensions).map(([name, text]) => writeExecutable(directory, name, text))
  const handler = writeExecutable(directory, "function.cjs", functionText)
  return yield* startEmulator({
    extensions: files,
    function: { command: [handler] },
    timeout: "10 seconds",
    ...options
  })
})

const idleExtension = (events: ReadonlyArray<string>) =>
  script(`await register(${JSON.stringify(events)}); for (;;) await next()`)

/** Ends with the given code at the given moment of its first life only; afterwards it is polite. */
const onceThenPolite = (directory: string, name: string, first: string) =>
  script(`
    const marker = ${JSON.stringify(Path.join(directory, `${name}.marker`))}
    const fs = require("node:fs")
    if (!fs.existsSync(marker)) {
      fs.writeFileSync(marker, "")
      ${first}
    }
    await register(["INVOKE", "SHUTDOWN"])
    for (;;) if ((await next()).eventType === "SHUTDOWN") process.exit(0)`)

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

describe("invoke", () => {
  it.live("case 57: an extension without INVOKE neither sees nor delays invocations", () =>
    Effect.gen(function* () {
      const emulator = yield* environment({ a: politeExtension, b: idleExtension(["SHUTDOWN"]) }, echoFunction)
      const { requestId } = yield* emulator.invoke("1")
      const done = yield* emulator.journal.waitFor(Journal.is("InvocationDone"))
      assert.deepStrictEqual([done.requestId, done.status], [requestId, "success"])
      const delivered = (yield* emulator.journal.entries).filter(Journal.is("EventDelivered"))
      assert.deepStrictEqual(
        delivered.map(({ source }) => source),
        ["extension:a"]
      )
    })
  )

  it.live(
    "case 58: the caller has its answer while the extension works; the next invocation waits for the extension",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const gate = Path.join(directory, "gate")
        // Busy until the gate file appears.
        const busy = script(`
        const fs = require("node:fs")
        await register(["INVOKE"])
        for (;;) {
          await next()
          await new Promise((resolve) => {
            const timer = setInterval(() => fs.existsSync(${JSON.stringify(gate)}) && (clearInterval(timer), resolve()), 10)
          })
        }`)
        const emulator = yield* environment({ a: busy }, echoFunction)
        const first = yield* emulator.invoke("1")
        assert.strictEqual(first.payload, "1")
        const second = yield* Effect.forkScoped(emulator.invoke("2"))
        yield* emulator.journal.waitFor(Journal.is("RuntimeDone"))
        assert.lengthOf((yield* emulator.journal.entries).filter(Journal.is("InvocationStarted")), 1)
        Fs.writeFileSync(gate, "")
        assert.strictEqual((yield* Fiber.join(second)).payload, "2")
        const entries = yield* emulator.journal.entries
        const order = words(entries, "RuntimeResponded", "NextCalled", "InvocationDone", "InvocationStarted")
        const done = order.indexOf("InvocationDone")
        assert.deepStrictEqual(order.slice(done - 1, done + 2), [
          "NextCalled extension:a",
          "InvocationDone",
          "InvocationStarted"
        ])
      })
  )

  it.live("case 60: an extension that never comes back costs the environment, not the answer", () =>
    Effect.gen(function* () {
      const stuck = script(`await register(["INVOKE"]); await next(); setInterval(() => {}, 1000)`)
      const emulator = yield* environment({ a: stuck }, echoFunction, { timeout: "700 millis" })
      const result = yield* emulator.invoke("1")
      assert.deepStrictEqual([result.payload, result.functionError], ["1", undefined])
      const done = yield* emulator.journal.waitFor(Journal.is("InvocationDone"))
      assert.strictEqual(done.status, "timeout")
      const shutdown = yield* emulator.journal.waitFor(Journal.is("ShutdownEnded"))
      assert.deepStrictEqual([shutdown.reason, shutdown.reset], ["timeout", true])
    })
  )

  it.live("case 61: an extension crashes while the function runs", () =>
    Effect.gen(function* () {
      const crash = script(`await register(["INVOKE"]); await next(); process.exit(17)`)
      const slow = script(`await nextInvocation(); setInterval(() => {}, 1000)`)
      const emulator = yield* environment({ a: crash }, slow)
      const result = yield* emulator.invoke("{}", { requestId: "r" })
      assert.strictEqual(result.functionError, "Extension.Crash")
      assert.strictEqual(
        result.payload,
        '{"errorType":"Extension.Crash","errorMessage":"RequestId: r Error: exit status 17"}'
      )
    })
  )

  it.live("an extension is killed by a signal; exit/error before it decides the type", () =>
    Effect.gen(function* () {
      const killed = script(`await register(["INVOKE"]); await next(); process.kill(process.pid, "SIGKILL")`)
      const reported = script(
        `await register(["INVOKE"]); await next(); await report("exit/error", "My.Reason"); process.exit(1)`
      )
      const slow = script(`await nextInvocation(); setInterval(() => {}, 1000)`)
      const first = yield* environment({ a: killed }, slow)
      const second = yield* environment({ a: reported }, slow)
      const results = yield* Effect.all([first, second].map((emulator) => emulator.invoke("{}", { requestId: "r" })))
      assert.deepStrictEqual(
        results.map(({ payload }) => payload),
        [
          '{"errorType":"Extension.Crash","errorMessage":"RequestId: r Error: signal: killed"}',
          '{"errorType":"Extension.ExitError","errorMessage":"RequestId: r Error: exit status 1"}'
        ]
      )
    })
  )

  it.live("case 62: an extension crashes after the answer; the next invocation starts everything again", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const gate = Path.join(directory, "gate")
      const crashAtGate = `
        await register(["INVOKE"])
        await next()
        setInterval(() => fs.existsSync(${JSON.stringify(gate)}) && process.exit(3), 10)
        await new Promise(() => {})`
      const extension = onceThenPolite(directory, "a", crashAtGate)
      const emulator = yield* environment({ a: extension }, echoFunction)
      const first = yield* emulator.invoke("1")
      assert.strictEqual(first.functionError, undefined)
      Fs.writeFileSync(gate, "")
      const second = yield* emulator.invoke("2")
      assert.deepStrictEqual([second.payload, second.functionError], ["2", undefined])
      const done = (yield* emulator.journal.entries).find(Journal.is("InvocationDone"))
      assert.deepStrictEqual(
        [done?.requestId, done?.status, done?.errorType],
        [first.requestId, "error", "Extension.Crash"]
      )
      const again = yield* emulator.journal.waitFor(Journal.is("InitEnded", ({ phase }) => phase === "invoke"))
      assert.strictEqual(again.status, "success")
    })
  )

  it.live("the runtime crashes: code 0, code 1, a signal", () =>
    Effect.gen(function* () {
      const ends = ["process.exit(0)", "process.exit(1)", 'process.kill(process.pid, "SIGKILL")']
      const messages = yield* Effect.forEach(
        ends,
        Effect.fnUntraced(function* (end) {
          const emulator = yield* environment({}, script(`await nextInvocation(); ${end}`))
          return (yield* emulator.invoke("{}", { requestId: "r" })).payload
        }),
        { concurrency: 3 }
      )
      const payload = (text: string) => `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: ${text}"}`
      assert.deepStrictEqual(messages, [
        payload("Runtime exited without providing a reason"),
        payload("Runtime exited with error: exit status 1"),
        payload("Runtime exited with error: signal: killed")
      ])
    })
  )

  it.live("an aborted poll still stands and swallows the next event", () =>
    Effect.gen(function* () {
      const emulator = yield* startEmulator({ extensions: [{ manual: "a" }], timeout: "10 seconds" })
      const base = "/2020-01-01/extension"
      const registered = yield* request(
        emulator.runtimeApi,
        "POST",
        `${base}/register`,
        { "Lambda-Extension-Name": "a" },
        '{"events":["INVOKE"]}'
      )
      const identifier = registered.headers["lambda-extension-identifier"] ?? ""
      const next = request(emulator.runtimeApi, "GET", `${base}/event/next`, {
        "Lambda-Extension-Identifier": identifier
      })
      const poll = yield* Effect.forkScoped(next)
      yield* emulator.journal.waitFor(Journal.is("NextCalled"))
      yield* Fiber.interrupt(poll)
      yield* emulator.journal.waitFor(Journal.is("PollAborted", ({ source }) => source === "extension:a"))
      // The client polls again and is told that its old poll still stands.
      assert.match((yield* next).body, /State transition from Ready to Ready failed/)

      yield* Effect.forkScoped(request(emulator.runtimeApi, "GET", "/2018-06-01/runtime/invocation/next"))
      yield* emulator.journal.waitFor(Journal.is("InitEnded"))
      yield* Effect.forkScoped(emulator.invoke("{}"))
      const lost = yield* emulator.journal.waitFor(Journal.is("EventDelivered"))
      assert.isTrue(lost.lost)
    })
  )

  it.live("a response that breaks off", () =>
    Effect.gen(function* () {
      const truncated = script(`
        const { id } = await nextInvocation()
        const outgoing = http.request({ host, port, method: "POST", path: "/2018-06-01/runtime/invocation/" + id + "/response", headers: { "Content-Length": 100 } })
        outgoing.on("error", () => {})
        outgoing.write("half", () => outgoing.destroy())`)
      const emulator = yield* environment({}, `${truncated}setInterval(() => {}, 1000)`)
      assert.strictEqual((yield* emulator.invoke("{}")).functionError, "Runtime.TruncatedResponse")
    })
  )
})

describe("shutdown", () => {
  it.live(
    "case 67: SIGTERM, then SIGKILL, then SHUTDOWN; case 68: an extension that ignores it is killed at the deadline",
    () =>
      Effect.gen(function* () {
        const stubborn = script(`process.on("SIGTERM", () => {}); for (;;) await nextInvocation()`)
        const ignoring = script(`await register(["SHUTDOWN"]); await next(); setInterval(() => {}, 1000)`)
        const emulator = yield* environment({ a: politeExtension, b: ignoring }, stubborn)
        yield* emulator.journal.waitFor(Journal.is("InitEnded"))
        yield* emulator.shutdown()
        const entries = yield* emulator.journal.entries
        const begin = entries.findIndex(Journal.is("ShutdownStarted"))
        const order = entries.slice(begin).flatMap((entry) => {
          if (entry._tag === "Killed") return [`${entry.signal} ${entry.source}`]
          if (entry._tag === "EventDelivered") return [`${entry.eventType} ${entry.source}`]
          return entry._tag === "ProcessExited" ? [`${entry.state ?? "exit"} ${entry.source}`] : []
        })
        assert.deepStrictEqual(order, [
          "SIGTERM runtime",
          "SIGKILL runtime",
          "exit runtime",
          "SHUTDOWN extension:a",
          "SHUTDOWN extension:b",
          "Exited extension:a",
          "SIGKILL extension:b",
          "ShutdownFailed extension:b"
        ])
        const started = entries.find(Journal.is("ShutdownStarted"))
        const events = entries.filter(Journal.is("EventDelivered"))
        assert.isDefined(started)
        assert.strictEqual(started.deadlineMs, started.at + 2000)
        assert.deepStrictEqual(
          events.map(({ deadlineMs }) => deadlineMs),
          [started.deadlineMs, started.deadlineMs]
        )
      })
  )

  it.live("afterwards: shutdown again is harmless, invoke is a typed error, the stream has ended with the layer", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const emulator = yield* Scope.provide(environment({ a: politeExtension }, echoFunction), scope)
      const collected = yield* Effect.forkScoped(Stream.runCollect(emulator.journal.stream))
      yield* emulator.invoke("1")
      yield* emulator.shutdown()
      yield* emulator.shutdown()
      const error = yield* Effect.flip(emulator.invoke("2"))
      assert.strictEqual(error.reason._tag, "AlreadyShutDown")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(collected), [...(yield* emulator.journal.entries)])
    })
  )

  it.live("an invocation that the end overtakes is a typed error", () =>
    Effect.gen(function* () {
      const emulator = yield* environment({}, script(`await nextInvocation(); setInterval(() => {}, 1000)`))
      const caller = yield* Effect.forkScoped(Effect.flip(emulator.invoke("1")))
      yield* emulator.journal.waitFor(Journal.is("InvocationDelivered"))
      yield* emulator.shutdown()
      assert.strictEqual((yield* Fiber.join(caller)).reason._tag, "InvocationAbandoned")
    })
  )

  it.live("nothing is left behind when the scope closes, grandchildren included", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const withChild = script(`
        const child = require("node:child_process").spawn("sleep", ["1000"], { stdio: "inherit" })
        console.log("child " + child.pid)
        await register(["INVOKE"])
        for (;;) await next()`)
      const emulator = yield* Scope.provide(environment({ a: withChild }, echoFunction), scope)
      yield* emulator.invoke("1")
      const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
      const started = (yield* emulator.journal.entries).filter(Journal.is("ProcessStarted"))
      const processes = started.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
      assert.lengthOf(processes, 2)
      const grandchild = Number(line.split(" ")[1])
      assert.isTrue([...processes, grandchild].every(isAlive))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(processes.filter(isAlive), [])
      yield* awaitEnd(grandchild)
    })
  )
})

describe("processes", () => {
  it.live("processes that a process leaves behind in its group go with it", () =>
    Effect.gen(function* () {
      // The child holds no pipe, so nothing but the signal to the group can end it.
      const leaving = script(`
        const { spawn } = require("node:child_process")
        const child = spawn("sleep", ["60"], { stdio: "ignore" })
        console.log(child.pid)
        process.exitCode = 5
        child.unref()
        agent.destroy()`)
      const emulator = yield* environment({ a: leaving }, echoFunction)
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
      yield* awaitEnd(Number(line))
    })
  )

  it.live("an exit is seen although a descendant outside the group holds the output open", () =>
    Effect.gen(function* () {
      const detaching = script(`
        const { spawn } = require("node:child_process")
        const child = spawn("sleep", ["60"], { detached: true, stdio: "inherit" })
        console.log(child.pid)
        process.exitCode = 5
        child.unref()
        agent.destroy()`)
      const emulator = yield* environment({ a: detaching }, echoFunction)
      const exited = yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      assert.deepStrictEqual(exited.status, { _tag: "Code", code: 5 })
      const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
      assert.isTrue(isAlive(Number(line)))
      NodeProcess.kill(Number(line), "SIGKILL")
    })
  )
})

describe("the wire", () => {
  it.live("the complete bytes of a refusal, twice over one connection", () =>
    Effect.gen(function* () {
      const emulator = yield* startEmulator({})
      const [host, port] = emulator.runtimeApi.split(":")
      const requestText = `POST /2020-01-01/extension/register HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\n\r\n{}`
      const body = '{"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}\n'
      const received = yield* Effect.callback<string>((resume) => {
        const socket = Net.connect(Number(port), host ?? "")
        let text = ""
        let answers = 0
        socket.setEncoding("utf8")
        socket.on("data", (chunk: string) => {
          text += chunk
          const complete = text.split(body).length - 1
          if (complete === answers) return
          answers = complete
          if (answers === 1) return void socket.write(requestText)
          socket.destroy()
          resume(Effect.succeed(text))
        })
        socket.write(requestText)
        return Effect.sync(() => socket.destroy())
      })
      const head = `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
      const rest = "Date: now\r\n\r\n"
      const expected = head + rest + body
      assert.strictEqual(received.replaceAll(/Date: [^\r]*/g, "Date: now"), expected + expected)
    })
  )
})

describe("the service", () => {
  it.effect("works under TestClock, two environments beside each other", () =>
    Effect.gen(function* () {
      const [one, two] = yield* Effect.all([
        environment({ a: politeExtension }, echoFunction),
        environment({ a: politeExtension }, echoFunction)
      ])
      const results = yield* Effect.all([one.invoke("1"), two.invoke("2")], { concurrency: 2 })
      assert.deepStrictEqual(
        results.map(({ payload }) => payload),
        ["1", "2"]
      )
      assert.notStrictEqual(one.runtimeApi, two.runtimeApi)
      const timedOut = yield* Effect.flip(one.journal.waitFor(() => false, "20 millis"))
      assert.strictEqual(timedOut.reason._tag, "WaitTimedOut")
      assert.match(timedOut.message, /InvocationStarted/)
    })
  )

  it.live("mistakes of the user are typed errors that say what to do", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(startEmulator({ extensions: ["/does/not/exist"] }))
      assert.strictEqual(
        missing.message,
        "Emulator.layer: No file at /does/not/exist. Build it first, or correct the path."
      )
      const twice = yield* Effect.flip(startEmulator({ extensions: [{ manual: "a" }, { manual: "a" }] }))
      assert.strictEqual(twice.reason._tag, "DuplicateExtension")
      const emulator = yield* startEmulator({})
      const port = Number(emulator.runtimeApi.split(":")[1])
      const taken = yield* Effect.flip(startEmulator({ port }))
      assert.strictEqual(
        taken.reason.message,
        `Cannot listen on 127.0.0.1:${port}: the port is in use. Choose another port, or 0 for any free port.`
      )
      const noSlot = yield* Effect.flip(emulator.endManualProcess("extension:nobody"))
      assert.strictEqual(noSlot.reason._tag, "NotAManualProcess")
      const tooLarge = yield* Effect.flip(emulator.invoke("x".repeat(6_291_557)))
      assert.strictEqual(tooLarge.reason._tag, "PayloadTooLarge")
    })
  )

  it.live("output is whole lines of correct UTF-8, on both channels", () =>
    Effect.gen(function* () {
      // Cuts the euro sign in the middle of its three bytes.
      const extension = script(`
        const text = Buffer.from("price: 5 €\\n")
        process.stdout.write(text.subarray(0, 10))
        await new Promise((done) => setTimeout(done, 50))
        process.stdout.write(text.subarray(10))
        process.stderr.write("no line break")
        process.exit(1)`)
      const emulator = yield* environment({ a: extension }, echoFunction)
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      const output = (yield* emulator.journal.entries).filter(Journal.is("Output"))
      assert.sameDeepMembers(
        output.map(({ channel, line }) => [channel, line]),
        [
          ["stdout", "price: 5 €"],
          ["stderr", "no line break"]
        ]
      )
    })
  )

  it.live("the last line comes before the exit, though the pipe outlives the process", () =>
    Effect.gen(function* () {
      const extension = script(`
        process.stdout.write("no line break")
        const other = require("node:child_process").spawn("sleep", ["1"], { detached: true, stdio: "inherit" })
        other.once("spawn", () => process.exit(1))`)
      const emulator = yield* environment({ a: extension }, echoFunction)
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      const entries = yield* emulator.journal.entries
      const line = entries.findIndex(Journal.is("Output", ({ line }) => line === "no line break"))
      assert.isAtLeast(line, 0)
      assert.isBelow(line, entries.findIndex(Journal.is("ProcessExited")))
    })
  )
})
