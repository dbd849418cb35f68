/** Options of an HTTP sink with which no request can be made, and secrets in them that nothing shows. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { inspect } from "node:util"
import { runInTime, types } from "../support.ts"

import { batch, endpoint, events, http, refusal, secret, sent, transportError, url } from "./httpSink.ts"

describe("a request", () => {
  it.effect.each<readonly [string, Partial<TelemetrySink.HttpOptions>, string]>([
    ["no URL", { url: "not a url" }, '"not a url" is not an http URL: it begins with neither http:// nor https://'],
    ["nothing", { url: "" }, '"" is not an http URL: it begins with neither http:// nor https://'],
    [
      "an address without http",
      { url: "127.0.0.1:80/logs" },
      '"127.0.0.1:80/logs" is not an http URL: it begins with neither http:// nor https://'
    ],
    [
      "half a URL",
      { url: "http//logs.example.com/v1?key=hidden" },
      '"http//logs.example.com/v1?…" is not an http URL: it begins with neither http:// nor https://'
    ],
    ["a scheme alone", { url: "http://" }, '"http://" is not a URL'],
    ["a space in the host", { url: "http://logs example.com/v1" }, '"http://logs example.com/v1" is not a URL'],
    ["a port out of range", { url: "http://logs.example.com:65536/" }, '"http://logs.example.com:65536/" is not a URL'],
    ["a port in words", { url: "http://logs.example.com:http/" }, '"http://logs.example.com:http/" is not a URL'],
    [
      "the port 0",
      { url: "http://logs.example.com:0/" },
      '"http://logs.example.com:0/" has the port 0, which nothing listens on'
    ],
    ["no host", { url: "http:///v1" }, '"http:///v1" has no host'],
    ["no slashes", { url: "http:logs.example.com" }, '"http:logs.example.com" has no host'],
    ["backslashes", { url: String.raw`http:\\logs.example.com` }, String.raw`"http:\\\\logs.example.com" has no host`],
    ["an empty part of a host", { url: "http://logs..example.com" }, '"http://logs..example.com" has no host'],
    ["a host that is too long", { url: `http://${"x".repeat(64)}.com` }, `"http://${"x".repeat(64)}.com" has no host`],
    [
      "a host and a port only",
      { url: "logs.example.com:80" },
      '"logs.example.com:80" is not an http URL: it begins with neither http:// nor https://'
    ],
    ["an address that is none", { url: "http://1.2.3.256/" }, '"http://1.2.3.256/" is not a URL'],
    ["half an address of IPv6", { url: "http://[::1/" }, '"http://[::1/" is not a URL'],
    ["a bad escape in the host", { url: "http://logs%zz.example.com" }, '"http://logs%zz.example.com" is not a URL'],
    [
      "a bad escape in the path",
      { url: "http://logs.example.com/50%" },
      '"http://logs.example.com/50%" has a % that two hexadecimal digits do not follow: write %25'
    ],
    [
      "a line break in it",
      { url: "http://logs.example\n.com/" },
      String.raw`"http://logs.example\n.com/" has a line break or another control character in it`
    ],
    [
      "another protocol",
      { url: "ftp://logs.example.com/v1" },
      '"ftp://logs.example.com/v1" is not an http URL: it begins with neither http:// nor https://'
    ],
    [
      "a URL with a password",
      { url: "https://user:hidden@logs.example.com/v1?key=hidden" },
      '"https://<redacted>@logs.example.com/v1?…" has credentials in it: put them into the header authorization'
    ],
    [
      "a header with a line break",
      { headers: { "x-token": Redacted.make("hidden\nhidden") } },
      'the header "x-token" has a line break in it, or another character that no header has'
    ],
    [
      "a header in another script",
      { headers: { "x-name": "日本" } },
      'the header "x-name" has a line break in it, or another character that no header has'
    ],
    [
      "a name that no header has",
      { headers: { "x token": "a" } },
      'the header "x token" has a line break in it, or another character that no header has'
    ]
  ])("%s: the sink is not made, and says why without what may be secret", ([, options, why]) =>
    Effect.gen(function* () {
      const { client } = endpoint(200)
      const error = yield* Effect.flip(http({ name: "store", ...options }, client))
      assert.isFalse(error.isRetryable)
      assert.strictEqual(error.message, `no sink store: ${why}`)
      assert.notInclude(inspect(error, { depth: 10 }), "hidden")
    })
  )

  it.effect.each([
    "http://bücher.example/v1",
    "https://xn--bcher-kva.example",
    "http://localhost:8080",
    "http://[::1]:8080/v1",
    "http://[::ffff:127.0.0.1]/",
    "HTTP://LOGS.EXAMPLE.COM./a%20b?q=1&r=a b#f",
    " http://logs.example.com/v1\n"
  ])("%j: a URL that can be one is sent to", (url) =>
    Effect.gen(function* () {
      const request = yield* sent({ url })
      assert.strictEqual(request.url, url.trim())
    })
  )
})

describe("a secret header", () => {
  const headers = { "x-token": Redacted.make(secret), "x-plain": "plain" }

  it.effect("from Config is sent, beside a plain one", () =>
    Effect.gen(function* () {
      const token = yield* Config.Redacted("LOG_TOKEN")
      const request = yield* sent({ headers: { "x-token": token, "x-plain": "plain" } })
      assert.deepInclude(request.headers, { "x-token": secret, "x-plain": "plain" })
    }).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { LOG_TOKEN: secret } }))
    )
  )

  const failures = [
    ["a refusal", 400],
    ["a refusal that may pass", 500],
    [
      "a cause that holds the request",
      (request: HttpClientRequest.HttpClientRequest) =>
        transportError(Object.assign(new Error("no"), { request }))(request)
    ],
    [
      "a text that quotes the header",
      transportError(new TypeError(`Headers.append: "${secret}" is an invalid header value.`))
    ],
    [
      "a request that cannot be encoded",
      (request: HttpClientRequest.HttpClientRequest) =>
        new HttpClientError.EncodeError({ request, cause: new Error(`bad: ${secret}`) })
    ],
    [
      "an address that is none",
      (request: HttpClientRequest.HttpClientRequest) =>
        new HttpClientError.InvalidUrlError({ request, cause: new Error("Invalid URL") })
    ]
  ] as const

  it.effect.each(failures)("is in no text of the error: %s", ([, answer]) =>
    Effect.gen(function* () {
      const error = yield* refusal({ headers }, answer)
      const texts = [
        error.message,
        String(error),
        JSON.stringify(error),
        error.stack,
        inspect(error, { depth: 20, showHidden: true }),
        Cause.pretty(Cause.fail(error))
      ]
      for (const text of texts) assert.notInclude(text, secret)
    })
  )

  it.effect("from a file, with a newline at its end, is in no text of the error either", () =>
    Effect.gen(function* () {
      const quoting = transportError(new Error(`the proxy refused ${secret} today`))
      const error = yield* refusal({ headers: { "x-token": Redacted.make(`${secret}\n`) } }, quoting)
      assert.include(error.message, "the proxy refused <redacted> today")
    })
  )

  it.effect.each(failures)("is in no log of a run, whatever prints it: %s", ([, answer]) =>
    Effect.gen(function* () {
      const logged: Array<string> = []
      const print = (text: string) => Effect.sync(() => logged.push(text))
      const logs = Logger.layer([
        Logger.map(Logger.formatJson, (text) => logged.push(text)),
        Logger.map(Logger.formatLogFmt, (text) => logged.push(text)),
        Logger.make(({ cause, message }) => logged.push(inspect([message, cause], { depth: 20, showHidden: true })))
      ])
      const { layer } = endpoint(answer)
      yield* runInTime(
        Extension.run({
          layer: layer,
          telemetry: Telemetry.make({ types, sink: TelemetrySink.http({ url, headers }) })
        })
      ).pipe(
        Effect.tapCause((cause) => print(Cause.pretty(cause))),
        Effect.provide(logs)
      )
      assert.isTrue(logged.some((text) => text.includes("the sink http did not take a batch")))
      for (const text of logged) assert.notInclude(text, secret)
    }).pipe(
      Effect.provide(ExtensionTest.layer([ExtensionTest.shutdown({ delivers: [TelemetryTest.delivery(events)] })]))
    )
  )

  it.effect("is not shown by the spans of a client that traces", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const { client } = endpoint(200)
      const sink = yield* http({ headers }, client)
      yield* sink.export(batch).pipe(
        Effect.withTracer(tracer),
        Effect.provideService(HttpClient.TracerHeaderFilter, () => true)
      )
      const attributes = JSON.stringify(spans.map(({ attributes }) => Array.from(attributes)))
      assert.include(attributes, "x-token")
      assert.notInclude(attributes, secret)
    })
  )
})
