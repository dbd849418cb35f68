/** Subscribing to telemetry and to logs, over a transport in memory: what is sent, and what an answer means. */
import * as TelemetryApiError from "@effect-lambda/extension/telemetry/TelemetryApiError"
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { registration, type Answer, subscribe, failure, refusal } from "./subscribing.ts"

const outcome = (options: Parameters<typeof subscribe>[0]) =>
  Effect.map(subscribe(options), ({ result }) => (result._tag === "Success" ? result.success : result.failure.message))

const unknownVersion = (version: string) =>
  refusal(
    "Telemetry.DeserializationError",
    `unknown variant \`${version}\`, expected one of \`2020-08-15\`, \`2021-03-18\`, \`2022-07-01\` at line 1 column 30`
  )

describe("the request", () => {
  it.effect("names the version first, has defaults for all of buffering, and the identifier", () =>
    Effect.gen(function* () {
      const { result, sent } = yield* subscribe()
      assert.deepStrictEqual(result._tag === "Success" && result.success, {
        _tag: "Subscribed",
        schemaVersion: "2025-01-29"
      })
      assert.lengthOf(sent, 1)
      const { body, request } = sent[0]!
      assert.strictEqual(
        body,
        '{"schemaVersion":"2025-01-29","types":["platform","function"],' +
          '"buffering":{"maxItems":1000,"maxBytes":1048576,"timeoutMs":25},' +
          '"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:4243/"}}'
      )
      assert.strictEqual(`${request.method} ${request.url}`, "PUT http://lambda:9001/2022-07-01/telemetry")
      assert.strictEqual(request.headers["lambda-extension-identifier"], registration.extensionIdentifier)
      assert.strictEqual(request.headers["content-type"], "application/json")
    })
  )

  it.effect("goes to the Logs API", () =>
    Effect.gen(function* () {
      const { sent, versions } = yield* subscribe({ api: "logs" })
      assert.strictEqual(`${sent[0]!.request.method} ${sent[0]!.request.url}`, "PUT http://lambda:9001/2020-08-15/logs")
      assert.deepStrictEqual<ReadonlyArray<unknown>>(versions, ["2021-03-18"])
    })
  )

  it.effect.each<readonly [TelemetrySubscription.Destination, string]>([
    [
      { protocol: "HTTP", port: 1, path: "logs/a", method: "PUT" },
      '{"protocol":"HTTP","URI":"http://sandbox.localdomain:1/logs/a","method":"PUT"}'
    ],
    [
      { protocol: "HTTP", port: 65_535, path: "/logs" },
      '{"protocol":"HTTP","URI":"http://sandbox.localdomain:65535/logs"}'
    ],
    [
      { protocol: "HTTP", uri: "http://sandbox:4243/x", method: "POST" },
      '{"protocol":"HTTP","URI":"http://sandbox:4243/x","method":"POST"}'
    ],
    [{ protocol: "TCP", port: 4243 }, '{"protocol":"TCP","port":4243}']
  ])("the destination %j is %s", ([destination, expected]) =>
    Effect.map(subscribe({ subscription: { destination } }), ({ sent }) => {
      assert.isTrue(sent[0]!.body.endsWith(`"destination":${expected}}`), sent[0]!.body)
    })
  )

  it.effect("case 82: the limits of buffering themselves are sent", () =>
    Effect.gen(function* () {
      const least = { maxItems: 1000, maxBytes: 262_144, timeout: "25 millis" } as const
      const most = { maxItems: 10_000, maxBytes: 1_048_576, timeout: "30 seconds" } as const
      for (const [buffering, expected] of [
        [least, '"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}'],
        [most, '"buffering":{"maxItems":10000,"maxBytes":1048576,"timeoutMs":30000}']
      ] as const) {
        assert.include((yield* subscribe({ subscription: { buffering } })).sent[0]?.body, expected)
      }
    })
  )
})

