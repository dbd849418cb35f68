/** Sinks and the client of sinks behind the proxies that the environment names, and proxies that do not do their work. */
import { TelemetrySink } from "@effect-lambda/extension"
import { SinkHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Http from "node:http"
import { createServer as createSecureServer } from "node:https"
import { createServer, type Socket } from "node:net"
import { makeProxy } from "./support/Proxy.ts"
import { hangs } from "./support/RawServer.ts"
import { identity, listen, trustAuthority } from "./support/Tls.ts"

const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()])

/** Only these proxy variables are set until the end of the scope. */
const withVariables = (variables: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = { ...process.env }
      for (const name of [...names, "NODE_USE_ENV_PROXY"]) delete process.env[name]
      Object.assign(process.env, variables)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const name of [...names, "NODE_USE_ENV_PROXY"]) {
          const value = before[name]
          if (value === undefined) delete process.env[name]
          else process.env[name] = value
        }
      })
  )

const byOption = SinkHttpClient.layerWith({ proxy: "environment" })

const get = (url: string, layer = byOption) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const response = yield* client.execute(HttpClientRequest.get(url))
    return `${response.status} ${yield* response.text}`
  }).pipe(Effect.provide(layer), Effect.timeout(hangs))

/** Says the name that the client asked for in the handshake. */
const makeSecureServer = Effect.fnUntraced(function* (name: "valid" | "elsewhere") {
  const server = createSecureServer(identity(name), (request, response) => {
    const said = [Reflect.get(request.socket, "servername"), request.url, request.headers["proxy-authorization"]]
    response.end(said.join(" "))
  })
  return yield* listen(server)
})

describe.each([
  ["asked for by the option", {}, byOption],
  ["asked for by the switch of Node", { NODE_USE_ENV_PROXY: "1" }, SinkHttpClient.layer]
] as const)("%s", (_, variables, layer) => {
  it.live("http: and https: go through the proxy, with the credentials of its URL", () =>
    Effect.gen(function* () {
      yield* trustAuthority
      const { port } = yield* makeSecureServer("elsewhere")
      const proxy = yield* makeProxy({ to: port })
      const url = proxy.url.replace("//", "//us%40er:pass%2Fword@")
      yield* withVariables({ HTTP_PROXY: url, https_proxy: url, ...variables })
      assert.strictEqual(yield* get("http://elsewhere.example/a?b", layer), "200 by the proxy")
      // The certificate is that of the server, and not of the proxy.
      assert.strictEqual(yield* get("https://elsewhere.example/a?b", layer), "200 elsewhere.example /a?b ")
      const credentials = `Basic ${Buffer.from("us@er:pass/word").toString("base64")}`
      assert.deepStrictEqual(
        proxy.seen.map(({ headers, line }) => [line, headers["proxy-authorization"]]),
        [
          ["GET http://elsewhere.example/a?b", credentials],
          ["CONNECT elsewhere.example:443", credentials]
        ]
      )
    })
  )

  it.live("a host of NO_PROXY is reached directly", () =>
    Effect.gen(function* () {
      const proxy = yield* makeProxy()
      // A name with no address, and a proxy that would answer for it.
      yield* withVariables({ ALL_PROXY: proxy.url, NO_PROXY: ".invalid", ...variables })
      const error = yield* Effect.flip(get("http://logs.invalid/", layer))
      assert.include(error.message, "no connection to logs.invalid:80")
      assert.strictEqual(yield* get("http://logs.example.com/", layer), "200 by the proxy")
      assert.lengthOf(proxy.seen, 1)
    })
  )
})

it.live("unasked, the client goes past the proxy", () =>
  Effect.gen(function* () {
    const proxy = yield* makeProxy()
    yield* withVariables({ HTTP_PROXY: proxy.url })
    yield* Effect.flip(get("http://logs.invalid/", SinkHttpClient.layer))
    assert.lengthOf(proxy.seen, 0)
  })
)

it.live("http: goes through a proxy that itself wants TLS", () =>
  Effect.gen(function* () {
    yield* trustAuthority
    const proxy = yield* makeProxy({ isSecure: true })
    yield* withVariables({ HTTP_PROXY: proxy.url })
    assert.strictEqual(yield* get("http://logs.example.com/"), "200 by the proxy")
    assert.strictEqual(proxy.seen[0]?.line, "GET http://logs.example.com/")
  })
)

it.live("a certificate for another host than the target is refused, through CONNECT too", () =>
  Effect.gen(function* () {
    yield* trustAuthority
    const { port } = yield* makeSecureServer("valid")
    const proxy = yield* makeProxy({ to: port, isSecure: true })
    yield* withVariables({ HTTPS_PROXY: proxy.url })
    const error = yield* Effect.flip(get("https://elsewhere.example/"))
    assert.include(error.message, "the certificate of elsewhere.example:443 is for another host")
    assert.lengthOf(proxy.seen, 1)
  })
)

it.live("a certificate for another host than the proxy is refused, and the proxy learns nothing", () =>
  Effect.gen(function* () {
    yield* trustAuthority
    const { port } = yield* makeSecureServer("elsewhere")
    yield* withVariables({ ALL_PROXY: `https://user:secret@127.0.0.1:${port}` })
    for (const url of ["http://elsewhere.example/", "https://elsewhere.example/"]) {
      const error = yield* Effect.flip(get(url))
      assert.include(error.message, `the certificate of the proxy 127.0.0.1:${port} is for another host`)
    }
  })
)

const refusal = "HTTP/1.1 407 Proxy Authentication Required\r\n"

