/** Real processes: the shutdown, what is left behind, the bytes of a refusal, and the service itself. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import NodeProcess from "node:process"
import { awaitEnd, echoFunction, isAlive, politeExtension, script, startEmulator } from "./support.ts"
import { environment } from "./lifecycles.ts"

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
