/** The bodies of an HTTP sink in a format of the user, and its words about a refusal: the beginning, without secrets. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/testing/TestClock"
import { gunzipSync } from "node:zlib"
import { capturedLogs, runInTime, types } from "../support.ts"

const url = "https://logs.example.com/v1"
const batch: TelemetrySink.TelemetryBatch = { id: "batch-1", events: [TelemetryTest.log("a line")] }

const answering = (status: number, body: BodyInit | null, headers: Record<string, string> = {}) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      requests.push(request)
      return HttpClientResponse.fromWeb(request, new Response(body, { status, headers }))
    })
  )
  return { client, requests }
}

const http = (options: Partial<TelemetrySink.HttpOptions>, client: HttpClient.HttpClient) =>
  Effect.provideService(TelemetrySink.http({ url, ...options }), HttpClient.HttpClient, client)

const refusal = (options: Partial<TelemetrySink.HttpOptions>, client: HttpClient.HttpClient) =>
  Effect.map(
    Effect.flatMap(http(options, client), (sink) => Effect.flip(sink.export(batch))),
    ({ message }) => message.replace("the sink http did not take a batch: ", "")
  )

const bytesOf = (request: HttpClientRequest.HttpClientRequest | undefined) =>
  request?.body._tag === "Uint8Array" ? request.body.body : new Uint8Array()

const textOf = (request: HttpClientRequest.HttpClientRequest | undefined) => new TextDecoder().decode(bytesOf(request))

describe("encode", () => {
  it.effect.each<readonly [string, string | Uint8Array]>([
    ["a text", '{"streams":[]}'],
    ["bytes", new TextEncoder().encode('{"streams":[]}')]
  ])("makes the body of a request and says what it is: %s", ([, body]) =>
    Effect.gen(function* () {
      const { client, requests } = answering(204, null)
      const encode = (given: TelemetrySink.TelemetryBatch) => {
        assert.strictEqual(given, batch)
        return { body, contentType: "application/x-loki" }
      }
      const headers = { "x-tenant": "blue" }
      yield* (yield* http({ encode, headers }, client)).export(batch)
      assert.strictEqual(textOf(requests[0]), '{"streams":[]}')
      assert.deepInclude(requests[0]?.headers, {
        "content-type": "application/x-loki",
        "content-length": "14",
        "idempotency-key": "batch-1",
        "x-tenant": "blue"
      })
    })
  )

  it.effect("has its body compressed as well", () =>
    Effect.gen(function* () {
      const { client, requests } = answering(204, null)
      const body = "a line of the user's own format\n".repeat(100)
      yield* (yield* http({ gzip: true, encode: () => ({ body, contentType: "text/plain" }) }, client)).export(batch)
      assert.deepInclude(requests[0]?.headers, { "content-encoding": "gzip", "content-type": "text/plain" })
      assert.strictEqual(gunzipSync(bytesOf(requests[0])).toString(), body)
    })
  )

  const thrown = () => {
    throw new Error("no such label")
  }
  // A program in JavaScript may return these: no type holds there.
  const wrong = (value: unknown) => () => JSON.parse(JSON.stringify(value))
  it.effect.each<readonly [string, NonNullable<TelemetrySink.HttpOptions["encode"]>, string]>([
    ["throws", thrown, "no such label"],
    [
      "returns a body of another kind",
      wrong({ body: 7, contentType: "a/b" }),
      "its body is neither a text nor a Uint8Array"
    ],
    ["returns nothing", wrong({}), "its body is neither a text nor a Uint8Array"],
    ["does not name the type", wrong({ body: "" }), "its contentType is none that a header can have"],
    [
      "names a type that no header has",
      () => ({ body: "", contentType: "text/plain\n" }),
      "its contentType is none that a header can have"
    ]
  ])("costs its record and no other one if it %s", ([, wrongEncode, why]) =>
    Effect.gen(function* () {
      const { client, requests } = answering(200, null)
      let calls = 0
      const encode = (given: TelemetrySink.TelemetryBatch) =>
        ++calls === 1 ? wrongEncode(given) : { body: "ok", contentType: "text/plain" }
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({
          layer: Layer.succeed(HttpClient.HttpClient, client),
          telemetry: Telemetry.make({ types, sink: TelemetrySink.http({ url, encode }), batch: { maxRecords: 1 } })
        })
      ).pipe(Effect.provide(logs))
      const log = messages.join("\n")
      assert.include(
        log,
        `the sink http did not take a batch: encode did not make a body: ${why}; the record at fault: a record of `
      )
      assert.include(log, "http: 1 delivered, 0 dropped by the queue, 1 dropped by the sink")
      assert.lengthOf(requests, 1)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          ExtensionTest.shutdown({
            delivers: [TelemetryTest.delivery([TelemetryTest.log("a"), TelemetryTest.log("b")])]
          })
        ])
      )
    )
  )

  it.effect("is refused beside a format, which would have no effect", () =>
    Effect.gen(function* () {
      const both = { format: "json", encode: () => ({ body: "", contentType: "a/b" }) } as const
      const error = yield* Effect.flip(http(both, answering(200, null).client))
      assert.strictEqual(
        error.message,
        "no sink http: the options have a format and an encode, and only one of them can make the body"
      )
    })
  )
})

describe("a proxy that the process goes past", () => {
  const unused: TelemetrySink.UnusedProxy = (url) =>
    url.includes("logs.example.com") ? { variable: "HTTPS_PROXY", remedy: "Set NODE_USE_ENV_PROXY=1" } : undefined

  it.effect.each<readonly [string, string, ReadonlyArray<string>]>([
    [
      "is named once, when the sink is made",
      `${url}?key=hidden-key`,
      [
        "Warn: HTTPS_PROXY is set and not used: the sink http connects to logs.example.com directly. Set NODE_USE_ENV_PROXY=1"
      ]
    ],
    ["is not named for a host that needs none", "https://other.example.com:8443/", []]
  ])("%s", ([, url, said]) =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      const sink = yield* http({ url }, answering(200, null).client).pipe(
        Effect.provideService(TelemetrySink.CurrentUnusedProxy, unused),
        Effect.provide(logs)
      )
      yield* Effect.provide(sink.export(batch), logs)
      assert.deepStrictEqual(messages, said)
    })
  )

  it.effect("is not named if the user gives fetch another way", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      const init: RequestInit & { dispatcher: unknown } = { dispatcher: {} }
      yield* http({}, answering(200, null).client).pipe(
        Effect.provideService(TelemetrySink.CurrentUnusedProxy, unused),
        Effect.provideService(FetchHttpClient.RequestInit, init),
        Effect.provide(logs)
      )
      assert.deepStrictEqual(messages, [])
    })
  )
})

it("isRetryableStatus: a status of the moment may pass, a refusal of the request does not", () => {
  const may = Array.from({ length: 500 }, (_, n) => n + 100).filter(TelemetrySink.isRetryableStatus)
  const serverErrors = Array.from({ length: 100 }, (_, n) => n + 500)
  assert.deepStrictEqual(may, [408, 425, 429, ...serverErrors])
})

const token = "s3cret-t0ken"
const secret = { authorization: Redacted.make(`Bearer ${token}`) }

describe("a refusal says what the endpoint said", () => {
  it.effect.each<readonly [string, BodyInit | null, Partial<TelemetrySink.HttpOptions>, string]>([
    ["a sentence", "entry too far behind\n", {}, '400: "entry too far behind"'],
    ["nothing", "", {}, "400"],
    ["white space", " \n\t", {}, "400"],
    ["quotes", '{"error":"bad"}', {}, String.raw`400: "{\"error\":\"bad\"}"`],
    ["500 characters of more", "x".repeat(501), {}, `400: "${"x".repeat(500)}"…`],
    ["characters, not halves of them", "🙂".repeat(501), {}, `400: "${"🙂".repeat(500)}"…`],
    [
      "control characters as escapes",
      "a\u001b[31mb\r\nc\u0000\u007f\u009b\u202ed\u2028e",
      {},
      String.raw`400: "a\u001b[31mb\r\nc\u0000\u{7f}\u{9b}\u{202e}d\u{2028}e"`
    ],
    ["bytes that are no text", new Uint8Array([0x61, 0xff, 0x62]), {}, '400: "a\ufffdb"'],
    ["no secret header", `no access with Bearer ${token}!`, { headers: secret }, '400: "no access with <redacted>!"'],
    ["no token of one", `token ${token} is unknown`, { headers: secret }, '400: "token <redacted> is unknown"'],
    [
      "no header that is secret by its name",
      `token ${token} is unknown`,
      { headers: { Authorization: `Bearer ${token}` } },
      '400: "token <redacted> is unknown"'
    ],
    [
      "no secret as JSON or a query has it",
      String.raw`["pass\"word+/", "pass%22word%2B%2F"]`,
      { headers: { "x-key": Redacted.make('pass"word+/') } },
      String.raw`400: "[\"<redacted>\", \"<redacted>\"]"`
    ],
    [
      "no key of the query",
      "key hidden-key is unknown",
      { url: `${url}?key=hidden-key` },
      '400: "key <redacted> is unknown"'
    ],
    [
      "no value of the query of eight characters",
      "key 12345678 is unknown",
      { url: `${url}?key=12345678` },
      '400: "key <redacted> is unknown"'
    ],
    [
      "a value of the query that is too short for a key",
      "page 1234567 is unknown",
      { url: `${url}?page=1234567` },
      '400: "page 1234567 is unknown"'
    ],
    [
      "no half of a secret at the end of what is shown",
      `${"x".repeat(495)}${token}`,
      { headers: secret },
      `400: "${"x".repeat(495)}<reda"…`
    ]
  ])("%s", ([, body, options, said]) =>
    Effect.gen(function* () {
      const { client } = answering(400, body)
      assert.strictEqual(yield* refusal(options, client), `the endpoint answered ${said}`)
      const failing = HttpClient.filterStatusOk(answering(400, body).client)
      assert.strictEqual(yield* refusal(options, failing), `the endpoint answered ${said}`)
    })
  )

  it.effect("together with the time at which it wants to be asked again", () =>
    Effect.gen(function* () {
      const { client } = answering(429, "slow down", { "retry-after": "30" })
      assert.strictEqual(yield* refusal({}, client), 'the endpoint answered 429, to be asked again in 30s: "slow down"')
    })
  )

  it.effect("within 100 ms, if the answer never ends: without a possible half of a secret at its end", () =>
    Effect.gen(function* () {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) =>
          controller.enqueue(new TextEncoder().encode(`no entry for anybody: Bearer ${token.slice(0, 6)}`))
      })
      const { client } = answering(403, body)
      const fiber = yield* Effect.forkChild(refusal({ headers: secret }, client), { startImmediately: true })
      // The web stream gives its piece in a later turn than the clock's.
      for (let turn = 0; turn < 50; turn++) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* TestClock.adjust("99 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isDefined(fiber.pollUnsafe())
      assert.strictEqual(yield* Fiber.join(fiber), 'the endpoint answered 403: "no entry for an"')
    })
  )

  it.effect("after 64 KiB at most, if it is long; the rest is not read", () =>
    Effect.gen(function* () {
      let pulled = 0
      let isCancelled = false
      const body = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            pulled += 16_384
            controller.enqueue(new Uint8Array(16_384).fill(0x78))
          },
          cancel: () => {
            isCancelled = true
          }
        },
        { highWaterMark: 0 }
      )
      const { client } = answering(400, body)
      assert.strictEqual(yield* refusal({}, client), `the endpoint answered 400: "${"x".repeat(500)}"…`)
      assert.isAtLeast(pulled, 65_536)
      assert.isAtMost(pulled, 65_536 + 16_384)
      assert.isTrue(isCancelled)
    })
  )
})

it.effect("the reason why there is no answer has four causes at most", () =>
  Effect.gen(function* () {
    const cause = [5, 4, 3, 2, 1].reduce<Error | undefined>((cause, n) => new Error(`cause ${n}`, { cause }), undefined)
    const client = HttpClient.make((request) =>
      Effect.fail(
        new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
      )
    )
    assert.strictEqual(yield* refusal({}, client), "no answer: cause 1: cause 2: cause 3: cause 4")
  })
)
