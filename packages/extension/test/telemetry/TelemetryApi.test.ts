/** Subscribing to telemetry and to logs, over a transport in memory: what is sent, and what each answer means. */
import {
  LogsApi,
  type Registration,
  TelemetryApi,
  TelemetryApiError,
  type TelemetrySubscription
} from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"

const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "$LATEST",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11",
  events: ["INVOKE"]
}
const subscription: TelemetrySubscription.Subscription = {
  types: ["platform", "function"],
  destination: { protocol: "HTTP", port: 4243 }
}

interface Sent {
  readonly request: HttpClientRequest
  readonly body: string
}

type Answer = readonly [status: number, body: string]

const apis = { telemetry: TelemetryApi.make, logs: LogsApi.make }

/** Subscribes; the answers come in order, the last one again and again. */
const subscribe = (
  options: {
    readonly api?: "telemetry" | "logs"
    readonly answers?: ReadonlyArray<Answer>
    readonly subscription?: Partial<TelemetrySubscription.Subscription>
    readonly initializationType?: string
  } = {}
) =>
  Effect.gen(function* () {
    const sent: Array<Sent> = []
    const answers = options.answers ?? [[200, '"OK"']]
    const client = HttpClient.make((request) =>
      Effect.sync(() => {
        const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        sent.push({ request, body })
        const [status, text] = answers[Math.min(sent.length, answers.length) - 1]!
        return HttpClientResponse.fromWeb(request, new Response(text, { status }))
      })
    )
    const api = yield* apis[options.api ?? "telemetry"]({
      runtimeApi: "lambda:9001",
      initializationType: options.initializationType ?? "on-demand"
    }).pipe(Effect.provideService(HttpClient.HttpClient, client))
    const result = yield* Effect.result(api.subscribe(registration, { ...subscription, ...options.subscription }))
    const versions: ReadonlyArray<unknown> = sent.map(({ body }) => JSON.parse(body).schemaVersion)
    return { result, sent, versions }
  })

const outcome = (options: Parameters<typeof subscribe>[0]) =>
  Effect.map(subscribe(options), ({ result }) => (result._tag === "Success" ? result.success : result.failure.message))

const failure = (options: Parameters<typeof subscribe>[0]) =>
  Effect.map(subscribe(options), ({ result, sent }) => {
    if (result._tag === "Success") throw new Error(`subscribed: ${result.success._tag}`)
    return { error: result.failure, requests: sent.length }
  })

const refusal = (errorType: string, errorMessage: string) => JSON.stringify({ errorType, errorMessage })
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

