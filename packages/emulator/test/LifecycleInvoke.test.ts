/** Real processes during invocations: early responses, crashes, timeouts. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { echoFunction, politeExtension, request, script, startEmulator, temporaryDirectory } from "./support.ts"
import { words, environment, idleExtension, onceThenPolite } from "./lifecycles.ts"

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