/** A proxy that does not do its work; the error of `http:` and that of `https:`, behind the name of the proxy. */
const broken: ReadonlyArray<readonly [string, (socket: Socket) => void, http: string, https: string]> = [
  [
    "says nothing",
    () => {},
    "takes the request, and does not answer it within",
    "takes a connection, and says nothing about logs.example.com:443 within"
  ],
  [
    "closes the connection",
    (socket) => socket.end(),
    "closes the connection before it answers",
    "closes the connection before it has connected to logs.example.com:443"
  ],
  [
    "resets the connection",
    (socket) => socket.resetAndDestroy(),
    "closes the connection before it answers",
    "closes the connection before it has connected to logs.example.com:443"
  ],
  ["answers something else", (socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"), ": ", "does not answer by HTTP"],
  [
    "wants credentials",
    (socket) => socket.write(`${refusal}Content-Length: 0\r\n\r\n`),
    "refuses the request: it answered 407, so it does not accept the credentials",
    "refuses to connect to logs.example.com:443: it answered 407, so it does not accept the credentials"
  ],
  [
    "wants credentials, by a body that ends with the connection",
    (socket) => socket.end("HTTP/1.0 407 Proxy Authentication Required\r\n\r\n<html>"),
    "refuses the request: it answered 407",
    "refuses to connect to logs.example.com:443: it answered 407"
  ],
  [
    "says more than its answer",
    (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "takes the request, and does not answer it whole within",
    "says more than that it has connected to logs.example.com:443"
  ]
]

const impatient = SinkHttpClient.layerWith({
  proxy: "environment",
  connectTimeout: "1 second",
  answerTimeout: "1 second"
})

describe.each(broken)("a proxy that %s", (_, onData, http, https) => {
  it.live("is named, and nothing hangs", () =>
    Effect.gen(function* () {
      const { port } = yield* listen(createServer((socket) => socket.once("data", () => onData(socket))))
      yield* withVariables({ ALL_PROXY: `http://user:secret@127.0.0.1:${port}` })
      for (const [scheme, says] of [
        ["http", http],
        ["https", https]
      ] as const) {
        const { message } = yield* Effect.flip(
          get(`${scheme}://logs.example.com/`, says.endsWith(" within") ? impatient : byOption)
        )
        assert.include(message, `the proxy 127.0.0.1:${port}`)
        assert.include(message, says)
        assert.notMatch(message, /secret|dXNlcjpzZWNyZXQ/)
      }
    })
  )
})

describe("a sink", () => {
  const make = (layer: Layer.Layer<HttpClient.HttpClient>) =>
    Effect.gen(function* () {
      const said: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ message }) => void said.push(...[message].flat()))
      const made = yield* TelemetrySink.http({ url: "https://logs.example.com/" }).pipe(
        Effect.provide([layer, Logger.layer([logger])]),
        Effect.result
      )
      return { said, made }
    })

  it.live.each(["socks5://user:secret@proxy", "http://user:sec#ret@proxy"])(
    "is not made if its proxy is asked for and cannot be used: %s",
    (value) =>
      Effect.gen(function* () {
        yield* withVariables({ HTTPS_PROXY: value })
        const { made } = yield* make(byOption)
        if (made._tag !== "Failure") return assert.fail("the sink was made")
        assert.match(made.failure.message, /^no sink http: HTTPS_PROXY is /)
        assert.notMatch(made.failure.message, /sec/)
        // A request fails as well, and does not go past the proxy.
        const { message } = yield* Effect.flip(get("https://logs.example.com/"))
        assert.include(message, "HTTPS_PROXY is ")
        assert.notMatch(message, /sec/)
      })
  )

  it.live("says once which proxy it goes past, and what to do", () =>
    Effect.gen(function* () {
      yield* withVariables({ HTTPS_PROXY: "http://user:secret@proxy" })
      const { made, said } = yield* make(SinkHttpClient.layer)
      assert.strictEqual(made._tag, "Success")
      assert.deepStrictEqual(said, [
        "HTTPS_PROXY is set and not used: the sink http connects to logs.example.com directly. " +
          'SinkHttpClient.layerWith({ proxy: "environment" }) or NODE_USE_ENV_PROXY=1 makes it go through the proxy; ' +
          "otherwise name the host in NO_PROXY"
      ])
      assert.deepStrictEqual((yield* make(byOption)).said, [])
    })
  )
})

// Node 24.14 and newer. `fetch` opens a tunnel for http: as well, which is the only difference on the wire.
describe.runIf("setGlobalProxyFromEnv" in Http)("beside the fetch of this Node", () => {
  it.live.each(["http", "https"])("%s: gets the same answer through the same proxy", (scheme) =>
    Effect.gen(function* () {
      yield* trustAuthority
      const plain = yield* listen(Http.createServer((_, response) => response.end("by the proxy")))
      const secure = yield* makeSecureServer("elsewhere")
      const proxy = yield* makeProxy({ to: scheme === "http" ? plain.port : secure.port })
      const url = proxy.url.replace("//", "//user:secret@")
      yield* withVariables({ HTTP_PROXY: url, HTTPS_PROXY: url })
      const target = `${scheme}://elsewhere.example/path?a=b`
      const ours = yield* get(target)
      const restore = Http.setGlobalProxyFromEnv({ HTTP_PROXY: url, HTTPS_PROXY: url })
      const theirs = yield* Effect.promise(() =>
        fetch(target).then((response) => response.text().then((text) => `${response.status} ${text}`))
      ).pipe(Effect.ensuring(Effect.sync(restore)))
      assert.strictEqual(ours, theirs)
      assert.lengthOf(new Set(proxy.seen.map(({ headers }) => headers["proxy-authorization"])), 1)
    })
  )
})
