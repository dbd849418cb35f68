import { ExtensionsApi, type Registration } from "@effect-lambda/extension"
import { LambdaHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Diagnostics from "node:diagnostics_channel"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { type MockInstance, vi } from "vitest"
import { type Answer, http, makeServer, type Received, reset, until } from "./support/RawServer.ts"

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

const setup = (answer: (request: Received, index: number) => Answer) =>
  Effect.gen(function* () {
    const server = yield* makeServer(answer)
    const client = yield* LambdaHttpClient.make()
    const api = yield* ExtensionsApi.make({ runtimeApi: server.host, extensionName: "a" }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
    return { ...server, client, api }
  })

describe("our transport", () => {
  it.live("sets no timeout on its sockets, but lets TCP ask whether anybody is there", () =>
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

  it.live("keeps one connection for one call after the other", () =>
    Effect.gen(function* () {
      const { api, received } = yield* setup(() => ok)
      for (let index = 0; index < 3; index++) yield* api.exitError(registration, report)
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        [1, 1, 1]
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

  it.live("a reset on a kept-alive connection is retried once", () =>
    Effect.gen(function* () {
      const { api, received } = yield* setup((_, index) => (index === 1 ? reset : ok))
      yield* api.exitError(registration, report)
      assert.deepStrictEqual(yield* api.exitError(registration, report), { status: "OK" })
      assert.lengthOf(received, 3)
    })
  )

  it.live("but only once, and not on a new connection", () =>
    Effect.gen(function* () {
      const { api, received } = yield* setup((_, index) => (index === 0 ? ok : reset))
      yield* api.exitError(registration, report)
      const error = yield* Effect.flip(api.exitError(registration, report))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.lengthOf(received, 3)
    })
  )

  it.live("on a connection of its own, whatever else is kept", () =>
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

  it.live("nor where the answer had begun", () =>
    Effect.gen(function* () {
      const cutOff: Answer = { chunks: ["HTTP/1.1 200 OK\r\nContent-Le"], afterwards: "reset" }
      const { api, received } = yield* setup((_, index) => (index === 1 ? cutOff : ok))
      yield* api.exitError(registration, report)
      const error = yield* Effect.flip(api.exitError(registration, report))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.lengthOf(received, 2)
    })
  )

  it.live.each(["a new", "a kept"])(
    "%s connection closes with the scope: its call fails, and is not repeated",
    (which) =>
      Effect.gen(function* () {
        const { closed, host, received } = yield* makeServer((request) => (request.url === "/park" ? "park" : ok))
        const scope = yield* Scope.make()
        const client = yield* Scope.provide(LambdaHttpClient.make(), scope)
        if (which === "a kept") yield* client.execute(HttpClientRequest.get(`http://${host}/`))
        const call = yield* Effect.forkChild(Effect.flip(client.execute(HttpClientRequest.get(`http://${host}/park`))))
        yield* until("the parked call", () => received.at(-1)?.url === "/park")
        yield* Scope.close(scope, Exit.void)
        const error = yield* Effect.timeout(Fiber.join(call), "5 seconds")
        assert.include(String(error.reason.cause), "closed by this process")
        yield* until("the closed connection", () => closed.length === 1)
        assert.lengthOf(
          received.filter(({ url }) => url === "/park"),
          1
        )
      })
  )

  it.live("its response is an HttpClientResponse; what the API never has fails and says so", () =>
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

  it.live("a method that is none is an EncodeError", () =>
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

  it.live("says itself where a message goes and where it ends", () =>
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

  const raw = (...chunks: ReadonlyArray<string>): Exclude<Answer, "park"> => ({ chunks, afterwards: "keep" })
  const chunkedHead = "HTTP/1.1 200 OK\r\nX-Test: a\r\nTransfer-Encoding: chunked\r\n\r\n"

  // The second call goes over the same connection where the first answer leaves it usable.
  it.live.each<[string, Exclude<Answer, "park">, number]>([
    ["a length", raw("HTTP/1.1 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello"), 1],
    ["a length, in two packets", raw("HTTP/1.1 200 OK\r\nX-Te", "st: a\r\nContent-Length: 5\r\n\r\nhe", "llo"), 1],
    ["chunks", raw(`${chunkedHead}2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n`), 1],
    ["chunks in many packets", raw(...chunkedHead, "2\r", "\nh", "e\r\n", "3\r\nllo", "\r\n0", "\r\n\r", "\n"), 1],
    [
      "an interim answer",
      raw("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello"),
      1
    ],
    [
      "Connection: close",
      raw("HTTP/1.1 200 OK\r\nX-Test: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
      2
    ],
    [
      "the end of the connection",
      { ...raw("HTTP/1.1 200 OK\r\nX-Test: a\r\n\r\n", "he", "llo"), afterwards: "close" },
      2
    ],
    ["HTTP/1.0", raw("HTTP/1.0 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello"), 2],
    ["more than it said", raw("HTTP/1.1 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello!"), 2]
  ])("an answer that ends with %s is what node:http makes of it", ([, answer, connection]) =>
    Effect.gen(function* () {
      const { client, host, received } = yield* setup((_, index) => (index === 1 ? ok : answer))
      const nodeHttp = yield* Effect.map(Layer.build(NodeHttpClient.layerNodeHttp), Context.get(HttpClient.HttpClient))
      const read = (client: HttpClient.HttpClient) =>
        Effect.gen(function* () {
          const response = yield* client.execute(HttpClientRequest.get(`http://${host}/`))
          return [response.status, response.headers["x-test"], yield* response.text]
        })
      const ours = yield* Effect.timeout(read(client), "5 seconds")
      assert.deepStrictEqual(ours, [200, "a", "hello"])
      yield* read(client)
      assert.strictEqual(received[1]?.connection, connection)
      assert.deepStrictEqual(yield* read(nodeHttp), ours)
    })
  )

  it.live.each<[string, Exclude<Answer, "park">]>([
    ["is not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n")],
    ["has two lengths", raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")],
    ["is cut off in its headers", { ...raw("HTTP/1.1 200 OK\r\nContent-Le"), afterwards: "close" }],
    ["is cut off in a chunk", { ...raw(`${chunkedHead}5\r\nhe`), afterwards: "close" }],
    ["never ends", raw(chunkedHead, `fffffff\r\n${"a".repeat(1_100_000)}`)]
  ])("an answer that %s is a TransportError at once, and its connection is closed", ([, answer]) =>
    Effect.gen(function* () {
      const { client, closed, host } = yield* setup(() => answer)
      const request = client.execute(HttpClientRequest.get(`http://${host}/`))
      const error = yield* Effect.timeout(Effect.flip<object, HttpClientError, never>(request), "5 seconds")
      assert.strictEqual(error.reason._tag, "TransportError")
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live.each<[string, string]>([
    ["line feeds alone", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"],
    ["one line feed alone", "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nhi"],
    ["another version", "HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
    ["a control character before a length", "HTTP/1.1 200 OK\r\nContent-Length: \x0b2\r\n\r\nhi"],
    ["a carriage return behind a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\r\n\r\nhi"],
    ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["a space in a header's name", "HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nhi"],
    ["a chunk that ends with a line feed", `${chunkedHead}2\nhi\n0\n\n`],
    ["a chunk of no length", `${chunkedHead}zz\r\n`],
    ["a chunk that is longer than it says", `${chunkedHead}2\r\nhello\r\n0\r\n\r\n`]
  ])("%s: refused at once, as node:http does", ([, answer]) =>
    Effect.gen(function* () {
      const { client, host } = yield* setup(() => raw(answer))
      const nodeHttp = yield* Effect.map(Layer.build(NodeHttpClient.layerNodeHttp), Context.get(HttpClient.HttpClient))
      for (const one of [client, nodeHttp]) {
        const read = Effect.flatMap(one.execute(HttpClientRequest.get(`http://${host}/`)), ({ text }) => text)
        yield* Effect.timeout(Effect.flip(read), "5 seconds")
      }
    })
  )

  it.live("a connection with bytes that nobody asked for is not used again", () =>
    Effect.gen(function* () {
      const whole = 'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
      const { api, closed, received } = yield* setup(() => raw(whole, "HTTP/1.1 200 OK\r\n"))
      for (const connection of [1, 2]) {
        assert.deepStrictEqual(yield* api.exitError(registration, report), { status: "OK" })
        assert.strictEqual(received.at(-1)?.connection, connection)
        yield* until("the closed connection", () => closed.length === connection)
      }
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
      const client = yield* LambdaHttpClient.make()
      const { port } = server.address() as AddressInfo
      const request = HttpClientRequest.post(`http://127.0.0.1:${port}/`).pipe(
        HttpClientRequest.bodyText("a".repeat(20_000_000))
      )
      for (const connection of [1, 2]) {
        assert.strictEqual((yield* Effect.timeout(client.execute(request), "5 seconds")).status, 200)
        assert.strictEqual(connections, connection)
      }
    })
  )

  it.live("a connection that the server closed while nobody used it is not used again", () =>
    Effect.gen(function* () {
      const { api, closed, cut, received } = yield* setup(() => ok)
      yield* api.exitError(registration, report)
      cut()
      yield* until("the closed connection", () => closed.length === 1)
      assert.deepStrictEqual(yield* api.exitError(registration, report), { status: "OK" })
      assert.strictEqual(received.at(-1)?.connection, 2)
    })
  )
})
