/** The listener with real sockets, byte by byte where it matters. */
import { TelemetryListener } from "@effect-lambda/extension"
import { NodeTelemetryListener } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { createConnection, createServer, type Socket } from "node:net"
import { once } from "node:events"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { until } from "./support/RawServer.ts"

const MiB = 2 ** 20
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"

interface Setup {
  readonly protocol?: "HTTP" | "TCP"
  readonly maxBodyBytes?: number
  readonly limits?: Partial<NodeTelemetryListener.Limits>
  readonly throws?: boolean
}

/** A listener that writes down what it hands over. */
const listen = Effect.fnUntraced(function* ({
  limits,
  maxBodyBytes = 8 * MiB,
  protocol = "HTTP",
  throws = false
}: Setup = {}) {
  const bodies: Array<Buffer> = []
  const tooLarge: Array<number> = []
  const connections: Array<{ readonly chunks: Array<Buffer>; ends: number }> = []
  const fault = () => {
    if (throws) throw new Error("a fault of the receiver")
  }
  const { port } = yield* NodeTelemetryListener.make(limits).listen(
    { protocol, host: "127.0.0.1", port: 0, maxBodyBytes },
    {
      body: (bytes) => {
        bodies.push(Buffer.from(bytes))
        fault()
      },
      tooLarge: (bytes) => {
        tooLarge.push(bytes)
        fault()
      },
      connection: () => {
        const seen = { chunks: new Array<Buffer>(), ends: 0 }
        connections.push(seen)
        return {
          chunk: (bytes) => {
            seen.chunks.push(Buffer.from(bytes))
            fault()
          },
          end: () => {
            seen.ends++
            fault()
          }
        }
      }
    }
  )
  return { port, bodies, tooLarge, connections, texts: () => bodies.map((body) => body.toString()) }
})

/** A client that writes raw bytes and notes what it reads. */
const connect = (port: number) =>
  Effect.gen(function* () {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => createConnection({ host: "127.0.0.1", port, noDelay: true })),
      (socket) => Effect.sync(() => socket.destroy())
    )
    let received = ""
    let isClosed = false
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()))
    socket.on("error", () => {})
    socket.once("close", () => (isClosed = true))
    yield* Effect.promise(() => once(socket, "connect"))
    return {
      socket,
      received: () => received,
      answers: () => received.split("HTTP/1.1 200 OK").length - 1,
      isClosed: () => isClosed,
      write: (bytes: string | Uint8Array) => write(socket, bytes)
    }
  })

const write = (socket: Socket, bytes: string | Uint8Array) =>
  Effect.callback<void>((resume) => {
    socket.write(bytes, () => resume(Effect.void))
  })

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const head = (length: number, lines = "") => `POST / HTTP/1.1\r\nHost: a\r\n${lines}Content-Length: ${length}\r\n\r\n`
const post = (body: string) => head(Buffer.byteLength(body)) + body

