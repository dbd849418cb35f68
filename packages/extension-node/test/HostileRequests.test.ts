/** Hostile clients on real sockets: the listener and the server of `node:http` answer the same, and nothing hangs. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createServer, type Server } from "node:http"
import { createConnection } from "node:net"
import { attack, exchange, listener } from "./differential/sockets.ts"
import { hangs } from "./support/RawServer.ts"

/** The listener that we had: `node:http`, with the same answers. */
const nodeServer = Effect.acquireRelease(
  Effect.callback<{ readonly server: Server; readonly port: number }>((resume) => {
    const server = createServer({ requireHostHeader: false }, (request, response) => {
      const isDelivery = request.method === "POST" || request.method === "PUT"
      request.resume().once("end", () => {
        response.sendDate = false
        response.writeHead(isDelivery ? 200 : 405, {
          ...(isDelivery ? {} : { Allow: "POST, PUT" }),
          "Content-Length": 0
        })
        response.end()
      })
    })
    Object.assign(server, { keepAliveTimeout: 0 })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed({ server, port: typeof address === "object" ? (address?.port ?? 0) : 0 }))
    })
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    })
)

const post = "POST / HTTP/1.1\r\n"

describe("on a socket", () => {
  it.live.each([
    `${post}\r\n`,
    `${post}Connection: close\r\n\r\n`,
    `${post}Connection: x-close\r\n\r\n${post}\r\n`,
    "POST / HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    "HEAD / HTTP/1.1\r\n\r\n",
    "MKCOL / HTTP/1.1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n",
    `${post}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na`,
    `${post}Content-Length: 2000\r\n\r\n${"a".repeat(2000)}`,
    `${post}Content-Length: x\r\n\r\n`,
    `${post}A: ${"a".repeat(20_000)}`,
    `${post}Content-Length: 9\r\n\r\ncut`,
    `${post}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n`,
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ""
  ])("the answer to %j has the bytes that node:http sends", (text) =>
    Effect.gen(function* () {
      const [ours, theirs] = [yield* listener, yield* nodeServer]
      const bytes = Buffer.from(text, "latin1")
      assert.strictEqual(yield* exchange(ours.port, [bytes]), yield* exchange(theirs.port, [bytes]))
    })
  )

  it.live("1,000 hostile connections at random end, and a good one is answered after them", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* listener
      yield* attack(port, 1000, 7)
      const before = seen.bodies
      assert.isAbove(before, 100)
      const answer = yield* exchange(port, [`${post}Content-Length: 2\r\n\r\n[]`])
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
      assert.strictEqual(seen.bodies, before + 1)
    })
  )

  it.live("requests that were sent before one that is refused are handed over", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* listener
      const answer = yield* exchange(port, [`${post}\r\n${post}Content-Length: 2\r\n\r\n[]garbage`])
      assert.strictEqual(seen.bodies, 2)
      assert.deepStrictEqual(answer.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 400"])
    })
  )

  it.live("nothing is read after a request that closes its connection", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* listener
      const answer = yield* exchange(port, [`${post}Connection: close\r\n\r\n${post}\r\n`])
      assert.strictEqual(answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      assert.strictEqual(seen.bodies, 1)
    })
  )

  it.live("a client that sends requests without end and reads no answer is cut off", () =>
    Effect.gen(function* () {
      const { port } = yield* listener
      const requests = Buffer.from("GET / HTTP/1.1\r\n\r\n".repeat(3000))
      yield* Effect.callback<void>((resume) => {
        const socket = createConnection({ host: "127.0.0.1", port })
        socket.pause()
        socket.on("error", () => {})
        socket.once("close", () => resume(Effect.void))
        const send = () => {
          while (socket.writable && socket.write(requests)) {}
        }
        socket.on("drain", send)
        socket.once("connect", send)
        return Effect.sync(() => socket.destroy())
      }).pipe(Effect.timeout(hangs))
    })
  )
})
