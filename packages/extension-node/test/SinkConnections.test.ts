/** The connections of the client for sinks: which are kept, and which requests are sent again. */
import { SinkHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createServer, type Socket } from "node:net"
import { KeepsConnections } from "../src/internal/sink/keeping.ts"
import { type Answer, hangs, http, makeServer, type Received, reset, until } from "./support/RawServer.ts"
import { listen } from "./support/Tls.ts"

const ok = http("200 OK", "hi")
const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
const close: Answer = { chunks: [], afterwards: "close" }
const tooMuch: Answer = { chunks: [`${ok.chunks.join("")}more`], afterwards: "keep" }
const closing = http("200 OK", "hi", { Connection: "close" })

const setup = Effect.fnUntraced(function* (
  answer: (request: Received, index: number) => Answer,
  options: SinkHttpClient.Options = {}
) {
  const server = yield* makeServer(answer)
  return { ...server, client: yield* SinkHttpClient.make(options), url: `http://${server.host}/` }
})

const make = (method: string, url: string) =>
  method === "GET" ? HttpClientRequest.get(url) : HttpClientRequest.bodyText(HttpClientRequest.post(url), "a body")

/** The status of an answer that was read to its end. */
const read = <E>(answer: Effect.Effect<HttpClientResponse, E>) =>
  Effect.flatMap(answer, ({ status, text }) => Effect.as(text, status))

/** A server that does this with the first bytes of each connection. */
const raw = Effect.fnUntraced(function* (onBytes: (socket: Socket) => void) {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.once("data", () => onBytes(socket))
  })
  const { port, sockets } = yield* listen(server)
  return { url: `http://127.0.0.1:${port}/`, sockets, connections: () => connections }
})

