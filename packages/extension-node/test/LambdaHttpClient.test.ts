import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import type * as Registration from "@effect-lambda/extension/Registration"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Diagnostics from "node:diagnostics_channel"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { type MockInstance, vi } from "vitest"
import { type Answer, hangs, http, makeServer, type Received, reset, until } from "./support/RawServer.ts"
import { transports } from "./wire/implementations.ts"

const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "$LATEST",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11",
  events: ["INVOKE"]
}
const ok = http("202 Accepted", '{"status":"OK"}\n')
const shutdown = http("200 OK", '{"eventType":"SHUTDOWN","deadlineMs":1,"shutdownReason":"spindown"}')
const report = { errorMessage: "m", errorType: "Extension.T", stackTrace: [] }

/** Calls of exit/error, one after the other. */
interface Calls {
  readonly name: string
  /** The answers of the server, one request after the other. */
  readonly answers: ReadonlyArray<Answer>
  /** The action of the server after it has answered a call. */
  readonly afterwards?: "waits until the connection is closed" | "cuts the connection"
  readonly results: ReadonlyArray<"OK" | "Unreachable">
  /** The connection of each request that the server got. */
  readonly connections: ReadonlyArray<number>
}

const begun: Answer = { chunks: ["HTTP/1.1 200 OK\r\nContent-Le"], afterwards: "reset" }
const whole = 'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
const tooMuch: Answer = { chunks: [whole, "HTTP/1.1 200 OK\r\n"], afterwards: "keep" }

const keeping: ReadonlyArray<Calls> = [
  {
    name: "the same connection is kept for one call after the other",
    answers: [ok, ok, ok],
    results: ["OK", "OK", "OK"],
    connections: [1, 1, 1]
  },
  {
    name: "a reset on a kept-alive connection is retried once",
    answers: [ok, reset, ok],
    results: ["OK", "OK"],
    connections: [1, 1, 2]
  },
  {
    name: "but only once, and not on a new connection",
    answers: [ok, reset, reset],
    results: ["OK", "Unreachable"],
    connections: [1, 1, 2]
  },
  {
    name: "nor when the answer had begun",
    answers: [ok, begun],
    results: ["OK", "Unreachable"],
    connections: [1, 1]
  },
  {
    name: "a connection with unexpected bytes is not used again",
    answers: [tooMuch, tooMuch],
    afterwards: "waits until the connection is closed",
    results: ["OK", "OK"],
    connections: [1, 2]
  },
  {
    name: "a connection that the server closed while it was idle is not used again",
    answers: [ok, ok],
    afterwards: "cuts the connection",
    results: ["OK", "OK"],
    connections: [1, 2]
  }
]