describe("over HTTP", () => {
  it.live("case 93: lower-case headers as Lambda writes them", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      const headers =
        "content-type: application/json\r\nsequence-id: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\r\n" +
        `host: 169.254.100.6:${port}\r\nconnection: keep-alive\r\nuser-agent: awslambda-worker/1.0\r\n`
      yield* client.write(`POST / HTTP/1.1\r\n${headers}content-length: 2\r\n\r\n[]`)
      yield* until("the answer", () => client.answers() === 1)
      assert.strictEqual(client.received(), ok)
      assert.deepStrictEqual(texts(), ["[]"])
    })
  )

  it.live("POST and PUT on any path, one after the other on one connection", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      for (const [index, line] of ["POST /", "PUT /", "POST /a/b?c=d", "PUT //", "POST *"].entries()) {
        yield* client.write(`${line} HTTP/1.1\r\nContent-Length: 1\r\n\r\n${index}`)
        yield* until(line, () => client.answers() === index + 1)
      }
      assert.deepStrictEqual(texts(), ["0", "1", "2", "3", "4"])
      assert.isFalse(client.isClosed())
    })
  )

  it.live("two requests in one packet, and no body at all", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      yield* client.write(`${post("a")}${post("b")}POST / HTTP/1.1\r\n\r\n`)
      yield* until("three answers", () => client.answers() === 3)
      assert.deepStrictEqual(texts(), ["a", "b", ""])
    })
  )

  it.live("other methods get 405 and hand over nothing", () =>
    Effect.gen(function* () {
      const { bodies, port } = yield* listen()
      const client = yield* connect(port)
      yield* client.write(
        `GET / HTTP/1.1\r\nHost: a\r\n\r\nDELETE / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab${post("c")}`
      )
      yield* until("the answers", () => client.answers() === 1)
      assert.lengthOf(client.received().split("HTTP/1.1 405 Method Not Allowed\r\nAllow: POST, PUT\r\n"), 3)
      assert.deepStrictEqual(bodies.toString(), "c")
    })
  )

  it.live("case 94: a body that is not JSON is a body", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      yield* client.write(post("no JSON"))
      yield* until("the answer", () => client.answers() === 1)
      assert.deepStrictEqual(texts(), ["no JSON"])
    })
  )

  it.live("without content-length: chunked, in chunks of one byte too", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      const text = "a😀".repeat(10_000)
      const chunks = [...Buffer.from(text)].map((byte) =>
        Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte, 13, 10)])
      )
      yield* client.write("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
      yield* client.write(Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]))
      yield* until("the answer", () => client.answers() === 1)
      assert.deepStrictEqual(texts(), [text])
    })
  )

  it.live("Expect: 100-continue", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      yield* client.write(head(2, "Expect: 100-continue\r\n"))
      yield* until("the go-ahead", () => client.received() === "HTTP/1.1 100 Continue\r\n\r\n")
      yield* client.write("[]")
      yield* until("the answer", () => client.received().endsWith(ok))
      assert.deepStrictEqual(texts(), ["[]"])
    })
  )

  it.live("a body in writes of one byte, characters split between them", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const client = yield* connect(port)
      const text = '["ß€😀"]'
      for (const byte of Buffer.from(post(text))) yield* client.write(Buffer.of(byte))
      yield* until("the answer", () => client.answers() === 1)
      assert.deepStrictEqual(texts(), [text])
    })
  )

  it.live("a body of 4 MiB", () =>
    Effect.gen(function* () {
      const { bodies, port } = yield* listen()
      const client = yield* connect(port)
      const body = Buffer.alloc(4 * MiB, "😀")
      yield* client.write(Buffer.concat([Buffer.from(head(body.length)), body]))
      yield* until("the answer", () => client.answers() === 1)
      assert.lengthOf(bodies, 1)
      assert.isTrue(bodies[0]?.equals(body))
    })
  )

  it.live("maxBodyBytes exactly is a body, one byte more is too large, announced or not", () =>
    Effect.gen(function* () {
      const { port, texts, tooLarge } = yield* listen({ maxBodyBytes: 10 })
      const client = yield* connect(port)
      const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      yield* client.write(`${post("0123456789")}${post("0123456789a")}`)
      yield* client.write(`${chunked}4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n`)
      yield* client.write(`${chunked}4\r\n0123\r\n7\r\n456789a\r\n2\r\nbc\r\n0\r\n\r\n`)
      yield* until("the answers", () => client.answers() === 4)
      assert.deepStrictEqual(texts(), ["0123456789", "0123456789"])
      assert.deepStrictEqual(tooLarge, [11, 13])
    })
  )

  it.live.each([
    ["announced", head(64 * MiB), (chunk: Buffer) => chunk, ""],
    [
      "chunked",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
      (chunk: Buffer) => Buffer.concat([Buffer.from("10000\r\n"), chunk, Buffer.from("\r\n")]),
      "0\r\n\r\n"
    ]
  ] as const)("a body of 64 MiB is discarded as it comes (%s)", ([, start, frame, end]) =>
    Effect.gen(function* () {
      const { bodies, port, tooLarge } = yield* listen({ maxBodyBytes: MiB })
      const client = yield* connect(port)
      const chunk = frame(Buffer.alloc(65_536, "x"))
      const memory = () => {
        collectGarbage()
        const { arrayBuffers, heapUsed } = process.memoryUsage()
        return arrayBuffers + heapUsed
      }
      const before = memory()
      let most = 0
      yield* client.write(start)
      for (let written = 1; written <= 1024; written++) {
        yield* client.write(chunk)
        if (written % 64 === 0) most = Math.max(most, memory() - before)
      }
      yield* client.write(end)
      yield* until("the answer", () => client.answers() === 1)
      assert.deepStrictEqual(tooLarge, [64 * MiB])
      assert.lengthOf(bodies, 0)
      assert.isBelow(most, 24 * MiB)
    })
  )

  it.live("a request that is cut off hands over nothing", () =>
    Effect.gen(function* () {
      const { bodies, port } = yield* listen()
      for (const cut of [(socket: Socket) => socket.resetAndDestroy(), (socket: Socket) => socket.end()]) {
        const client = yield* connect(port)
        yield* client.write(`${head(4)}abc`)
        cut(client.socket)
        yield* until("the end", client.isClosed)
      }
      const other = yield* connect(port)
      yield* other.write(post("whole"))
      yield* until("the answer", () => other.answers() === 1)
      assert.strictEqual(bodies.toString(), "whole")
    })
  )

  it.live("garbage instead of HTTP ends its connection and no other", () =>
    Effect.gen(function* () {
      const { bodies, port } = yield* listen()
      const good = yield* connect(port)
      for (const garbage of [
        "\u0000\u0001\u0002\r\n\r\n",
        "hello\r\n\r\n",
        "POST / HTTP/9.9\r\n\r\n",
        "\u0016\u0003\u0001"
      ]) {
        const client = yield* connect(port)
        yield* client.write(garbage)
        yield* until("the end", client.isClosed)
      }
      yield* good.write(post("whole"))
      yield* until("the answer", () => good.answers() === 1)
      assert.strictEqual(bodies.toString(), "whole")
    })
  )

  it.live("200 clients at the same time, each body once", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen()
      const names = Array.from({ length: 200 }, (_, index) => `client ${index}`)
      yield* Effect.forEach(
        names,
        (name) =>
          Effect.gen(function* () {
            const client = yield* connect(port)
            for (const part of [head(name.length), name.slice(0, 3), name.slice(3)]) yield* client.write(part)
            yield* until("the answer", () => client.answers() === 1)
          }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(texts().toSorted(), names.toSorted())
    })
  )

  it.live("a connection too many is closed at once", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ limits: { maxConnections: 2 } })
      const clients = yield* Effect.all([connect(port), connect(port)])
      for (const client of clients) {
        yield* client.write(post("a"))
        yield* until("the answer", () => client.answers() === 1)
      }
      const third = yield* connect(port)
      yield* until("the end", third.isClosed)
      assert.deepStrictEqual(
        clients.map(({ isClosed }) => isClosed()),
        [false, false]
      )
    })
  )

  it.live("a client that sends a byte now and then, in headers or body, is ended by the time limit", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen({ limits: { requestTimeout: "300 millis" } })
      const body = yield* connect(port)
      const headers = yield* connect(port)
      const second = yield* connect(port)
      const pipelined = yield* connect(port)
      yield* pipelined.write(`${post("first")}${head(9)}x`)
      yield* body.write(head(MiB))
      yield* headers.write("POST / HTTP/1.1\r\nX: ")
      yield* second.write(post("whole"))
      yield* until("the answer", () => second.answers() === 1)
      yield* second.write("P")
      yield* until("all of them ended", () => {
        for (const { socket } of [body, headers]) socket.write("x")
        return [body, headers, second, pipelined].every(({ isClosed }) => isClosed())
      })
      assert.deepStrictEqual(texts().toSorted(), ["first", "whole"])
    })
  )

  it.live("so is a client that never sends anything; one that waits with its next request is not", () =>
    Effect.gen(function* () {
      const { port } = yield* listen({ limits: { requestTimeout: "100 millis" } })
      const good = yield* connect(port)
      yield* good.write(post("a"))
      yield* until("the answer", () => good.answers() === 1)
      for (let round = 0; round < 3; round++) {
        const silent = yield* connect(port)
        yield* until("the end", silent.isClosed)
      }
      yield* good.write(post("b"))
      yield* until("the answer", () => good.answers() === 2)
    })
  )

  it.live("a freeze is no part of the time limit", () =>
    Effect.gen(function* () {
      const { port, texts } = yield* listen({ limits: { requestTimeout: "600 millis" } })
      const client = yield* connect(port)
      for (let round = 1; round <= 3; round++) {
        yield* client.write(`${head(2)}a`)
        // The event loop stands still while the world goes on.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700)
        yield* client.write("b")
        yield* until("the answer", () => client.answers() === round || client.isClosed())
      }
      assert.deepStrictEqual(texts(), ["ab", "ab", "ab"])
    })
  )
})

