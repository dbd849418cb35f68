/** TLS of the client for sinks: what it trusts, and what an error says. */
import { TelemetrySink } from "@effect-lambda/extension"
import { TelemetryTest } from "@effect-lambda/extension/testing"
import { SinkHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { createServer, type Server } from "node:net"
import { createServer as createSecureServer, type TLSSocket } from "node:tls"
import { play } from "../../test/runtimes/scenario.ts"
import { certificates } from "./life/sinks.ts"
import { hangs, http, makeServer } from "./support/RawServer.ts"
import { identity, listen, tlsServer, trustAuthority } from "./support/Tls.ts"

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
const answering = (socket: TLSSocket) => void socket.on("data", () => socket.write(answer))

const get = (url: string) =>
  Effect.gen(function* () {
    const client = yield* SinkHttpClient.make()
    const response = yield* client.execute(HttpClientRequest.get(url))
    return yield* response.text
  }).pipe(Effect.timeout(hangs))

/** Why each of these servers cannot be used. */
const wrong: ReadonlyArray<readonly [what: string, server: () => Server, says: string]> = [
  [
    "an expired certificate",
    () => tlsServer(identity("expired"), answering),
    "the certificate of localhost:0 has expired"
  ],
  [
    "a certificate of the future",
    () => tlsServer(identity("early"), answering),
    "the certificate of localhost:0 is not valid yet, by the clock of this machine"
  ],
  [
    "a self-signed certificate",
    () => tlsServer(identity("self-signed"), answering),
    "the certificate of localhost:0 is self-signed, and NODE_EXTRA_CA_CERTS names no file with it"
  ],
  [
    "the certificate of another host",
    () => tlsServer(identity("elsewhere"), answering),
    'the certificate of localhost:0 is for another host: "DNS:elsewhere.example"'
  ],
  [
    "a connection that is closed in the handshake",
    () => createServer((socket) => socket.once("data", () => socket.destroy())),
    "localhost:0 closes the connection in the TLS handshake"
  ],
  [
    "a connection that is reset in the handshake",
    () => createServer((socket) => socket.once("data", () => socket.resetAndDestroy())),
    "localhost:0 closes the connection in the TLS handshake"
  ],
  [
    "a connection that is closed at once",
    () => createServer((socket) => socket.destroy()),
    "localhost:0 closes the connection in the TLS handshake"
  ],
  [
    "no TLS",
    () => createServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))),
    "localhost:0 does not speak TLS"
  ],
  [
    "another protocol",
    () => createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")),
    "localhost:0 does not speak TLS"
  ],
  [
    "no version in common",
    () => tlsServer({ ...identity("valid"), minVersion: "TLSv1.1", maxVersion: "TLSv1.1" }, answering),
    "localhost:0 refuses TLS: protocol version"
  ],
  [
    "the wish for a certificate of ours",
    () => tlsServer({ ...identity("valid"), requestCert: true, rejectUnauthorized: true }, answering),
    "localhost:0"
  ]
]

describe("a server with", () => {
  it.live.each(wrong)("%s", ([, make, says]) =>
    Effect.gen(function* () {
      yield* trustAuthority
      const { port } = yield* listen(make())
      const sink = yield* TelemetrySink.http({
        url: `https://localhost:${port}/?key=secret-of-mine`,
        headers: { authorization: "other-secret" }
      }).pipe(Effect.provideServiceEffect(HttpClient.HttpClient, SinkHttpClient.make()))
      const batch = { id: "1", events: [TelemetryTest.log("a")] }
      const error = yield* Effect.timeout(Effect.flip(sink.export(batch)), hangs)
      assert.include(error.message, `the sink http did not take a batch: no answer: ${says.replace(":0", `:${port}`)}`)
      assert.notMatch(error.message, /secret/)
      assert.isTrue(error.isRetryable)
    })
  )

  it.live("an authority that nobody knows", () =>
    Effect.gen(function* () {
      const { port } = yield* listen(tlsServer(identity("valid"), answering))
      const error = yield* Effect.flip(get(`https://localhost:${port}/`))
      assert.include(
        error.message,
        `the certificate of localhost:${port} comes from an authority that Node does not know`
      )
      assert.include(error.message, "NODE_EXTRA_CA_CERTS")
    })
  )

  it.live("silence in the handshake", () =>
    Effect.gen(function* () {
      const { port } = yield* listen(createServer(() => {}))
      const client = yield* SinkHttpClient.make({ connectTimeout: "60 millis" })
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get(`https://localhost:${port}/`)))
      assert.include(
        error.message,
        `localhost:${port} takes a connection, and says nothing in the TLS handshake within 60ms`
      )
    })
  )
})

describe("a server that is trusted", () => {
  it.live.each(["localhost", "127.0.0.1", "[::1]"])("is reached as %s, and learns the name if it is one", (host) =>
    Effect.gen(function* () {
      yield* trustAuthority
      const names: Array<unknown> = []
      const server = tlsServer({ ...identity("valid"), ALPNProtocols: ["http/1.1"] }, (socket) => {
        names.push(socket.servername, socket.alpnProtocol)
        answering(socket)
      })
      const { port } = yield* listen(server, host.includes(":") ? "::1" : "127.0.0.1")
      assert.strictEqual(yield* get(`https://${host}:${port}/`), "hi")
      assert.deepStrictEqual(names, [host === "localhost" ? host : false, "http/1.1"])
    })
  )

  it.live.each(["TLSv1.2", "TLSv1.3"] as const)("resumes its session of %s", (version) =>
    Effect.gen(function* () {
      yield* trustAuthority
      const reused: Array<boolean> = []
      const closing = (socket: TLSSocket) => {
        reused.push(socket.isSessionReused())
        socket.on("data", () => socket.end(answer))
      }
      const { port } = yield* listen(createSecureServer({ ...identity("valid"), maxVersion: version }, closing))
      const client = yield* SinkHttpClient.make()
      for (let index = 0; index < 2; index++) yield* client.execute(HttpClientRequest.get(`https://localhost:${port}/`))
      assert.deepStrictEqual(reused, [false, true])
    })
  )
})

describe("a process", () => {
  play("Node", certificates)
})

it.live("a name with several addresses is reached at the one that answers", () =>
  Effect.gen(function* () {
    const { host } = yield* makeServer(() => http("200 OK", "hi"))
    const port = Number(host.split(":")[1])
    const dns = process.getBuiltinModule("node:dns")
    const { lookup } = dns
    // Nothing listens on the port of the first two.
    const addresses = [
      { address: "::1", family: 6 },
      { address: "127.0.0.2", family: 4 },
      { address: "127.0.0.1", family: 4 }
    ]
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        Object.assign(dns, {
          lookup: (_: string, __: unknown, callback: (error: null, found: typeof addresses) => void) =>
            void callback(null, addresses)
        })
      ),
      () => Effect.sync(() => Object.assign(dns, { lookup }))
    )
    assert.strictEqual(yield* get(`http://logs.example.com:${port}/`), "hi")
  })
)

it.live("a connection that nobody accepts names each address", () =>
  Effect.gen(function* () {
    const { host } = yield* Effect.scoped(makeServer(() => http("200 OK", "")))
    const error = yield* Effect.flip(get(`http://${host}/?key=secret`))
    assert.include(error.message, `no connection to ${host}: connect ECONNREFUSED ${host}`)
  })
)