describe("refused before anything is sent", () => {
  it.effect.each<readonly [Partial<TelemetrySubscription.Subscription>, string]>([
    [{ types: [] }, "types is empty"],
    [{ types: ["platform", "function", "platform"] }, "must name each type once"],
    [{ buffering: { maxItems: 999 } }, "buffering.maxItems is 999, but must be a whole number between 1000 and 10000"],
    [{ buffering: { maxItems: 10_001 } }, "between 1000 and 10000"],
    [{ buffering: { maxItems: 1000.5 } }, "buffering.maxItems is 1000.5"],
    [{ buffering: { maxBytes: 262_143 } }, "buffering.maxBytes is 262143, but must be a whole number between 262144"],
    [{ buffering: { maxBytes: Number.NaN } }, "buffering.maxBytes is NaN"],
    [{ buffering: { maxBytes: 1_048_577 } }, "is 1048577, but must be a whole number between 262144 and 1048576"],
    [{ buffering: { timeout: 24 } }, "buffering.timeout in milliseconds is 24, but must be"],
    [{ buffering: { timeout: "30001 millis" } }, "between 25 and 30000"],
    [{ buffering: { timeout: "Infinity" } }, "buffering.timeout in milliseconds is Infinity"],
    [{ destination: { protocol: "HTTP", port: 9001 } }, "port 9001, which Lambda keeps for itself"],
    [{ destination: { protocol: "TCP", port: 9001 } }, "port 9001"],
    [{ destination: { protocol: "HTTP", uri: "http://sandbox.localdomain:9001/x" } }, "port 9001"],
    [{ destination: { protocol: "HTTP", uri: "http://sandbox.localdomain/a:1" } }, "must name a port"],
    [{ destination: { protocol: "HTTP", uri: "nothing" } }, '"nothing", but must name a port'],
    [{ destination: { protocol: "TCP", port: 0 } }, "destination.port is 0"],
    [{ destination: { protocol: "HTTP", port: 65_536 } }, "between 1 and 65535"]
  ])("%j", ([wrong, text]) =>
    Effect.gen(function* () {
      for (const api of ["telemetry", "logs"] as const) {
        const { error, requests } = yield* failure({ api, subscription: wrong })
        assert.strictEqual(requests, 0)
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, text)
        assert.isTrue(error.message.startsWith(`${api}: `))
        assert.isFalse(error.isRetryable)
      }
    })
  )

  it.effect("case 114: logs on managed instances", () =>
    Effect.gen(function* () {
      const { error, requests } = yield* failure({ api: "logs", initializationType: "lambda-managed-instances" })
      assert.strictEqual(requests, 0)
      assert.include(error.message, "no Logs API; subscribe with TelemetryApi")
    })
  )
})

describe("accepted", () => {
  const schemaVersion = "2025-01-29"
  it.effect.each<readonly [string, Answer, TelemetrySubscription.Outcome]>([
    ["case 73: OK", [200, '"OK"'], { _tag: "Subscribed", schemaVersion }],
    ["case 77: the same again", [200, '"AlreadySubscribed"'], { _tag: "AlreadySubscribed", schemaVersion }],
    ["JSON with a line break", [200, ' "AlreadySubscribed"\n'], { _tag: "AlreadySubscribed", schemaVersion }],
    ["a text that came later", [200, '"Welcome"'], { _tag: "Subscribed", schemaVersion }],
    ["no JSON", [200, "OK"], { _tag: "Subscribed", schemaVersion }],
    ["nothing", [200, ""], { _tag: "Subscribed", schemaVersion }],
    [
      "case 74: client reports not supported and continues",
      [202, '{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}\n'],
      { _tag: "NotSupported" }
    ],
    ["any 202", [202, '"OK"'], { _tag: "NotSupported" }]
  ])("%s", ([, answer, expected]) =>
    Effect.map(outcome({ answers: [answer] }), (actual) => assert.deepStrictEqual(actual, expected))
  )

  it.effect("case 111: client reports that logs are not supported and continues", () =>
    Effect.map(
      outcome({
        api: "logs",
        answers: [[202, '{"errorMessage":"Logs API is not supported","errorType":"Logs.NotSupported"}\n']]
      }),
      (actual) => assert.deepStrictEqual<unknown>(actual, { _tag: "NotSupported" })
    )
  )
})