describe("over TCP", () => {
  it.live("case 101: chunks as they come, then the end, per connection", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* listen({ protocol: "TCP" })
      const text = (index: number) => Buffer.concat(connections[index]?.chunks ?? []).toString()
      const first = yield* connect(port)
      yield* first.write('{"a":')
      yield* until("the first chunk", () => text(0) === '{"a":')
      const second = yield* connect(port)
      yield* second.write("other")
      yield* until("the other connection", () => text(1) === "other")
      yield* first.write("1}\n")
      yield* until("the second chunk", () => text(0) === '{"a":1}\n')
      first.socket.end()
      second.socket.resetAndDestroy()
      yield* until("both ends", () => connections.every(({ ends }) => ends === 1))
    })
  )
})

describe.each(["HTTP", "TCP"] as const)("a listener over %s", (protocol) => {
  it.live("that is closed accepts nothing and cuts every connection, without waiting for the clients", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { bodies, connections, port } = yield* Scope.provide(listen({ protocol }), scope)
      const idle = yield* connect(port)
      const busy = yield* connect(port)
      yield* busy.write(`${head(10)}abc`)
      yield* until("the bytes", () => protocol === "HTTP" || connections.some(({ chunks }) => chunks.length > 0))
      yield* Scope.close(scope, Exit.void)
      // Not later: who closes the receiver may count what there is.
      for (const { ends } of connections) assert.strictEqual(ends, 1)
      yield* until("the ends", () => idle.isClosed() && busy.isClosed())
      assert.lengthOf(bodies, 0)
      const late = createConnection(port, "127.0.0.1")
      const [error] = yield* Effect.promise(() => once(late, "error"))
      assert.strictEqual(error.code, "ECONNREFUSED")
    })
  )

  it.live("survives a receiver that throws, and says so once", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => lines.push(message))
      const { bodies, connections, port } = yield* Effect.provide(
        listen({ protocol, throws: true }),
        Logger.layer([logger])
      )
      const client = yield* connect(port)
      for (let round = 1; round <= 2; round++) {
        yield* client.write(post("a"))
        yield* until("the delivery", () => bodies.length === round || connections[0]?.chunks.length === round)
      }
      yield* until("the line", () => lines.length > 0)
      assert.lengthOf(lines, 1)
      assert.include(String(lines[0]), "threw")
    })
  )

  it.live("on a port in use, or on none, fails and says what to do", () =>
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
      const nobody = { body: () => {}, tooLarge: () => {}, connection: () => ({ chunk: () => {}, end: () => {} }) }
      const refused = Effect.fnUntraced(function* (port: number) {
        const { listen } = yield* TelemetryListener.TelemetryListener
        return yield* Effect.flip(listen({ protocol, host: "127.0.0.1", port, maxBodyBytes: 1 }, nobody))
      }, Effect.provide(NodeTelemetryListener.layer))

      const inUse = yield* refused(port)
      assert.strictEqual(inUse._tag, "TelemetryListenerError")
      assert.include(inUse.message, `cannot listen for telemetry on 127.0.0.1:${port}: listen EADDRINUSE`)
      assert.include(inUse.message, "with port 0 any free one is taken")
      assert.include((yield* refused(70_000)).message, "127.0.0.1:70000")
    })
  )
})