describe("a kept connection", () => {
  /** The answers to the requests, the results, and the connection of each request that the server got. */
  const rows: ReadonlyArray<
    readonly [what: string, method: string, answers: ReadonlyArray<Answer>, results: string, connections: string]
  > = [
    ["carries one request after the other", "POST", [ok, ok, ok], "200 200 200", "1 1 1"],
    ["that is reset at a GET: the GET is sent once more", "GET", [ok, reset, ok], "200 200", "1 1 2"],
    ["that ends at a GET: the GET is sent once more", "GET", [ok, close, ok], "200 200", "1 1 2"],
    ["but not twice", "GET", [ok, reset, reset], "200 failed", "1 1 2"],
    [
      "that is reset at a POST: the POST may have been read, and is not sent again",
      "POST",
      [ok, reset],
      "200 failed",
      "1 1"
    ],
    ["that ends at a POST: the same", "POST", [ok, close], "200 failed", "1 1"],
    [
      "that ends in its answer: nothing is sent again",
      "GET",
      [ok, { chunks: ["HTTP/1.1 2"], afterwards: "close" }],
      "200 failed",
      "1 1"
    ],
    ["no new connection is tried again", "GET", [reset], "failed", "1"],
    ["that the server wants to close is not used", "POST", [closing, ok], "200 200", "1 2"],
    ["with unexpected bytes is not used", "POST", [tooMuch, ok], "200 200", "1 2"]
  ]
  it.live.each(rows)("%s (%s)", ([, method, answers, results, connections]) =>
    Effect.gen(function* () {
      const { client, received, url } = yield* setup((_, index) => answers[index] ?? "park")
      const seen: Array<string> = []
      for (const _ of results.split(" ")) {
        const result = yield* Effect.result(Effect.timeout(read(client.execute(make(method, url))), hangs))
        seen.push(result._tag === "Success" ? String(result.success) : "failed")
      }
      assert.strictEqual(seen.join(" "), results)
      assert.strictEqual(received.map(({ connection }) => connection).join(" "), connections)
    })
  )

  it.live("that was closed while it was idle is not used, whatever the method", () =>
    Effect.gen(function* () {
      const { client, closed, cut, received, url } = yield* setup(() => ok)
      for (let index = 1; index <= 3; index++) {
        yield* client.execute(make("POST", url))
        cut()
        yield* until("the closed connection", () => closed.length === index)
      }
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        [1, 2, 3]
      )
    })
  )

  it.live.each<readonly [says: string, seconds: number, isKept: boolean]>([
    ["", 29, true],
    ["", 31, false],
    ["timeout=5", 3, true],
    ["timeout=5", 5, false],
    ["timeout=5, max=100", 5, false],
    ["max=100,timeout=5", 5, false],
    ["timeout=3600", 29, true],
    ["timeout=3600", 31, false],
    ["timeout=1", 0, false],
    ["timeout=0", 0, false],
    ["timeout=soon", 29, true]
  ])(
    "of which the server says keep-alive: %j is, after %d seconds by the clock, used again: %s",
    ([says, seconds, isKept]) =>
      Effect.gen(function* () {
        const { client, received, url } = yield* setup(() => http("200 OK", "", { "Keep-Alive": says }))
        const live = yield* Clock.Clock
        let shift = 0
        const clock: Clock.Clock = Object.assign(Object.create(live), {
          currentTimeMillisUnsafe: () => live.currentTimeMillisUnsafe() + shift
        })
        const call = Effect.provideService(client.execute(make("POST", url)), Clock.Clock, clock)
        yield* call
        shift = seconds * 1000
        yield* call
        assert.deepStrictEqual(
          received.map(({ connection }) => connection),
          [1, isKept ? 1 : 2]
        )
      })
  )

  it.live("is one of so many at most: the one that was idle for the longest time is closed", () =>
    Effect.gen(function* () {
      const waiting: Array<Socket> = []
      const { connections, sockets, url } = yield* raw((socket) => {
        waiting.push(socket.on("data", () => socket.write(whole)))
        // All of them are open before the first is answered.
        if (waiting.length === 4) for (const each of waiting) each.write(whole)
      })
      const client = yield* SinkHttpClient.make({ maxIdleConnections: 2 })
      const call = client.execute(make("POST", url))
      yield* Effect.all([call, call, call, call], { concurrency: "unbounded" })
      yield* until("the closed connections", () => sockets.size === 2)
      yield* Effect.all([call, call], { concurrency: "unbounded" })
      assert.strictEqual(connections(), 4)
    })
  )

  it.live.each<readonly [string, SinkHttpClient.Options, Record<string, string>, boolean]>([
    ["the bound is 0 seconds", { idleTimeout: 0 }, {}, true],
    ["the bound is 0 connections", { maxIdleConnections: 0 }, {}, true],
    ["the request says close", {}, { Connection: "close" }, true],
    ["a snapshot is to come", {}, {}, false]
  ])("is none if %s", ([, options, headers, keeps]) =>
    Effect.gen(function* () {
      const { client, closed, received, url } = yield* setup(() => ok, options)
      const call = client
        .execute(HttpClientRequest.get(url, { headers }))
        .pipe(Effect.provideService(KeepsConnections, () => keeps))
      yield* call
      yield* until("the closed connection", () => closed.length === 1)
      yield* call
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        [1, 2]
      )
    })
  )

  it.live("belongs to one origin", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* setup(() => ok), yield* setup(() => ok)]
      yield* one.client.execute(make("GET", one.url))
      yield* one.client.execute(make("GET", other.url))
      yield* one.client.execute(make("GET", other.url.replace("127.0.0.1", "localhost")))
      assert.deepStrictEqual(
        other.received.map(({ connection }) => connection),
        [1, 2]
      )
    })
  )
})

