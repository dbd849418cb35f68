/** The bytes of an HTTP sink on the wire, the answers that it tries again, and the secrets that it never says. */
import { Extension, Telemetry, TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { gunzipSync, gzipSync } from "node:zlib"
import { capturedLogs, runInTime, words, types } from "../support.ts"
import {
  batch,
  bytesOf,
  endpoint,
  events,
  http,
  ndjson,
  refusal,
  secret,
  sent,
  transportError,
  url
} from "./httpSink.ts"

describe("http", () => {
  it.effect("posts one JSON line per record, with the batch's id", () =>
    Effect.gen(function* () {
      const request = yield* sent({})
      assert.deepInclude(request, { method: "POST", url })
      assert.deepInclude(request.headers, { "content-type": "application/x-ndjson", "idempotency-key": "batch-1" })
      assert.strictEqual(new TextDecoder().decode(bytesOf(request)), ndjson)
    })
  )

  it.effect("sends a value from a file without its line break, which not every client takes off", () =>
    Effect.gen(function* () {
      const { headers } = yield* sent({ headers: { "x-key": Redacted.make("key\n"), "x-team": "blue\n" } })
      assert.deepInclude(headers, { "x-key": "key", "x-team": "blue" })
    })
  )

  it.effect("posts one JSON array if the format is json", () =>
    Effect.gen(function* () {
      const request = yield* sent({ format: "json" })
      assert.strictEqual(request.headers["content-type"], "application/json")
      assert.deepStrictEqual(JSON.parse(new TextDecoder().decode(bytesOf(request))), events)
    })
  )

  it.effect("keeps fields and records that are not known yet", () =>
    Effect.gen(function* () {
      const strange = [
        {
          ...TelemetryTest.start("request-1"),
          record: { requestId: "request-1", version: "1", tenant: { id: 7 } },
          x: [1]
        },
        { time: "t", type: "platform.new", record: { a: null } },
        { type: "platform.start", record: "not what it should be" },
        17
      ]
      const request = yield* sent({}, { id: "1", events: strange.map((record) => TelemetryEvent.decode(record)) })
      const lines = new TextDecoder()
        .decode(bytesOf(request))
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepStrictEqual(lines.slice(0, 2), strange.slice(0, 2))
      assert.deepStrictEqual(
        lines.slice(2).map(({ original }) => original),
        strange.slice(2)
      )
    })
  )

  it.effect.each<readonly [string, TelemetrySink.Gzip | undefined]>([
    ["the runtime's CompressionStream", undefined],
    ["the gzip of the host", (body) => Effect.sync(() => gzipSync(body))]
  ])("compresses by %s if gzip is on and the body is large enough", ([, gzip]) =>
    Effect.gen(function* () {
      const many = Array.from({ length: 100 }, (_, n) => TelemetryTest.log(`line ${n}`))
      const request = yield* sent({ gzip: true }, { id: "1", events: many })
      assert.strictEqual(request.headers["content-encoding"], "gzip")
      const text = gunzipSync(bytesOf(request)).toString()
      assert.strictEqual(text, many.map((event) => `${JSON.stringify(event)}\n`).join(""))
      assert.isBelow(bytesOf(request).length, text.length / 2)
      assert.strictEqual(request.headers["content-length"], String(bytesOf(request).length))
      assert.strictEqual(request.headers["content-type"], "application/x-ndjson")

      const small = yield* sent({ gzip: true })
      assert.notProperty(small.headers, "content-encoding")
      assert.strictEqual(new TextDecoder().decode(bytesOf(small)), ndjson)

      const compressed = yield* sent({ gzip: true, headers: { "content-encoding": "br" } }, { id: "1", events: many })
      assert.strictEqual(compressed.headers["content-encoding"], "br")
      assert.strictEqual(new TextDecoder().decode(bytesOf(compressed)), text)
    }).pipe(Effect.provideService(TelemetrySink.CurrentGzip, gzip))
  )

  it.effect.each([200, 201, 202, 204])("%d takes the batch", (status) =>
    Effect.gen(function* () {
      const { client } = endpoint(status)
      yield* (yield* http({}, client)).export(batch)
    })
  )

  it.effect.each([
    [301, false],
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [408, true],
    [413, false],
    [425, true],
    [429, true],
    [500, true],
    [503, true]
  ] as const)("%j: the status of a refusal, and whether it may pass", ([status, isRetryable]) =>
    Effect.gen(function* () {
      const error = yield* refusal({ name: "store" }, status)
      assert.strictEqual(error.isRetryable, isRetryable)
      assert.strictEqual(error.message, `the sink store did not take a batch: the endpoint answered ${status}`)
    })
  )

  it.effect("understands a client that turns statuses into failures", () =>
    Effect.gen(function* () {
      const { client } = endpoint(404)
      const error = yield* Effect.flip((yield* http({}, HttpClient.filterStatusOk(client))).export(batch))
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "the endpoint answered 404")
    })
  )

  it.effect.each<readonly [string, unknown, string]>([
    ["a plain cause", new Error("connect ECONNREFUSED 127.0.0.1:1"), "connect ECONNREFUSED 127.0.0.1:1"],
    [
      "what fetch hides in its cause",
      new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND logs.example.com") }),
      "fetch failed: getaddrinfo ENOTFOUND logs.example.com"
    ],
    [
      "several addresses",
      new TypeError("fetch failed", {
        cause: new AggregateError([
          new Error("connect ECONNREFUSED ::1:1"),
          new Error("connect ECONNREFUSED 127.0.0.1:1")
        ])
      }),
      "fetch failed: connect ECONNREFUSED ::1:1"
    ],
    ["a text", "gone", "gone"],
    ["nothing", undefined, "the cause is unknown"]
  ])("no answer may pass, and the error says why: %s", ([, cause, text]) =>
    Effect.gen(function* () {
      const error = yield* refusal({}, transportError(cause))
      assert.isTrue(error.isRetryable)
      assert.strictEqual(error.message, `the sink http did not take a batch: no answer: ${text}`)
    })
  )

  it.effect("a header from a file, with a newline at its end, is sent", () =>
    Effect.gen(function* () {
      const request = yield* sent({ headers: { "x-token": Redacted.make(`${secret}\n`) } })
      assert.strictEqual(request.headers["x-token"]?.trim(), secret)
    })
  )

  it.effect("in an extension init fails for that: the function goes on, and the log says why", () =>
    Effect.gen(function* () {
      const { causes, layer: logs } = capturedLogs()
      yield* runInTime(
        Extension.run({
          layer: endpoint(200).layer,
          telemetry: Telemetry.make({ types, sink: TelemetrySink.http({ url: "not a url" }) })
        })
      ).pipe(Effect.provide(logs))
      assert.include(causes.join("\n"), 'no sink http: "not a url" is not an http URL: it begins with')
      assert.include(yield* words, "SHUTDOWN")
    }).pipe(Effect.provide(ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])))
  )

  it.effect.each([
    ["InvalidUrlError", HttpClientError.InvalidUrlError],
    ["EncodeError", HttpClientError.EncodeError]
  ] as const)("a client that cannot make the request (%s): no attempt mends that", ([, Reason]) =>
    Effect.gen(function* () {
      const error = yield* refusal({}, (request) => new Reason({ request, description: "cannot do that" }))
      assert.isFalse(error.isRetryable)
      assert.strictEqual(
        error.message,
        "the sink http did not take a batch: the request cannot be made: cannot do that"
      )
    })
  )

  it.effect("a URL that a client quotes is shown without its query, however it is spelled", () =>
    Effect.gen(function* () {
      const url = "https://logs.example.com/v1?key=a hidden"
      const quoting = transportError(new TypeError(`not "${url}" nor ${encodeURI(url)} today`))
      const error = yield* refusal({ url }, quoting)
      assert.strictEqual(
        error.message,
        "the sink http did not take a batch: no answer: " +
          'not "https://logs.example.com/v1?…" nor https://logs.example.com/v1?… today'
      )
    })
  )

  it.effect.each([301, 302, 303, 307, 308])("%d is a refusal: fetch would follow it without the records", (status) =>
    Effect.gen(function* () {
      const fetch: typeof globalThis.fetch = (_, init) =>
        Promise.resolve(new Response(null, { status: init?.redirect === "manual" ? status : 200 }))
      const client = yield* Effect.map(Layer.build(FetchHttpClient.layer), Context.get(HttpClient.HttpClient)).pipe(
        Effect.provideService(FetchHttpClient.Fetch, fetch)
      )
      const sink = yield* http({}, client)
      const error = yield* Effect.flip(sink.export(batch)).pipe(Effect.provideService(FetchHttpClient.Fetch, fetch))
      assert.isFalse(error.isRetryable)
      assert.include(error.message, `the endpoint answered ${status}`)
    })
  )

  it.effect("passes the user's options to fetch", () =>
    Effect.gen(function* () {
      const inits: Array<RequestInit | undefined> = []
      const fetch: typeof globalThis.fetch = (_, init) => {
        inits.push(init)
        return Promise.resolve(new Response(null))
      }
      const sink = yield* Effect.provide(TelemetrySink.http({ url }), FetchHttpClient.layer)
      yield* sink
        .export(batch)
        .pipe(
          Effect.provideService(FetchHttpClient.Fetch, fetch),
          Effect.provideService(FetchHttpClient.RequestInit, { keepalive: true })
        )
      assert.deepInclude(inits[0], { keepalive: true, redirect: "manual" })
    })
  )

  it.effect.each<[number, string, number | undefined]>([
    [429, "30", 30_000],
    [503, " 2 ", 2000],
    [503, "Sat, 01 Jan 2000 00:00:10 GMT", 10_000],
    [503, "Fri, 31 Dec 1999 23:59:59 GMT", undefined],
    [503, "0", undefined],
    [503, "-5", undefined],
    [503, "soon", undefined],
    [503, "", undefined]
  ])("%d with Retry-After %j", ([status, value, expected]) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2000-01-01T00:00:00Z"))
      const headers = { "retry-after": value }
      const client = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status, headers })))
      )
      for (const ours of [client, HttpClient.filterStatusOk(client)]) {
        const error = yield* Effect.flip((yield* http({}, ours)).export(batch))
        assert.isTrue(error.isRetryable)
        assert.strictEqual(error.retryAfterMillis, expected)
        assert.strictEqual(error.message.includes("to be asked again in"), expected !== undefined)
      }
    })
  )

  it.effect("a 200 takes the batch, also if its body never ends", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response(new ReadableStream())))
      )
      const fiber = yield* Effect.forkChild((yield* http({}, client)).export(batch), { startImmediately: true })
      // The flush of an invocation waits for it.
      yield* TestClock.adjust("99 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isDefined(fiber.pollUnsafe())
      yield* Fiber.join(fiber)
    })
  )

  it.effect("causes that go round in a circle end", () =>
    Effect.gen(function* () {
      const one = new Error("one")
      one.cause = new Error("two", { cause: one })
      const error = yield* refusal({}, transportError(one))
      assert.include(error.message, "no answer: one: two: one")
    })
  )

  it.effect("the same id on every attempt, another one for the next batch", () =>
    Effect.gen(function* () {
      const { layer, requests } = endpoint(500, 429, 200)
      yield* runInTime(
        Extension.run({
          layer: layer,
          telemetry: Telemetry.make({ types, sink: TelemetrySink.http({ url }), batch: { maxRecords: 1 } })
        })
      )
      const ids = requests.map(({ headers }) => headers["idempotency-key"])
      assert.strictEqual(ids.length, 4)
      assert.strictEqual(new Set(ids.slice(0, 3)).size, 1)
      assert.strictEqual(new Set(ids).size, 2)
    }).pipe(
      Effect.provide(ExtensionTest.layer([ExtensionTest.shutdown({ delivers: [TelemetryTest.delivery(events)] })]))
    )
  )

  it.effect("the client is the one the sink was made with", () =>
    Effect.gen(function* () {
      const own = endpoint(200)
      const other = endpoint(200)
      const sink = yield* http({}, own.client)
      yield* Effect.provideService(sink.export(batch), HttpClient.HttpClient, other.client)
      assert.deepStrictEqual([own.requests.length, other.requests.length], [1, 0])
    })
  )
})
