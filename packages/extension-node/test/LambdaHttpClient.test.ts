import { ExtensionsApi, type Registration } from "@effect-lambda/extension"
import { LambdaHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import * as Diagnostics from "node:diagnostics_channel"
import type { ClientRequest } from "node:http"
import type { Socket } from "node:net"
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
    const client = yield* LambdaHttpClient.make
    const api = yield* ExtensionsApi.make({ runtimeApi: server.host, extensionName: "a" }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
    return { ...server, client, api }
  })

describe("our transport", () => {
  it.live("sets no socket, request or agent timeout", () =>
    Effect.gen(function* () {
      const requests: Array<ClientRequest> = []
      const onRequest = (message: unknown) => requests.push((message as { request: ClientRequest }).request)
      yield* Effect.acquireRelease(
        Effect.sync(() => Diagnostics.subscribe("http.client.request.start", onRequest)),
        () => Effect.sync(() => Diagnostics.unsubscribe("http.client.request.start", onRequest))
      )
      const { api, received } = yield* setup((_, index) => (index === 0 ? ok : "park"))
      yield* api.exitError(registration, report)
      // The second request is parked, on a kept-alive socket: the agent may arm timers only there.
      yield* Effect.forkScoped(api.nextEvent(registration))
      yield* until("the parked poll", () => received.length === 2)
      assert.lengthOf(requests, 2)
      for (const request of requests) {
        const socket: (Socket & { readonly timeout?: number }) | null = request.socket
        assert.strictEqual(socket?.timeout ?? 0, 0)
        assert.strictEqual((request as ClientRequest & { readonly timeout?: number }).timeout ?? 0, 0)
        const agent = (
          request as ClientRequest & { readonly agent: { options: { timeout?: number }; maxSockets: number } }
        ).agent
        assert.isUndefined(agent.options.timeout)
        assert.strictEqual(agent.maxSockets, Number.POSITIVE_INFINITY)
      }
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

  it.live("a URL and a header that node:http refuses are EncodeErrors, not defects", () =>
    Effect.gen(function* () {
      const { client, host } = yield* setup(() => shutdown)
      const headers = { "X-Test": "a\nb" }
      const requests = [HttpClientRequest.get("http://[", {}), HttpClientRequest.get(`http://${host}/`, { headers })]
      for (const request of requests) {
        const error = yield* Effect.flip(client.execute(request))
        assert.strictEqual(error.reason._tag, "EncodeError")
      }
    })
  )
})
