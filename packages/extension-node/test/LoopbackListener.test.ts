/** The listener on loopback with real sockets, and clients that we did not write: node:http and fetch. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/testing/TestClock"
import { once } from "node:events"
import { request } from "node:http"
import { createConnection, createServer, type Socket } from "node:net"
import { networkInterfaces } from "node:os"
import { gzipSync } from "node:zlib"
import * as LoopbackListener from "../src/LoopbackListener.ts"
import { exchange } from "./differential/sockets.ts"
import { until } from "./support/RawServer.ts"

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"))

const maxBodyBytes = 1000

/** A listener whose route `/echo` gives the body back, and whose route `/bad` throws. */
const echoing = Effect.fnUntraced(function* (options: Partial<LoopbackListener.Options> = {}) {
  const seen: Array<LoopbackListener.Request> = []
  const listener = yield* LoopbackListener.make({
    routes: {
      "/echo": {
        method: "POST",
        contentTypes: ["text/plain", "application/json"],
        maxBodyBytes,
        answer: (request) => {
          seen.push(request)
          return { status: 200, headers: { "X-Type": request.contentType }, body: request.body }
        }
      },
      "/bad": {
        method: "PUT",
        contentTypes: ["text/plain"],
        maxBodyBytes,
        answer: () => {
          throw new Error("no answer")
        }
      },
      "/split": {
        method: "POST",
        contentTypes: ["text/plain"],
        maxBodyBytes,
        answer: ({ body }) => ({ status: 200, headers: { "X-Said": Buffer.from(body).toString("latin1") } })
      }
    },
    ...options
  })
  return { port: yield* listener.bind(0), seen, listener }
})

/** A request of node:http. */
const ask = (port: number, options: Parameters<typeof request>[1], body: Uint8Array | string = "") =>
  Effect.callback<{
    readonly status: number
    readonly headers: NodeJS.Dict<string | Array<string>>
    readonly body: string
  }>((resume) => {
    const asking = request({ host: "127.0.0.1", port, method: "POST", ...options }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString()
          })
        )
      )
    })
    asking.on("error", (cause) => resume(Effect.die(cause)))
    asking.end(body)
    return Effect.sync(() => asking.destroy())
  })

const text = { "content-type": "text/plain" }