describe("an answer before the request has left", () => {
  const large = (url: string) => HttpClientRequest.bodyText(HttpClientRequest.post(url), "a".repeat(20_000_000))
  const early = "HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n"

  it.live.each<readonly [string, (socket: Socket) => void]>([
    ["reads no more", (socket) => void socket.pause().write(early)],
    ["ends the connection", (socket) => void socket.pause().end(early)],
    ["resets the connection", (socket) => socket.pause().write(early, () => socket.resetAndDestroy())]
  ])("is the answer, if the server then %s; the connection is not used again", ([, onBytes]) =>
    Effect.gen(function* () {
      const { connections, url } = yield* raw(onBytes)
      const client = yield* SinkHttpClient.make()
      for (const count of [1, 2]) {
        assert.strictEqual((yield* Effect.timeout(client.execute(large(url)), hangs)).status, 413)
        assert.strictEqual(connections(), count)
      }
    })
  )

  it.live("does not keep the connection while a part of the body is to come", () =>
    Effect.gen(function* () {
      const { connections, url } = yield* raw((socket) => void socket.write(early))
      const client = yield* SinkHttpClient.make()
      const stalled = Stream.concat(Stream.make(new Uint8Array(10)), Stream.never)
      const request = HttpClientRequest.bodyStream(HttpClientRequest.post(url), stalled)
      for (const count of [1, 2]) {
        assert.strictEqual((yield* Effect.timeout(client.execute(request), hangs)).status, 413)
        assert.strictEqual(connections(), count)
      }
    })
  )

  it.live("ends the stream of its body", () =>
    Effect.gen(function* () {
      const { connections, url } = yield* raw((socket) => void socket.write(early))
      const client = yield* SinkHttpClient.make()
      let isEnded = false
      const endless = Stream.ensuring(
        Stream.forever(Stream.make(new Uint8Array(1000))),
        Effect.sync(() => (isEnded = true))
      )
      const request = HttpClientRequest.bodyStream(HttpClientRequest.post(url), endless)
      assert.strictEqual((yield* Effect.timeout(client.execute(request), hangs)).status, 413)
      yield* until("the end of the stream", () => isEnded)
      yield* client.execute(HttpClientRequest.get(url))
      assert.strictEqual(connections(), 2)
    })
  )
})

describe("a call", () => {
  it.live.each<readonly [string, Answer, string]>([
    ["says nothing", "park", "takes the request, and does not answer it within 60ms"],
    [
      "stops in its answer",
      { chunks: ["HTTP/1.1 200 OK\r\n"], afterwards: "keep" },
      "takes the request, and does not answer it whole within 60ms"
    ],
    [
      "drips its answer without an end",
      { chunks: Array.from({ length: 100_000 }, () => "HTTP/1.1 100 Continue\r\n\r\n"), afterwards: "keep" },
      "takes the request, and does not answer it whole within 60ms"
    ]
  ])("to a server that %s ends at its limit of time, and its connection is closed", ([, answer, says]) =>
    Effect.gen(function* () {
      const { client, closed, host, url } = yield* setup(() => answer, { answerTimeout: "60 millis" })
      const error = yield* Effect.flip(client.execute(make("POST", url)))
      assert.strictEqual(error.reason._tag, "TransportError")
      assert.include(error.message, `${host} ${says}`)
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live("may have no limit", () =>
    Effect.gen(function* () {
      const { client, url } = yield* setup(() => ok, { answerTimeout: Duration.infinity, connectTimeout: "300 days" })
      assert.strictEqual((yield* client.execute(make("POST", url))).status, 200)
    })
  )

  it.live("that is interrupted closes its connection: before and after it is made", () =>
    Effect.gen(function* () {
      const silent = yield* raw(() => {})
      const { client, closed, received, url } = yield* setup(() => "park")
      const calls = [client.execute(make("GET", silent.url.replace("http", "https"))), client.execute(make("GET", url))]
      const fibers = yield* Effect.forEach(calls, (call) => Effect.forkChild(call))
      yield* until("both connections", () => received.length === 1 && silent.sockets.size === 1)
      yield* Effect.forEach(fibers, (fiber) => Fiber.interrupt(fiber))
      yield* until("both closed", () => closed.length === 1 && silent.sockets.size === 0)
    })
  )

  it.live.each(["a new", "a kept"])(
    "over %s connection fails at the end of the scope, and no later one is made",
    (which) =>
      Effect.gen(function* () {
        const { closed, host, received } = yield* makeServer((request) => (request.url === "/park" ? "park" : ok))
        const scope = yield* Scope.make()
        const client = yield* Scope.provide(SinkHttpClient.make(), scope)
        if (which === "a kept") yield* read(client.execute(HttpClientRequest.get(`http://${host}/`)))
        const call = yield* Effect.forkChild(Effect.flip(client.execute(HttpClientRequest.get(`http://${host}/park`))))
        yield* until("the parked call", () => received.at(-1)?.url === "/park")
        yield* Scope.close(scope, Exit.void)
        assert.include((yield* Effect.timeout(Fiber.join(call), hangs)).message, "closed by this process")
        yield* until("the closed connection", () => closed.length === 1)
        const late = yield* Effect.flip(client.execute(HttpClientRequest.get(`http://${host}/`)))
        assert.include(late.message, "the client is closed")
        assert.lengthOf(closed, 1)
      })
  )
})
