/** Requests by a proxy: the whole URL for `http:`, and CONNECT for `https:`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import { createServer as createNetServer } from "node:net"
import { createServer as createSecureServer } from "node:https"
import { makeClient } from "../src/internal/sink/client.ts"
import { originOf } from "../src/internal/http/origin.ts"
import { identity, listen, trustAuthority } from "./support/Tls.ts"
import { makeProxy } from "./support/Proxy.ts"
import { hangs, http, makeServer } from "./support/RawServer.ts"

const settings = {
  connectMillis: 60_000,
  answerMillis: 60_000,
  maxAnswerBytes: 2 ** 20,
  idleMillis: 60_000,
  maxIdleConnections: 4
}

const authorization = Redacted.make("Basic c2VjcmV0OnBhc3N3b3Jk")

/** A client of which every request goes by the proxy. */
const clientBy = (url: string, hasCredentials = true) =>
  makeClient({
    ...settings,
    via: () => ({ proxy: originOf(new URL(url)), ...(hasCredentials && { authorization }) })
  })

const makeSecureServer = Effect.fnUntraced(function* () {
  const server = createSecureServer(identity("valid"), (request, response) => {
    request.resume()
    response.end(`${request.method} ${request.url} ${request.headers["proxy-authorization"] ?? "without credentials"}`)
  })
  const { port } = yield* listen(server)
  return `https://localhost:${port}/path?a=b`
})

describe("a request by a proxy", () => {
  it.live("of http: has the whole URL, and the credentials; a kept connection carries the next", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* makeProxy()
      const client = yield* clientBy(url)
      for (let index = 0; index < 2; index++) {
        const response = yield* client.execute(HttpClientRequest.get("http://logs.example.com/v1?a=b#c"))
        assert.strictEqual(response.headers["x-origin"], "logs.example.com")
        assert.strictEqual(yield* response.text, "by the proxy")
      }
      for (const { headers, line } of seen) {
        assert.strictEqual(line, "GET http://logs.example.com/v1?a=b")
        assert.deepInclude(headers, { host: "logs.example.com", "proxy-authorization": Redacted.value(authorization) })
      }
      assert.lengthOf(seen, 2)
    })
  )

  it.live.each([false, true])(
    "of https: goes through CONNECT, which alone has the credentials (TLS to the proxy: %s)",
    (isSecure) =>
      Effect.gen(function* () {
        yield* trustAuthority
        const { seen, url } = yield* makeProxy({ isSecure })
        const server = yield* makeSecureServer()
        const client = yield* clientBy(url)
        for (let index = 0; index < 2; index++) {
          const response = yield* client.execute(HttpClientRequest.get(server))
          assert.strictEqual(yield* response.text, "GET /path?a=b without credentials")
        }
        const { host } = new URL(server)
        assert.deepStrictEqual(
          seen.map(({ headers, line }) => [line, headers.host, headers["proxy-authorization"]]),
          [[`CONNECT ${host}`, host, Redacted.value(authorization)]]
        )
      })
  )

  it.live.each<readonly [string, boolean, string]>([
    [
      "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
      false,
      "it answered 407, so it wants credentials"
    ],
    [
      "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
      true,
      "it answered 407, so it does not accept the credentials"
    ],
    [
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nsecret",
      true,
      "refuses to connect to localhost:9: it answered 403"
    ],
    ["HTTP/1.1 302 Found\r\nLocation: http://login\r\nContent-Length: 0\r\n\r\n", true, "it answered 302"],
    ["SSH-2.0-OpenSSH_9.2\r\n", true, "does not answer by HTTP"],
    ["", true, "closes the connection before it has connected to localhost:9"]
  ])("a proxy that answers CONNECT with %j is named in the error", ([bytes, hasCredentials, says]) =>
    Effect.gen(function* () {
      const { port } = yield* listen(createNetServer((socket) => socket.once("data", () => void socket.end(bytes))))
      const client = yield* clientBy(`http://127.0.0.1:${port}`, hasCredentials)
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get("https://localhost:9/?key=hidden"))).pipe(
        Effect.timeout(hangs)
      )
      const text = String(error.reason.cause)
      assert.include(text, `the proxy 127.0.0.1:${port}`)
      assert.include(text, says)
      assert.notMatch(text, /secret|hidden|c2Vj/)
    })
  )

  it.live.each(["http://logs.example.com/", "https://logs.example.com/"])("that refuses the connection: %s", (target) =>
    Effect.gen(function* () {
      const { host } = yield* Effect.scoped(makeServer(() => http("200 OK", "")))
      const client = yield* clientBy(`http://${host}`)
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get(target)))
      assert.include(error.message, `no connection to the proxy ${host}: connect ECONNREFUSED`)
    })
  )

  it.live("says that the proxy is silent, and not the server", () =>
    Effect.gen(function* () {
      const { port } = yield* listen(createNetServer(() => {}))
      const client = yield* makeClient({
        ...settings,
        connectMillis: 60,
        via: () => ({ proxy: originOf(new URL(`http://127.0.0.1:${port}`)) })
      })
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get("https://logs.example.com/")))
      assert.include(
        error.message,
        `the proxy 127.0.0.1:${port} takes a connection, and says nothing about logs.example.com:443 within 60ms`
      )
    })
  )
})