describe("a request", () => {
  it.live.each([
    ["with its body", text, "hello", "hello"],
    ["with parameters of its content type", { "content-type": "Text/PLAIN; charset=utf-8" }, "hello", "hello"],
    ["compressed", { ...text, "content-encoding": "gzip" }, gzipSync("hello"), "hello"],
    ["compressed under the old name", { ...text, "content-encoding": "x-gzip" }, gzipSync("hello"), "hello"],
    ["that says it is not compressed", { ...text, "content-encoding": "identity" }, "hello", "hello"],
    ["in chunks", { ...text, "transfer-encoding": "chunked" }, "hello", "hello"],
    ["that waits for 100", { ...text, expect: "100-continue" }, "hello", "hello"],
    ["of the longest size", text, "a".repeat(maxBodyBytes), "a".repeat(maxBodyBytes)],
    ["without a body", text, "", ""]
  ] as const)("%s is answered by its route", ([, headers, body, back]) =>
    Effect.gen(function* () {
      const { port, seen } = yield* echoing()
      const answer = yield* ask(port, { path: "/echo?a=b", headers }, body)
      assert.deepStrictEqual([answer.status, answer.body], [200, back])
      assert.strictEqual(answer.headers["x-type"], "text/plain")
      assert.strictEqual(answer.headers["content-length"], String(back.length))
      assert.deepStrictEqual(Object.keys(seen[0] ?? {}).toSorted(), ["body", "contentType", "path"])
      assert.strictEqual(seen[0]?.path, "/echo")
    })
  )

  it.live.each([
    ["to another path", { path: "/other", headers: text }, "", 404, "nothing is at this path"],
    ["with another method", { path: "/echo", method: "GET" }, "", 405, "this path takes POST alone"],
    [
      "of another type",
      { path: "/echo", headers: { "content-type": "text/html" } },
      "a",
      415,
      "the content type has to be text/plain or application/json"
    ],
    ["without a type", { path: "/echo" }, "a", 415, "the content type has to be text/plain or application/json"],
    [
      "in an unknown encoding",
      { path: "/echo", headers: { ...text, "content-encoding": "br" } },
      "a",
      415,
      "the content encoding has to be gzip, or none"
    ],
    [
      "in two encodings",
      { path: "/echo", headers: { ...text, "content-encoding": "gzip, gzip" } },
      "a",
      415,
      "the content encoding has to be gzip, or none"
    ],
    [
      "that is no gzip",
      { path: "/echo", headers: { ...text, "content-encoding": "gzip" } },
      "a",
      400,
      "the body is not gzip, or only a part of it"
    ],
    [
      "with half of its gzip",
      { path: "/echo", headers: { ...text, "content-encoding": "gzip" } },
      gzipSync("hello").subarray(0, 15),
      400,
      "the body is not gzip, or only a part of it"
    ],
    [
      "that is too long",
      { path: "/echo", headers: text },
      "a".repeat(maxBodyBytes + 1),
      413,
      "the body is longer than 1000 bytes"
    ],
    [
      "that is far too long",
      { path: "/echo", headers: text },
      "a".repeat(2 ** 22),
      413,
      "the body is longer than 1000 bytes"
    ],
    [
      "that is too long in chunks",
      { path: "/echo", headers: { ...text, "transfer-encoding": "chunked" } },
      "a".repeat(2 ** 20),
      413,
      "the body is longer than 1000 bytes"
    ],
    [
      "that is too long when it is decompressed",
      { path: "/echo", headers: { ...text, "content-encoding": "gzip" } },
      gzipSync("a".repeat(100_000)),
      413,
      "the body is longer than 1000 bytes"
    ]
  ] as const)("%s is refused, and the connection goes on", ([, options, body, status, why]) =>
    Effect.gen(function* () {
      const refusals: Array<LoopbackListener.Refusal> = []
      const { port, seen } = yield* echoing({
        refuse: (refusal) => {
          refusals.push(refusal)
          return { status: 500, headers: { "Content-Type": "text/plain" }, body: Buffer.from(refusal.why) }
        }
      })
      const answer = yield* ask(port, options, body)
      assert.deepStrictEqual([answer.status, answer.body, answer.headers.connection], [status, why, "keep-alive"])
      assert.strictEqual(answer.headers.allow, status === 405 ? "POST" : undefined)
      assert.deepStrictEqual([refusals.length, refusals[0]?.path], [1, options.path])
      assert.lengthOf(seen, 0)
      assert.strictEqual((yield* ask(port, { path: "/echo", headers: text }, "b")).body, "b")
    })
  )

  it.live("that is refused is answered without a body if nothing else is said", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      const answer = yield* ask(port, { path: "/other", headers: text }, "a")
      assert.deepStrictEqual([answer.status, answer.body], [404, ""])
    })
  )

  it.live("of HEAD gets no body", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing({ refuse: () => ({ status: 404, body: Buffer.from("nothing here") }) })
      const answer = yield* exchange(port, ["HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
      assert.isTrue(answer.endsWith("\r\n\r\n"), answer)
    })
  )

  it.live("after the other over one connection is answered in order", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      const one = (body: string, more = "") =>
        `POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`
      const answer = yield* exchange(port, [one("first") + one("second") + one("third", "Connection: close\r\n")])
      assert.deepStrictEqual(answer.match(/first|second|third/g), ["first", "second", "third"])
    })
  )
})