describe("refused by Lambda, with advice", () => {
  const otherApi = (other: string) =>
    `The extension a is already subscribed to the ${other}. You must either subscribe to the LogsAPI or the TelemetryAPI`
  it.effect.each<readonly [string, "telemetry" | "logs", number, string, string, string]>([
    [
      "case 79",
      "telemetry",
      400,
      "Telemetry.AccessDenied",
      otherApi("LogsAPI"),
      "only the API that it subscribed to first"
    ],
    ["case 79", "logs", 400, "Logs.AccessDenied", otherApi("TelemetryAPI"), "only the API that it subscribed to first"],
    [
      "case 80",
      "telemetry",
      400,
      "Telemetry.DeserializationError",
      "unknown variant `2099-01-01`, expected one of",
      "does not know"
    ],
    [
      "case 81",
      "telemetry",
      400,
      "Telemetry.ValidationError",
      "TelemetryAPI only supports the SchemaVersion released after 2021-03-18",
      "leave schemaVersion out"
    ],
    [
      "case 113",
      "logs",
      400,
      "Logs.ValidationError",
      "LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18",
      "the Logs API 2020-08-15"
    ],
    [
      "case 82",
      "telemetry",
      400,
      "Telemetry.ValidationError",
      "timeoutMs should be between 25 and 30000",
      "the field or value that the message names"
    ],
    [
      "case 83",
      "telemetry",
      400,
      "Telemetry.DeserializationError",
      "unknown variant `bogus`, expected one of",
      "does not know"
    ],
    [
      "case 83",
      "telemetry",
      400,
      "Telemetry.ValidationError",
      "Unrecognized enum variant",
      "pick events by their type"
    ],
    [
      "case 84",
      "telemetry",
      403,
      "Telemetry.AccessDenied",
      "Only 'sandbox.localdomain' hostname is supported.",
      "http://sandbox.localdomain:<port>"
    ],
    ["case 84", "telemetry", 403, "Telemetry.AccessDenied", "Only 'http' scheme is supported.", "use http"],
    [
      "case 85",
      "telemetry",
      400,
      "Telemetry.DeserializationError",
      "unknown variant `GET`, expected `POST` or `PUT` at line 1 column 9",
      "does not know"
    ],
    [
      "case 86",
      "telemetry",
      400,
      "Telemetry.DeserializationError",
      "unknown field `extensionName`, expected one of `schemaVersion`, `types`, `buffering`, `destination`",
      "a field or a value"
    ],
    [
      "no port",
      "telemetry",
      400,
      "ValidationError",
      "URI port is not provided",
      "the field or value that the message names"
    ],
    ["case 75", "telemetry", 403, "Extension.UnknownExtensionIdentifier", "Unknown extension x", "register again"],
    ["no identifier", "logs", 403, "Extension.MissingExtensionIdentifier", "Missing header", "register answer"],
    [
      "case 76",
      "telemetry",
      403,
      "Telemetry.SubscriptionClosed",
      "Telemetry API subscription is closed already",
      "between register and the first next"
    ],
    [
      "closed",
      "logs",
      403,
      "Logs.SubscriptionClosed",
      "Logs API subscription is closed already",
      "between register and the first next"
    ],
    ["case 89", "telemetry", 500, "InternalServerError", "Internal Server Error", "subscribed already"]
  ])("%s, %s %i %s", ([, api, status, errorType, errorMessage, hint]) =>
    Effect.gen(function* () {
      const bodies = [refusal(errorType, errorMessage), `${JSON.stringify({ errorMessage, errorType })}\n`]
      for (const body of bodies) {
        const { error } = yield* failure({ api, answers: [[status, body]], subscription: { schemaVersion: "x" } })
        assert.isTrue(
          error.reason._tag === "SubscriptionRefused" &&
            error.reason.status === status &&
            error.reason.errorType === errorType &&
            error.reason.errorMessage === errorMessage
        )
        assert.isTrue(error.message.startsWith(`${api}: refused with ${status} ${errorType}: ${errorMessage}`))
        assert.include(error.message, hint)
        assert.strictEqual(error.isRetryable, status === 500)
      }
    })
  )

  const lmi = (text: string) => `{"errorType": "ValidationError", "errorMessage": "${text}"}`
  it.effect.each<readonly [string, string, string]>([
    [
      "case 87",
      `schema validation error: jsonschema: '' does not validate:\n missing "types"`,
      "schema validation error"
    ],
    [
      "a version",
      `schema validation error: jsonschema: '/schemaVersion' does not validate: value must be "2025-01-29"`,
      "leave schemaVersion out"
    ],
    [
      "case 88",
      "Invalid destination: could not TCP dial provided address 127.0.0.1:1: connection refused",
      "Bind the listener"
    ],
    ["not JSON", "failed to parse JSON: invalid character 'x'", "failed to parse JSON"]
  ])("%s on managed instances, JSON or not", ([, text, hint]) =>
    Effect.gen(function* () {
      const { error, requests } = yield* failure({
        answers: [[400, lmi(text)]],
        initializationType: "lambda-managed-instances"
      })
      assert.strictEqual(requests, 1)
      assert.strictEqual(error.reason._tag, "SubscriptionRefused")
      assert.include(error.message, text)
      assert.include(error.message, hint)
    })
  )

  it.effect.each<readonly [string, number, string]>([
    ["404 text", 404, "404 page not found\n"],
    ["extensions switched off", 404, ""],
    ["a proxy", 502, "<html>bad gateway</html>"],
    ["truncated JSON", 400, '{"errorType":"Telem'],
    ["JSON of another shape", 400, "[1]"],
    ["another success", 206, ""]
  ])("%s is an unexpected status", ([, status, body]) =>
    Effect.gen(function* () {
      const { error } = yield* failure({ answers: [[status, body]] })
      assert.strictEqual(error.reason._tag, "UnexpectedStatus")
    })
  )

  it.effect("no answer is Unreachable and retryable", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: new Error("refused") })
          })
        )
      )
      const api = yield* TelemetryApi.make({ runtimeApi: "lambda", initializationType: "on-demand" }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      const error = yield* Effect.flip(api.subscribe(registration, subscription))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.isTrue(error.isRetryable)
    })
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