describe.each(transports)("$name", ({ layer }) => {
  const makeClient = Effect.map(Layer.build(layer), Context.get(HttpClient.HttpClient))

  const setup = (answer: (request: Received, index: number) => Answer) =>
    Effect.gen(function* () {
      const server = yield* makeServer(answer)
      const client = yield* makeClient
      const api = yield* ExtensionsApi.make({ runtimeApi: server.host, extensionName: "a" }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      return { ...server, client, api }
    })

  it.live.each(keeping.map((row) => [row.name, row] as const))("%s", ([, row]) =>
    Effect.gen(function* () {
      const { api, closed, cut, received } = yield* setup((_, index) => row.answers[index] ?? "park")
      const results: Array<string> = []
      for (const [index] of row.results.entries()) {
        const result = yield* Effect.result(api.exitError(registration, report))
        results.push(Result.isSuccess(result) ? result.success.status : result.failure.reason._tag)
        if (row.afterwards === "cuts the connection") cut()
        if (row.afterwards !== undefined) yield* until("the closed connection", () => closed.length === index + 1)
      }
      assert.deepStrictEqual(results, [...row.results])
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        row.connections
      )
    })
  )

  it.live("sets no timeout on its sockets, but lets TCP check whether the other side is there", () =>
    Effect.gen(function* () {
      const sockets: Array<Socket & { readonly timeout?: number }> = []
      const keepAlives: Array<MockInstance<Socket["setKeepAlive"]>> = []
      const onSocket = (message: unknown) => {
        const { socket } = message as { socket: Socket }
        sockets.push(socket)
        keepAlives.push(vi.spyOn(socket, "setKeepAlive"))
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => Diagnostics.subscribe("net.client.socket", onSocket)),
        () => Effect.sync(() => Diagnostics.unsubscribe("net.client.socket", onSocket))
      )
      const { api, received } = yield* setup((_, index) => (index === 0 ? ok : "park"))
      yield* api.exitError(registration, report)
      // The second request is parked, on the kept-alive socket.
      yield* Effect.forkScoped(api.nextEvent(registration))
      yield* until("the parked poll", () => received.length === 2)
      assert.deepStrictEqual(
        sockets.map(({ timeout = 0 }) => timeout),
        [0]
      )
      assert.deepStrictEqual(
        keepAlives.map(({ mock }) => mock.calls),
        [[[true, 1000]]]
      )
    })
  )

  it.live("an error report does not wait behind the parked next", () =>
    Effect.gen(function* () {
      const { api, received } = yield* setup((request) => (request.method === "GET" ? "park" : ok))
      yield* Effect.forkScoped(api.nextEvent(registration))
      yield* until("the parked poll", () => received.length === 1)
      assert.deepStrictEqual(yield* api.exitError(registration, report), { status: "OK" })
    })
  )

  it.live("interruption destroys the request", () =>
    Effect.gen(function* () {
      const { api, closed, received } = yield* setup(() => "park")
      const fiber = yield* Effect.forkChild(api.nextEvent(registration))
      yield* until("the parked poll", () => received.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live("on a separate connection, whatever else is kept", () =>
    Effect.gen(function* () {
      const { api, received } = yield* setup(({ connection }, index) => (connection <= 2 && index >= 2 ? reset : ok))
      const call = api.exitError(registration, report)
      yield* Effect.all([call, call], { concurrency: 2 })
      assert.deepStrictEqual(yield* call, { status: "OK" })
      assert.deepStrictEqual(
        received.map(({ connection }) => connection > 2),
        [false, false, false, true]
      )
    })
  )

  it.live.each(["a new", "a kept"])(
    "%s connection closes with the scope: its call fails, and is not repeated",
    (which) =>
      Effect.gen(function* () {
        const { closed, host, received } = yield* makeServer((request) => (request.url === "/park" ? "park" : ok))
        const scope = yield* Scope.make()
        const client = yield* Scope.provide(makeClient, scope)
        if (which === "a kept") yield* client.execute(HttpClientRequest.get(`http://${host}/`))
        const call = yield* Effect.forkChild(Effect.flip(client.execute(HttpClientRequest.get(`http://${host}/park`))))
        yield* until("the parked call", () => received.at(-1)?.url === "/park")
        yield* Scope.close(scope, Exit.void)
        const error = yield* Effect.timeout(Fiber.join(call), hangs)
        assert.include(String(error.reason.cause), "closed by this process")
        yield* until("the closed connection", () => closed.length === 1)
        assert.lengthOf(
          received.filter(({ url }) => url === "/park"),
          1
        )
      })
  )

  it.live("its response is an HttpClientResponse; the parts that the API never has fail and say so", () =>
    Effect.gen(function* () {
      const { client, host } = yield* setup(() => http("200 OK", '{"a":1}', { "X-Test": "1" }))
      const response = yield* client.execute(HttpClientRequest.get(`http://${host}/`))
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers["x-test"], "1")
      assert.strictEqual(yield* response.text, '{"a":1}')
      assert.deepStrictEqual(yield* response.json, { a: 1 })
      assert.strictEqual(Buffer.from(yield* response.arrayBuffer).toString(), '{"a":1}')
      const chunks = yield* Stream.runCollect(response.stream)
      assert.strictEqual(Buffer.concat(chunks).toString(), '{"a":1}')
      for (const unsupported of [response.formData, response.urlParamsBody, response.upgrade]) {
        assert.include((yield* Effect.flip<object, HttpClientError, never>(unsupported)).message, "Extensions API")
      }
    })
  )

  it.live.each<[string, string, Record<string, string>]>([
    ["a URL that is none", "http://[", {}],
    ["a URL of https", "https://127.0.0.1/", {}],
    ["a line break in a header", "http://127.0.0.1/", { "X-Test": "secret\nb" }],
    ["a character beyond Latin-1", "http://127.0.0.1/", { "X-Test": "secret 日本" }],
    ["a space in a header's name", "http://127.0.0.1/", { "X Test": "secret" }]
  ])("%s is an EncodeError, not a defect, and shows no value", ([, url, headers]) =>
    Effect.gen(function* () {
      const { client } = yield* setup(() => shutdown)
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get(url, { headers })))
      assert.strictEqual(error.reason._tag, "EncodeError")
      assert.notInclude(String(error.reason.cause), "secret")
    })
  )

  it.live("an invalid method is an EncodeError", () =>
    Effect.gen(function* () {
      const { client, host, received } = yield* setup(() => shutdown)
      const method = JSON.parse('"GET / HTTP/1.1\\r\\n\\r\\nGET"')
      const error = yield* Effect.flip(client.execute(HttpClientRequest.make(method)(`http://${host}/`)))
      assert.strictEqual(error.reason._tag, "EncodeError")
      assert.lengthOf(received, 0)
    })
  )

  it.live("parameters beside the URL are an EncodeError, and not left out", () =>
    Effect.gen(function* () {
      const { client, host, received } = yield* setup(() => ok)
      const urlParams = { key: "secret" }
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get(`http://${host}/`, { urlParams })))
      assert.strictEqual(error.reason._tag, "EncodeError")
      assert.notInclude(String(error.reason.cause), "secret")
      assert.lengthOf(received, 0)
    })
  )

  it.live("sets the headers for the destination and the end of a message itself", () =>
    Effect.gen(function* () {
      const { client, host, received } = yield* setup(() => ok)
      const headers = { Host: "elsewhere", "Content-Length": "1", "Transfer-Encoding": "chunked", Connection: "close" }
      for (let index = 0; index < 2; index++) {
        yield* client.execute(
          HttpClientRequest.post(`http://${host}/a?b=c#d`, { headers }).pipe(HttpClientRequest.bodyText("żółw"))
        )
      }
      for (const request of received) {
        assert.deepInclude(request, { url: "/a?b=c", body: "żółw", connection: 1 })
        assert.strictEqual(request.headers.host, host)
        assert.strictEqual(request.headers["content-length"], "7")
        assert.isUndefined(request.headers["transfer-encoding"])
      }
      assert.lengthOf(received, 2)
    })
  )

  it.live("a connection that answered before it had the whole request is not used again", () =>
    Effect.gen(function* () {
      let connections = 0
      const server = createServer((socket) => {
        connections++
        // Reads a little, answers, and reads no more.
        socket
          .on("error", () => {})
          .once("data", () => socket.pause().write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      const client = yield* makeClient
      const { port } = server.address() as AddressInfo
      const request = HttpClientRequest.post(`http://127.0.0.1:${port}/`).pipe(
        HttpClientRequest.bodyText("a".repeat(20_000_000))
      )
      for (const connection of [1, 2]) {
        assert.strictEqual((yield* Effect.timeout(client.execute(request), hangs)).status, 200)
        assert.strictEqual(connections, connection)
      }
    })
  )
})