describe("the schema version", () => {
  const tooOld = refusal("Telemetry.ValidationError", "TelemetryAPI only supports the SchemaVersion released after X")
  it.effect.each<readonly [string, Parameters<typeof subscribe>[0], ReadonlyArray<string>, string | undefined]>([
    [
      "falls back one version",
      {
        answers: [
          [400, unknownVersion("2025-01-29")],
          [200, '"OK"']
        ]
      },
      ["2025-01-29", "2022-12-13"],
      "2022-12-13"
    ],
    [
      "falls back to the oldest",
      {
        answers: [
          [400, unknownVersion("2025-01-29")],
          [400, tooOld],
          [200, '"AlreadySubscribed"']
        ]
      },
      ["2025-01-29", "2022-12-13", "2022-07-01"],
      "2022-07-01"
    ],
    ["ends with the last refusal", { answers: [[400, tooOld]] }, ["2025-01-29", "2022-12-13", "2022-07-01"], undefined],
    [
      "of logs falls back too",
      {
        api: "logs",
        answers: [
          [400, refusal("Logs.ValidationError", "LogsAPI only supports the following SchemaVersion: 2020-08-15")],
          [200, '"OK"']
        ]
      },
      ["2021-03-18", "2020-08-15"],
      "2020-08-15"
    ],
    [
      "is not tried again where it is pinned",
      { answers: [[400, unknownVersion("2099-01-01")]], subscription: { schemaVersion: "2099-01-01" } },
      ["2099-01-01"],
      undefined
    ],
    [
      "is not tried again on managed instances",
      { answers: [[400, tooOld]], initializationType: "lambda-managed-instances" },
      ["2025-01-29"],
      undefined
    ],
    [
      "is not blamed for another unknown variant",
      { answers: [[400, refusal("Telemetry.DeserializationError", "unknown variant `bogus`, expected one of")]] },
      ["2025-01-29"],
      undefined
    ],
    [
      "is not blamed for an unknown field beside it",
      {
        answers: [
          [400, refusal("Telemetry.DeserializationError", "unknown field `x`, expected one of `schemaVersion`")]
        ]
      },
      ["2025-01-29"],
      undefined
    ],
    [
      "is not blamed for another value",
      { answers: [[400, refusal("Telemetry.ValidationError", "maxItems should be between 1000 and 10000")]] },
      ["2025-01-29"],
      undefined
    ],
    [
      "is not blamed where subscriptions are closed",
      { answers: [[403, refusal("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")]] },
      ["2025-01-29"],
      undefined
    ],
    ["is not blamed for a 500", { answers: [[500, ""]] }, ["2025-01-29"], undefined]
  ])("%s", ([, options, versions, agreed]) =>
    Effect.gen(function* () {
      const { result, versions: tried } = yield* subscribe(options)
      assert.deepStrictEqual<ReadonlyArray<unknown>>(tried, versions)
      const schemaVersion =
        result._tag === "Success" && result.success._tag !== "NotSupported" ? result.success.schemaVersion : undefined
      assert.strictEqual(schemaVersion, agreed)
    })
  )
})

describe("any answer", () => {
  const Status = Schema.Literals([200, 201, 202, 400, 403, 404, 405, 500, 502])
  const Body = Schema.Union([
    Schema.String,
    Schema.Json,
    Schema.TemplateLiteral(['{"errorType": "', Schema.String, '", "errorMessage": "', Schema.String, '"}'])
  ])
  const text = (body: Schema.Json) => (typeof body === "string" ? body : JSON.stringify(body))
  it.effect.prop(
    "ends in an outcome or in a TelemetryApiError",
    [Schema.Literals(["telemetry", "logs"]), Status, Body],
    ([api, status, body]) =>
      Effect.map(subscribe({ api, answers: [[status, text(body)]] }), ({ result }) => {
        if (result._tag === "Success") return assert.isBelow(status, 203)
        assert.instanceOf(result.failure, TelemetryApiError.TelemetryApiError)
        assert.strictEqual(result.failure.method, api)
        return assert.isString(result.failure.message)
      })
  )
})
