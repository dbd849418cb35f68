/** The listener: what a connection may do, what it may not, and that nothing which is not HTTP brings it down. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as RuntimeApiServer from "../src/internal/server/RuntimeApiServer.ts"
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import NodeProcess from "node:process"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { exchange } from "./conformance/raw.ts"
import { expectAnswer, makeWorld, manualExtensions, text } from "./conformance/world.ts"
import { hangs } from "./support.ts"

/** A connection that stays open: bytes out, text in. */
const connect = Effect.fnUntraced(function* (address: string) {
  const received = yield* Queue.unbounded<string>()
  const [host, port] = address.split(":")
  const socket = Net.connect(Number(port), host ?? "")
  let text = ""
  let closed = false
  socket.setEncoding("latin1")
  socket.on("data", (chunk: string) => {
    text += chunk
    Queue.offerUnsafe(received, text)
  })
  socket.on("error", () => {
    // Reset counts as closed.
  })
  socket.on("close", () => {
    closed = true
    Queue.offerUnsafe(received, text)
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
  /** Waits until the condition holds. */
  const until = (condition: () => boolean) =>
    Effect.suspend(() => (condition() ? Effect.succeed("") : Queue.take(received))).pipe(
      Effect.repeat({ until: condition }),
      Effect.timeout(hangs),
      Effect.map(() => text)
    )
  return {
    write: (bytes: string | Buffer) => Effect.sync(() => void socket.write(bytes)),
    textWith: (part: string) => until(() => text.includes(part)),
    closed: until(() => closed),
    /** Nothing more to send. */
    end: Effect.sync(() => void socket.end())
  }
})

const nextRequest = (identifier: string) =>
  `GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: 127.0.0.1\r\nLambda-Extension-Identifier: ${identifier}\r\n\r\n`

const pingRequest = "GET /2018-06-01/ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

describe("connections", () => {
  it.live("a request that does not arrive ends its connection; a parked poll and an idle connection stay", () =>
    Effect.gen(function* () {
      const parked = yield* Queue.unbounded<number>()
      const server = yield* RuntimeApiServer.make({
        host: "127.0.0.1",
        port: 0,
        profile: profiles.real,
        requestTimeout: "200 millis",
        extensionsEnabled: true,
        onInput: (input) => {
          if (input._tag === "ExtensionRequest") Queue.offerUnsafe(parked, input.request.exchange)
        },
        now: () => 0,
        onRefused: () => {}
      })
      const poll = yield* connect(server.address)
      yield* poll.write(nextRequest("x"))
      const waiting = yield* Queue.take(parked)
      const idle = yield* connect(server.address)
      yield* idle.write(pingRequest)
      yield* idle.textWith("pong")
      const halfOpen = yield* connect(server.address)
      yield* halfOpen.write(
        "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nhalf"
      )
      assert.strictEqual(yield* halfOpen.closed, "")
      // Both were there longer than the one that was closed.
      server.reply(waiting, { status: 200, headers: {}, body: "an event" })
      yield* poll.textWith("an event")
      yield* idle.write(pingRequest.replace("ping", "elsewhere"))
      assert.notMatch(yield* idle.textWith("404 page not found"), /keep-alive|connection:/i)
    })
  )

  it.live("requests that are pipelined behind a poll are handled after the poll, not before", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("real", manualExtensions("a"))
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      const connection = yield* connect(world.emulator.runtimeApi)
      const headers = `Lambda-Extension-Identifier: ${identifier}\r\nLambda-Extension-Function-Error-Type: Late`
      const report = `POST /2020-01-01/extension/exit/error HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\nContent-Length: 0\r\n\r\n`
      yield* connection.write(nextRequest(identifier) + report)
      yield* world.journal.waitFor(Journal.is("NextCalled"))
      assert.strictEqual((yield* world.call("GET", "/2018-06-01/ping")).body, "pong")
      assert.lengthOf(yield* world.entries("ErrorReported"), 0)
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      yield* connection.textWith("SHUTDOWN")
      yield* connection.textWith('{"status":"OK"}\n')
      yield* world.emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
    })
  )

  it.live("a client that pipelines without end is cut off; the poll stands", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("real", manualExtensions("a"))
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      const connection = yield* connect(world.emulator.runtimeApi)
      yield* connection.write(nextRequest(identifier) + pingRequest.repeat(101))
      assert.strictEqual(yield* connection.closed, "")
      yield* world.journal.waitFor(Journal.is("PollAborted"))
      assert.match((yield* world.next(identifier)).body, /State transition from Ready to Ready failed/)
    })
  )

  it.live("bytes that are not HTTP, and a head that is too long, get Go's answers", () =>
    Effect.gen(function* () {
      const { emulator } = yield* makeWorld("real", manualExtensions())
      for (const [bytes, status] of [
        ["nonsense\r\n\r\n", "400 Bad Request"],
        [`GET / HTTP/1.1\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, "431 Request Header Fields Too Large"]
      ] as const) {
        const connection = yield* connect(emulator.runtimeApi)
        yield* connection.write(bytes)
        const head = "Content-Type: text/plain; charset=utf-8\r\nConnection: close"
        assert.strictEqual(yield* connection.closed, `HTTP/1.1 ${status}\r\n${head}\r\n\r\n${status}`)
      }
    })
  )

  it.live("header values are UTF-8 in both directions, and cannot break the response", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("real", manualExtensions("é.sh"))
      const name = Buffer.from("é.sh").toString("latin1")
      const head = `POST /2020-01-01/extension/register HTTP/1.1\r\nHost: 127.0.0.1\r\nLambda-Extension-Name: ${name}\r\n`
      const answer = yield* exchange(
        world.emulator.runtimeApi,
        Buffer.from(`${head}Content-Length: 2\r\n\r\n{}`, "latin1")
      )
      assert.strictEqual(answer.status, 200)
      const registered = yield* world.journal.waitFor(Journal.is("Registered"))
      assert.deepStrictEqual([registered.kind, registered.source], ["external", "extension:é.sh"])
      yield* world.pollExtension("é.sh", answer.headers["lambda-extension-identifier"] ?? "")
      const runtimePoll = yield* world.pollRuntime
      yield* Effect.forkScoped(world.emulator.invoke("{}", { traceHeader: "a\r\nX-Injected: €" }))
      const invocation = yield* Fiber.join(runtimePoll)
      const sent = Buffer.from(invocation.headers["lambda-runtime-trace-id"] ?? "", "latin1").toString("utf8")
      assert.strictEqual(sent, "a  X-Injected: €")
    })
  )

  it.live("a poll that stands when its generation ends goes with it, also a second one of the runtime", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("real", manualExtensions("a"))
      const { runtimePoll } = yield* world.ready(["INVOKE"])
      yield* world.emulator.shutdown()
      assert.strictEqual((yield* Fiber.join(runtimePoll)).statusLine, "")
      // The environment is gone, so no answer comes any more.
      assert.strictEqual((yield* world.register("x", "{}")).statusLine, "")
    })
  )
})

/** Numbers that look random and are the same each time. */
const makeBelow = () => {
  let state = 42
  return (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 4_294_967_296) * limit)
  }
}

describe("robustness", () => {
  it.live("after 10,000 malformed requests it still serves, its memory is bounded, and a parked poll is parked", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("real", { ...manualExtensions("a"), journalSize: 1000 })
      const address = world.emulator.runtimeApi
      const { extensionPoll } = yield* world.ready(["SHUTDOWN"])
      V8.setFlagsFromString("--expose_gc")
      const gc: () => void = Vm.runInNewContext("gc")
      const usedMemory = Effect.sync(() => {
        gc()
        const { external, heapUsed } = NodeProcess.memoryUsage()
        return heapUsed + external
      })

      const below = makeBelow()
      const pick = <A>(values: readonly [A, ...ReadonlyArray<A>]): A => values[below(values.length)] ?? values[0]
      const noise = (length: number) => Buffer.from(Array.from({ length }, () => below(256))).toString("latin1")
      const paths = [
        "/2020-01-01/extension/register",
        "/2020-01-01/extension/event/next",
        "/2020-01-01/extension/init/error",
        "/2020-01-01/extension/exit/error",
        "/2018-06-01/runtime/invocation/x/response",
        "/2018-06-01/runtime/invocation/x/error",
        "/2018-06-01/runtime/init/error",
        "/2022-07-01/telemetry",
        "/%00",
        "*",
        "//",
        "http://elsewhere/"
      ] as const
      const methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "MKCOL", "QUERY"] as const
      const headerNames = [
        "Lambda-Extension-Name",
        "Lambda-Extension-Identifier",
        "Content-Type",
        "Expect",
        "Upgrade"
      ] as const
      const wellFormed = () => {
        const body = below(3) === 0 ? noise(below(200)) : pick(["", "{}", "[", "null", '{"events":[{}]}'])
        const header = `${pick(headerNames)}: ${pick(["", "x", "\u00e9", "100-continue", "{"])}`
        return `${pick(methods)} ${pick(paths)} HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      }
      const broken = () =>
        pick<() => string>([
          () => noise(below(300)),
          () => `GET ${paths[1]} HTTP/9.9\r\n\r\n`,
          () => `POST ${paths[0]} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf`,
          () => `POST ${paths[4]} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
          () => `POST ${paths[4]} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab`,
          () => `GET / HTTP/1.1\r\nX: ${"x".repeat(70_000)}\r\n\r\n`,
          () => "CONNECT x:1 HTTP/1.1\r\n\r\n",
          () => "G",
          () => ""
        ])()
      const large = `POST ${paths[0]} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8388608\r\n\r\n${"x".repeat(8_388_608)}`

      // Per round 200 connections with 20 requests each, 1000 with something that is no request, 6 with 8 MiB.
      const storm = Effect.scoped(
        Stream.range(1, 1206).pipe(
          Stream.mapEffect(
            Effect.fnUntraced(function* (count) {
              const burst = () => Array.from({ length: 20 }, wellFormed).join("")
              const bytes = count <= 6 ? large : count <= 206 ? burst() : broken()
              const connection = yield* connect(address)
              yield* connection.write(Buffer.from(bytes, "latin1"))
              // Every tenth stays open as it is; of the others the server has read everything when it closes.
              if (below(10) === 0) return
              yield* connection.end
              yield* connection.closed
            }),
            { concurrency: 16 }
          ),
          Stream.runDrain,
          Effect.andThen(world.call("GET", "/2018-06-01/ping")),
          Effect.map((answer) => expectAnswer(answer, 200, text, "pong"))
        )
      )
      yield* storm
      const before = yield* usedMemory
      yield* storm
      // The second round leaves nothing: six kept bodies alone would be 36 MiB. Buffers go some time after the collection.
      yield* usedMemory.pipe(
        Effect.repeat({ until: (used) => used < before + 16 * 1024 * 1024, schedule: Schedule.spaced("50 millis") }),
        Effect.timeout(hangs)
      )

      const again = yield* world.call("POST", "/2020-01-01/extension/register", { "Lambda-Extension-Name": "a" }, "{}")
      assert.match(again.body, /State transition from Ready to Registered failed/)
      assert.isAtMost((yield* world.journal.entries).length, 1000)
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      assert.match((yield* Fiber.join(extensionPoll)).body, /^\{"eventType":"SHUTDOWN"/)
      yield* world.emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
    })
  )
})

describe("the journal", () => {
  it.live("forgets what a process prints before it forgets a registration", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("real", { ...manualExtensions("a"), journalSize: 100 })
      yield* world.registered("a", [])
      const { source } = yield* world.journal.waitFor(Journal.is("Registered"))
      for (let count = 0; count < 300; count++) yield* world.emulator.writeManualOutput(source, `line ${count}\n`)
      const last = yield* world.journal.waitFor(Journal.is("Output", ({ line }) => line === "line 299"))
      const entries = yield* world.journal.entries
      assert.isAtMost(entries.length, 100)
      assert.isTrue(entries.some(Journal.is("Registered")))
      const read = yield* Stream.runCollect(Stream.take(world.journal.stream, entries.length))
      assert.deepStrictEqual([...read], entries)
      assert.strictEqual(entries.at(-1)?.index, last.index)
      assert.isAtLeast(last.index, 300)
    }).pipe(Effect.scoped)
  )

  it.live("keeps the last entries, and a stream reads them to the end", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const world = yield* Scope.provide(makeWorld("real", { ...manualExtensions(), journalSize: 100 }), scope)
      for (let count = 0; count < 300; count++) yield* world.register("", "{}")
      const entries = yield* world.journal.entries
      assert.isAtMost(entries.length, 100)
      assert.isAtLeast(entries.length, 90)
      const first = entries[0]?.index ?? 0
      assert.deepStrictEqual(
        entries.map(({ index }) => index),
        entries.map((_, position) => first + position)
      )
      const collected = yield* Effect.forkScoped(Stream.runCollect(world.journal.stream))
      yield* world.register("", "{}")
      yield* Scope.close(scope, Exit.void)
      const kept = yield* world.journal.entries
      assert.deepStrictEqual((yield* Fiber.join(collected)).slice(-kept.length), [...kept])
    })
  )
})
