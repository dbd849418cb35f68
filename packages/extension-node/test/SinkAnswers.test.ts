/** A status counts as soon as its head is complete, whatever becomes of the body: on the clients of sinks, and in processes. */
import { SinkHttpClient } from "@effect-lambda/extension-node"
import { TelemetrySink } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { play } from "../../test/runtimes/scenario.ts"
import { taken } from "./life/sinks.ts"
import { runtimes } from "./support/Program.ts"
import { type Answer, hangs, http, makeServer, type Received, until } from "./support/RawServer.ts"
import { identity, trustAuthority } from "./support/Tls.ts"
import { broken, brokenBodies } from "./wire/brokenBodies.ts"

const clients: ReadonlyArray<readonly [string, Layer.Layer<HttpClient.HttpClient>]> = [
  ["SinkHttpClient", SinkHttpClient.layer],
  ["fetch", FetchHttpClient.layer]
]

const schemes = ["http", "https"] as const

/** An endpoint over the client, and its server. */
const setup = Effect.fnUntraced(function* (
  layer: Layer.Layer<HttpClient.HttpClient>,
  scheme: (typeof schemes)[number],
  answer: (request: Received, index: number) => Answer
) {
  const server = yield* makeServer(answer, scheme === "https" ? identity("valid") : undefined)
  const { post } = yield* Effect.provide(
    TelemetrySink.endpoint({ url: `${scheme}://${server.host}/` }),
    yield* Layer.build(layer)
  )
  const send = (id: string) =>
    Effect.timeout(
      post(() => ({ body: "a batch", contentType: "text/plain" }), id),
      hangs
    )
  return { ...server, send }
})

/** A `Retry-After` is read from the head. */
const busy = "503 Busy\r\nRetry-After: 7"

const cases = clients.flatMap(([name, layer]) => schemes.map((scheme) => [name, scheme, layer] as const))

const each = <E, R>(check: (body: (typeof brokenBodies)[number]) => Effect.Effect<void, E, R>) =>
  Effect.andThen(
    trustAuthority,
    Effect.forEach(brokenBodies, (body) => Effect.scoped(check(body)), { concurrency: "unbounded", discard: true })
  )

describe.each(cases)("%s over %s", (name, scheme, layer) => {
  it.live("takes a 200 for what it is, whatever its body: nothing is sent again, over no such connection", () =>
    each((body) =>
      Effect.gen(function* () {
        const { closed, received, send } = yield* setup(layer, scheme, (_, index) =>
          index === 0 ? broken("200 OK", body) : http("200 OK", "")
        )
        const answer = yield* send("1")
        // What has come is there to be read.
        assert.include(["", "half"], Buffer.from(answer.body).toString(), body.name)
        yield* send("2")
        assert.deepStrictEqual(
          received.map(({ headers }) => headers["idempotency-key"]),
          ["1", "2"],
          body.name
        )
        // The body in question is whole for a client that undoes nothing.
        if (name === "fetch" || body.headers.includes("gzip")) return
        assert.strictEqual(received[1]?.connection, 2, body.name)
        yield* until(`the closed connection of a body that ${body.name}`, () => closed.includes(1))
      })
    )
  )

  it.live("takes a 503 for what it is, whatever its body, and knows the time to come again", () =>
    each((body) =>
      Effect.gen(function* () {
        const { received, send } = yield* setup(layer, scheme, () => broken(busy, body))
        const error = yield* Effect.flip(send("1"))
        assert.deepInclude(error, { status: 503, isRetryable: true, retryAfterMillis: 7000 }, body.name)
        assert.match(error.message, /^the endpoint answered 503, to be asked again in 7s(: "half")?$/)
        assert.lengthOf(received, 1)
      })
    )
  )

  it.live("reads a body that comes behind its head", () =>
    Effect.gen(function* () {
      yield* trustAuthority
      const { received, send } = yield* setup(layer, scheme, () => http("200 OK", "said"))
      for (const id of ["1", "2"]) assert.strictEqual(Buffer.from((yield* send(id)).body).toString(), "said")
      if (name === "SinkHttpClient")
        assert.deepStrictEqual(
          received.map(({ connection }) => connection),
          [1, 1]
        )
    })
  )
})

describe("SinkHttpClient", () => {
  const reading = (answer: Answer, options: SinkHttpClient.Options = {}) =>
    Effect.gen(function* () {
      const server = yield* makeServer(() => answer)
      const client = yield* SinkHttpClient.make(options)
      const response = yield* client.execute(HttpClientRequest.get(`http://${server.host}/`))
      return { ...server, response }
    })

  it.live("gives the status also if the body comes in the packet of the head", () =>
    each((body) =>
      Effect.gen(function* () {
        if (body.headers.includes("gzip")) return
        const { closed, response } = yield* reading(broken("202 Accepted", body, true), { answerTimeout: "60 millis" })
        assert.strictEqual(response.status, 202)
        const error = yield* Effect.flip(Effect.timeout(response.text, hangs))
        assert.strictEqual(error._tag, "HttpClientError", body.name)
        yield* until(`the closed connection of a body that ${body.name}`, () => closed.length === 1)
      })
    )
  )

  it.live.each<readonly [string, string]>([
    ["two lengths", "Content-Length: 1\r\nContent-Length: 2"],
    ["a length and chunks", "Content-Length: 1\r\nTransfer-Encoding: chunked"],
    ["an encoding that nobody knows", "Transfer-Encoding: br"]
  ])("gives the status of a head with %s, and no body", ([, headers]) =>
    Effect.gen(function* () {
      const chunks = [`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`]
      const { closed, response } = yield* reading({ chunks, afterwards: "keep" })
      assert.strictEqual(response.status, 200)
      const error = yield* Effect.flip(response.text)
      assert.strictEqual(error.reason._tag, "TransportError")
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live.each(["interrupted", "left to itself"])(
    "closes the connection of a body that hangs, if reading it is %s",
    (how) =>
      Effect.gen(function* () {
        const hanging = brokenBodies[1] ?? assert.fail("there is none")
        const limit = how === "interrupted" ? "10 minutes" : "60 millis"
        const { closed, response } = yield* reading(broken("200 OK", hanging), { answerTimeout: limit })
        if (how === "interrupted") yield* Effect.exit(Effect.timeout(response.text, "1 millis"))
        yield* until("the closed connection", () => closed.length === 1)
      })
  )
})

describe.each(runtimes)("on %s", (runtime) => {
  play(runtime, taken)
})