describe("an answer that throws", () => {
  it.live("is 500, and one line says so", () => {
    const lines: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ message }) => void lines.push(message))])
    return Effect.gen(function* () {
      const { port } = yield* echoing()
      for (let run = 0; run < 3; run++) {
        assert.strictEqual((yield* ask(port, { path: "/bad", method: "PUT", headers: text }, "a")).status, 500)
      }
      yield* until("the line", () => lines.length > 0)
      assert.lengthOf(lines, 1)
      assert.include(String(lines[0]), "an answer of a listener on loopback threw")
    }).pipe(Effect.provide(logger))
  })

  it.live("a header with a line break is 500 and reaches nobody", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      const body = "a\r\nX-More: b"
      const answer = yield* exchange(port, [
        `POST /split HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      ])
      assert.match(answer, /^HTTP\/1\.1 500 /)
      assert.notInclude(answer, "X-More")
    })
  )
})

describe("the addresses", () => {
  it.live("are those of loopback and no other", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      const reach = (host: string) =>
        Effect.callback<string>((resume) => {
          const socket = createConnection(port, host, () => resume(Effect.succeed("connected")))
          socket.once("error", (cause) => resume(Effect.succeed("code" in cause ? String(cause.code) : "")))
          return Effect.sync(() => socket.destroy())
        })
      assert.strictEqual(yield* reach("127.0.0.1"), "connected")
      if (hasIPv6) assert.strictEqual(yield* reach("::1"), "connected")
      const others = Object.values(networkInterfaces()).flatMap((all) =>
        (all ?? []).flatMap(({ address, family, internal }) => (internal || family !== "IPv4" ? [] : [address]))
      )
      for (const address of others) assert.strictEqual(yield* reach(address), "ECONNREFUSED", address)
    })
  )

  it.live("localhost reaches it, whatever it means", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      const response = yield* Effect.promise(() =>
        fetch(`http://localhost:${port}/echo`, { method: "POST", headers: text, body: "hi" }).then((answer) =>
          answer.text()
        )
      )
      assert.strictEqual(response, "hi")
    })
  )

  it.live("several ports of one listener answer alike", () =>
    Effect.gen(function* () {
      const { listener, port } = yield* echoing()
      const other = yield* listener.bind(0)
      assert.notStrictEqual(other, port)
      assert.strictEqual((yield* ask(other, { path: "/echo", headers: text }, "b")).body, "b")
    })
  )

  it.live.each(["127.0.0.1", ...(hasIPv6 ? ["::1"] : [])])(
    "a port that is taken on %s fails and says what to do",
    (host) =>
      Effect.gen(function* () {
        const taken = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const server = createServer().listen(0, host)
            await once(server, "listening")
            return server
          }),
          (server) => Effect.sync(() => server.close())
        )
        const address = taken.address()
        const port = typeof address === "object" ? (address?.port ?? 0) : 0
        const { listener } = yield* echoing()
        const { message } = yield* Effect.flip(listener.bind(port))
        assert.include(message, `cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}`)
        assert.include(message, "EADDRINUSE")
        assert.include(message, "another extension of the function")
      })
  )

  it.live("a number that is no port fails", () =>
    Effect.gen(function* () {
      const { listener } = yield* echoing()
      assert.include((yield* Effect.flip(listener.bind(70_000))).message, "127.0.0.1:70000")
    })
  )
})

describe("a client", () => {
  const connect = (port: number) =>
    Effect.acquireRelease(
      Effect.callback<Socket>((resume) => {
        const socket = createConnection(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
        socket.on("error", () => {})
        socket.resume()
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
  const closed = (socket: Socket) => until("the end of the connection", () => socket.closed)

  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
  it.live.each([
    ["at once", [preface]],
    ["byte by byte", Array.from(preface)]
  ] as const)("of HTTP/2 that sends its preface %s is told of, and closed without an answer", ([, pieces]) =>
    Effect.gen(function* () {
      const seen = { count: 0 }
      const { port } = yield* echoing({ onHttp2: () => void seen.count++ })
      assert.strictEqual(yield* exchange(port, pieces), "")
      assert.strictEqual(seen.count, 1)
    })
  )

  it.live("of HTTP/2 gets 400 if nobody is told of it", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      assert.match(yield* exchange(port, [preface]), /^HTTP\/1\.1 400 /)
    })
  )

  it.effect("has 30 seconds for a request, and no limit between two", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing()
      const [half, idle] = [yield* connect(port), yield* connect(port)]
      const received = { bytes: 0 }
      idle.on("data", (chunk: Buffer) => (received.bytes += chunk.length))
      half.write("POST /echo HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf")
      const askAgain = Effect.gen(function* () {
        const before = received.bytes
        idle.write("GET /echo HTTP/1.1\r\n\r\n")
        yield* TestClock.withLive(until("an answer", () => received.bytes > before))
      })
      yield* askAgain
      yield* TestClock.adjust("29 seconds")
      yield* askAgain
      assert.isFalse(half.closed)
      yield* TestClock.adjust("1 second")
      yield* TestClock.withLive(closed(half))
      yield* TestClock.adjust("1 hour")
      yield* askAgain
    })
  )

  it.live("beyond the number of connections takes the place of the longest idle one", () =>
    Effect.gen(function* () {
      const { port } = yield* echoing({ maxConnections: 2 })
      const first = yield* connect(port)
      yield* connect(port)
      yield* connect(port)
      yield* closed(first)
    })
  )

  it.live("whose bodies are too many together waits, and gets its answer", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* echoing({ maxBytes: 2 * maxBodyBytes })
      const clients = yield* Effect.all(Array.from({ length: 20 }, () => connect(port)))
      const body = "a".repeat(maxBodyBytes)
      for (const client of clients) {
        client.write(
          `POST /echo HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: ${maxBodyBytes}\r\n\r\n${body.slice(1)}`
        )
      }
      for (const client of clients) client.write("a")
      yield* until("all bodies", () => seen.length === clients.length)
    })
  )

  it.live("is cut at the end of the scope, and the port is free", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(echoing(), scope)
      const client = yield* connect(port)
      yield* Scope.close(scope, Exit.void)
      yield* closed(client)
      const { listener } = yield* echoing()
      assert.strictEqual(yield* listener.bind(port), port)
    })
  )
})
