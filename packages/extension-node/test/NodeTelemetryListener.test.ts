/** Every listener with real sockets: the table in wire/listenerCases.ts, byte by byte. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import * as TestClock from "effect/testing/TestClock"
import { createConnection, createServer, type Socket } from "node:net"
import * as NodeTelemetryListener from "../src/NodeTelemetryListener.ts"
import { until } from "./support/RawServer.ts"
import { listeners } from "./wire/implementations.ts"
import { listenerCases } from "./wire/listenerCases.ts"
import { MiB, play } from "./wire/ListenerScript.ts"

const nobody = { body: () => {}, tooLarge: () => {}, connection: () => ({ chunk: () => {}, end: () => {} }) }

/** A client of a listener with the limits that it has if nothing else is said. */
const connecting = Effect.gen(function* () {
  const { listen } = NodeTelemetryListener.make()
  const { port } = yield* listen({ protocol: "HTTP", host: "127.0.0.1", port: 0, maxBodyBytes: MiB }, nobody)
  return Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = createConnection(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
})
const closed = (socket: Socket) => until("the end of the connection", () => socket.closed)
/** Data that comes back over a connection shows that the listener has seen everything before it. */
const answered = (socket: Socket) =>
  Effect.callback<void>((resume) => {
    socket.once("data", () => resume(Effect.void))
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
  })

describe("without other limits", () => {
  it.live("256 connections are kept, and the longest idle one makes room for another", () =>
    Effect.gen(function* () {
      const connect = yield* connecting
      const [first, second, ...others] = yield* Effect.all(Array.from({ length: 256 }, () => connect))
      const [, last] = [yield* answered(others[253] ?? assert.fail()), yield* connect]
      assert.isFalse(first?.closed)
      yield* closed(first ?? assert.fail())
      yield* answered(last)
      assert.isFalse(second?.closed)
    })
  )

  it.effect("a request has 30 seconds", () =>
    Effect.gen(function* () {
      const connect = yield* connecting
      const [half, other] = [yield* connect, yield* connect]
      half.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
      yield* answered(other)
      yield* TestClock.adjust("29 seconds")
      yield* answered(other)
      assert.isFalse(half.closed)
      yield* TestClock.adjust("1 second")
      yield* TestClock.withLive(closed(half))
    })
  )
})

it.live.each([
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["localhost", "localhost"]
] as const)("listens on %s", ([host, reachedAt]) =>
  Effect.gen(function* () {
    const { port } = yield* NodeTelemetryListener.make().listen(
      { protocol: "HTTP", host, port: 0, maxBodyBytes: MiB },
      nobody
    )
    const { status } = yield* Effect.promise(() =>
      fetch(`http://${reachedAt}:${port}/`, { method: "POST", body: "[]" })
    )
    assert.strictEqual(status, 200)
  })
)

it.live.each([
  ["999.1.1.1", "EINVAL"],
  ["192.0.2.1", "EADDRNOTAVAIL"]
] as const)("on %s fails with %s", ([host, why]) =>
  Effect.gen(function* () {
    const { message } = yield* Effect.flip(
      NodeTelemetryListener.make().listen({ protocol: "HTTP", host, port: 0, maxBodyBytes: MiB }, nobody)
    )
    assert.include(message, `cannot listen for telemetry on ${host}:0`)
    assert.include(message, why)
  })
)

describe.each(listeners)("$name", (listener) => {
  it.live.each(listenerCases.map((row) => [row.name, row] as const))("%s", ([, row]) => play(listener, row))

  it.live.each(["HTTP", "TCP"] as const)(
    "on a port in use, or on none, fails over %s and says what to do",
    (protocol) =>
      Effect.gen(function* () {
        const taken = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const server = createServer().listen(0, "127.0.0.1")
            await once(server, "listening")
            return server
          }),
          (server) => Effect.sync(() => server.close())
        )
        const address = taken.address()
        const port = typeof address === "object" ? (address?.port ?? 0) : 0
        const refused = (port: number) =>
          Effect.flip(listener.make().listen({ protocol, host: "127.0.0.1", port, maxBodyBytes: 1 }, nobody))

        const inUse = yield* refused(port)
        assert.strictEqual(inUse._tag, "TelemetryListenerError")
        assert.include(inUse.message, `cannot listen for telemetry on 127.0.0.1:${port}: listen EADDRINUSE`)
        assert.include(inUse.message, "with port 0 any free one is taken")
        assert.include((yield* refused(70_000)).message, "127.0.0.1:70000")
      })
  )
})
