/** A connection that the process before this one opened: the client owns it, and closes it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { join } from "node:path"
import { bundled, compileCache } from "../../tools/programs.ts"
import { hangs, http, makeServer, type Received, until } from "./support/RawServer.ts"

const ok = http("200 OK", "{}")

const program = await bundled(join(import.meta.dirname, "programs/inherited.ts"))

/** Runs test/programs/inherited.ts with a connection to this server on descriptor 3. */
const inherit = Effect.fnUntraced(function* (host: string, probe: string, sent = "") {
  const [address, port] = host.split(":")
  const socket = connect(Number(port), address)
  yield* Effect.promise(() => once(socket, "connect"))
  // What the process before this one has sent.
  socket.write(sent)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [program], {
        env: { NODE_COMPILE_CACHE: compileCache, AWS_LAMBDA_RUNTIME_API: host, PROBE: probe },
        stdio: ["ignore", "pipe", "inherit", socket]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  // The child has another descriptor.
  socket.destroy()
  let output = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text
  })
  yield* Effect.timeout(
    Effect.promise(() => once(child, "close")),
    hangs
  )
  return output
})

describe("an inherited connection", () => {
  it.live.each(["unused", "interrupted"])("%s: closed with the scope", (probe) =>
    Effect.gen(function* () {
      const { closed, host } = yield* makeServer(() => ok)
      assert.strictEqual(yield* inherit(host, probe), "open: false\n")
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live("closes with the scope also while its first call is under way, which fails", () =>
    Effect.gen(function* () {
      const { closed, host } = yield* makeServer(() => "park")
      assert.strictEqual(
        yield* inherit(host, "scope closed"),
        "Error: the connection was closed by this process\nopen: false\n"
      )
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live("that other code closed fails a single call; the next call opens a connection", () =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(() => ok)
      assert.match(yield* inherit(host, "closed by somebody"), /^TransportError\n/)
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        [2]
      )
    })
  )

  it.live("carries a request that is larger than its buffers", () =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(() => ok)
      yield* inherit(host, "large")
      assert.lengthOf(received, 1)
      assert.strictEqual(received[0]?.connection, 1)
      assert.strictEqual(received[0]?.body, "ł".repeat(1_000_000))
    })
  )

  it.live("carries a request that is not made at once", () =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(() => ok)
      // Another spelling of the same address.
      yield* inherit(host.replace(":", ":0"), "late")
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        [1]
      )
    })
  )

  it.live.each<[string, number]>([
    ["left unused", 0],
    ["left idle", 3]
  ])("%s: no connection keeps the process alive, but every call does", ([probe, calls]) =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(() => ok)
      assert.strictEqual(yield* inherit(host, probe), "open: true\n")
      assert.lengthOf(received, calls)
    })
  )

  const poll = "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: lambda\r\n\r\n"
  const urls = (received: ReadonlyArray<Received>) =>
    received.map(({ connection, url }) => [connection, url.split("/").at(-1)])

  it.live("with a poll that was sent: its answer is for the first poll, and other calls take other connections", () =>
    Effect.gen(function* () {
      let polls = 0
      const { host, received } = yield* makeServer(({ url }) =>
        http("200 OK", url.endsWith("/next") ? `event ${++polls}` : "{}")
      )
      const output = yield* inherit(host, "sent: several calls", poll)
      assert.strictEqual(output, "event 1\nevent 2\nopen: false\n")
      const [first, ...others] = urls(received)
      assert.deepStrictEqual(first, [1, "next"])
      assert.deepStrictEqual(
        others.map(([, url]) => url),
        ["", "", "next"]
      )
      for (const [connection] of others.slice(0, 2)) assert.notStrictEqual(connection, 1)
    })
  )

  it.live("with a poll that was sent and nobody reads: closed with the scope", () =>
    Effect.gen(function* () {
      const { closed, host } = yield* makeServer(() => "park")
      assert.strictEqual(yield* inherit(host, "sent: unused", poll), "open: false\n")
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live("with a poll that was sent and is given up: the next poll is sent, over another connection", () =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(({ connection }) =>
        connection === 1 ? "park" : http("200 OK", "later")
      )
      assert.strictEqual(yield* inherit(host, "sent: interrupted", poll), "later\nopen: false\n")
      assert.deepStrictEqual(urls(received), [
        [1, "next"],
        [2, "next"]
      ])
    })
  )

  it.live("carries one call; a second call at the same time has another connection", () =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(() => ok)
      yield* inherit(host, "two at once")
      const connections = received.map(({ connection }) => connection)
      assert.sameMembers(connections.slice(0, 2), [1, 2])
      assert.oneOf(connections[2], [1, 2])
    })
  )

  it.live.each(["a file", "no open file"])(
    "the descriptor of %s is left alone: the client opens a connection",
    (probe) =>
      Effect.gen(function* () {
        const { host, received } = yield* makeServer(() => ok)
        assert.strictEqual(yield* inherit(host, probe), "open: true\n")
        assert.deepStrictEqual(
          received.map(({ connection }) => connection),
          [2]
        )
      })
  )
})
