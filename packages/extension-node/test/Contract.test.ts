/** What ExtensionsApi promises, over four HTTP clients: our two, the platform's over node:http, and fetch. */
import {
  type ExtensionError,
  ExtensionsApi,
  ExtensionsProtocol,
  type Registration,
  TelemetryApi
} from "@effect-lambda/extension"
import { BunHttpClient, LambdaHttpClient } from "@effect-lambda/extension-node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { type Answer, http, makeServer, type Received, reset } from "./support/RawServer.ts"

const clients = [
  ["our client", LambdaHttpClient.layer],
  // On the fetch of Node: what bun alone does with it is shown by NodeExtension.test.ts.
  ["our client for bun", BunHttpClient.layer],
  ["layerNodeHttp", NodeHttpClient.layerNodeHttp],
  ["fetch", FetchHttpClient.layer]
] as const

const json = { "Content-Type": "application/json" }
const id = "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11"
const registerBody = '{"accountId":"123456789012","functionName":"f","functionVersion":"$LATEST","handler":"h"}\n'
const registered = http("200 OK", registerBody, { ...json, "Lambda-Extension-Identifier": id })
const ok = http("202 Accepted", '{"status":"OK"}\n', json)
const refusal = (errorType: string, errorMessage: string, status = "403 Forbidden") =>
  http(status, `${JSON.stringify({ errorMessage, errorType })}\n`, json)

const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "$LATEST",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: id,
  events: ["INVOKE", "SHUTDOWN"]
}
const report = { errorMessage: "m", errorType: "Extension.ConfigInvalid", stackTrace: [] }

describe.each(clients)("over %s", (_, client) => {
  const withServer = <A, E>(
    answer: Answer | ((request: Received) => Answer),
    use: (api: ExtensionsApi.ExtensionsApi["Service"], received: ReadonlyArray<Received>) => Effect.Effect<A, E>
  ) =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer((request) =>
        typeof answer === "function" ? answer(request) : answer
      )
      const context = yield* Layer.build(client)
      const api = yield* ExtensionsApi.make({ runtimeApi: host, extensionName: "a" }).pipe(
        Effect.provideContext(context)
      )
      return yield* use(api, received)
    })

  it.live("cases 1, 2, 16: register", () =>
    withServer(registered, (api, received) =>
      Effect.gen(function* () {
        const result = yield* api.register({ events: ["INVOKE", "SHUTDOWN"] })
        assert.deepStrictEqual(result, { ...registration, accountId: "123456789012" })
        const { events } = yield* api.register({ events: [] })
        assert.deepStrictEqual(events, [])
        assert.deepInclude(received[0], {
          method: "POST",
          url: ExtensionsProtocol.registerEndpoint,
          body: '{"events":["INVOKE","SHUTDOWN"]}'
        })
        assert.strictEqual(received[0]!.headers["lambda-extension-name"], "a")
        assert.strictEqual(received[0]!.headers["lambda-extension-accept-feature"], "accountId")
        assert.strictEqual(received[1]!.body, '{"events":[]}')
      })
    )
  )

  it.live("a register answer without accountId and with an empty handler", () =>
    withServer(
      http("200 OK", '{"functionName":"f","functionVersion":"1","handler":""}\n', {
        "Lambda-Extension-Identifier": id
      }),
      (api) =>
        Effect.map(api.register({ events: [] }), (result) => {
          assert.strictEqual(result.handler, "")
          assert.isFalse("accountId" in result)
        })
    )
  )

  it.live("case 28: INVOKE", () =>
    withServer(
      http(
        "200 OK",
        '{"eventType":"INVOKE","deadlineMs":1767225600000,"requestId":"r","invokedFunctionArn":"arn","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}',
        { ...json, "Lambda-Extension-Event-Identifier": id }
      ),
      (api, received) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* api.nextEvent(registration), {
            eventType: "INVOKE",
            deadlineMs: 1_767_225_600_000,
            requestId: "r",
            invokedFunctionArn: "arn",
            tracing: { type: "X-Amzn-Trace-Id", value: "Root=1" }
          })
          assert.deepInclude(received[0], { method: "GET", url: ExtensionsProtocol.eventEndpoint })
          assert.strictEqual(received[0]!.headers["lambda-extension-identifier"], id)
        })
    )
  )

  it.live("case 31: SHUTDOWN is text/plain without an event identifier", () =>
    withServer(
      http("200 OK", '{"eventType":"SHUTDOWN","deadlineMs":1,"shutdownReason":"spindown"}', {
        "Content-Type": "text/plain; charset=utf-8"
      }),
      (api) =>
        Effect.map(api.nextEvent(registration), (event) => {
          assert.deepStrictEqual(event, { eventType: "SHUTDOWN", deadlineMs: 1, shutdownReason: "spindown" })
        })
    )
  )

  it.live("case 37: init/error and exit/error", () =>
    withServer(ok, (api, received) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* api.initError(registration, report), { status: "OK" })
        assert.deepStrictEqual(yield* api.exitError(registration, report), { status: "OK" })
        assert.deepStrictEqual(
          received.map(({ body, method, url }) => ({ body, method, url })),
          [
            { method: "POST", url: ExtensionsProtocol.initErrorEndpoint, body: JSON.stringify(report) },
            { method: "POST", url: ExtensionsProtocol.exitErrorEndpoint, body: JSON.stringify(report) }
          ]
        )
        assert.strictEqual(received[0]!.headers["lambda-extension-function-error-type"], "Extension.ConfigInvalid")
      })
    )
  )

  it.live("cases 73, 74: subscribing to telemetry", () =>
    Effect.gen(function* () {
      const answers = [
        http("200 OK", '"OK"', json),
        http("202 Accepted", '{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}\n')
      ]
      const { host, received } = yield* makeServer(() => answers.shift() ?? reset)
      const context = yield* Layer.build(client)
      const { subscribe } = yield* TelemetryApi.make({ runtimeApi: host, initializationType: "on-demand" }).pipe(
        Effect.provideContext(context)
      )
      const subscription = { types: ["platform"], destination: { protocol: "TCP", port: 4243 } } as const
      assert.deepStrictEqual(yield* subscribe(registration, subscription), {
        _tag: "Subscribed",
        schemaVersion: "2025-01-29"
      })
      assert.deepStrictEqual(yield* subscribe(registration, subscription), { _tag: "NotSupported" })
      assert.deepInclude(received[0], {
        method: "PUT",
        url: "/2022-07-01/telemetry",
        body:
          '{"schemaVersion":"2025-01-29","types":["platform"],"buffering":{"maxItems":1000,"maxBytes":1048576,' +
          '"timeoutMs":25},"destination":{"protocol":"TCP","port":4243}}'
      })
      assert.strictEqual(received[0]!.headers["lambda-extension-identifier"], id)
    })
  )

  const register = (api: ExtensionsApi.ExtensionsApi["Service"]) => api.register({ events: ["INVOKE"] })
  const next = (api: ExtensionsApi.ExtensionsApi["Service"]) => api.nextEvent(registration)
  const initError = (api: ExtensionsApi.ExtensionsApi["Service"]) => api.initError(registration, report)
  const invalidState = (from: string, to: string) =>
    refusal(
      "Extension.InvalidExtensionState",
      `State transition from ${from} to ${to} failed for extension a. Error: State transition is not allowed`
    )

  it.live.each([
    [3, register, refusal("Extension.InvalidExtensionName", "Empty extension name"), "base name of its file"],
    [4, register, refusal("InvalidRequestFormat", "unexpected end of JSON input"), "request body"],
    [8, register, refusal("Extension.InvalidEventType", "invoke: ErrorInvalidEventType"), "in capitals"],
    [
      10,
      register,
      refusal("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"),
      "internal extension"
    ],
    [11, register, invalidState("Registered", "Registered"), "registered already"],
    [
      12,
      register,
      refusal("Extension.InvalidExtensionState", "Extension with this name already registered"),
      "does not fit"
    ],
    [13, register, refusal("Extension.RegistrationClosed", "Extension registration closed already"), "first next"],
    [15, register, refusal("Extension.TooManyExtensions", "Extension limit (10) reached"), "ten extensions"],
    [20, register, refusal("Extension.InvalidEventType", "INVOKE: ErrorInvalidEventType"), "Managed instances"],
    [
      25,
      next,
      refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
      "register answer"
    ],
    [
      26,
      next,
      refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
      "register answer"
    ],
    [27, next, refusal("Extension.UnknownExtensionIdentifier", `Unknown extension ${id}`), "register anew"],
    [33, next, invalidState("Ready", "Ready"), "one next at a time"],
    [35, next, invalidState("InitError", "Ready"), "does not fit"],
    [39, initError, refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"), "errorType"],
    [
      40,
      initError,
      refusal("Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier"),
      "register anew"
    ],
    [42, initError, invalidState("Running", "InitError"), "only before the first next"]
  ] as const)("case %s: a refusal is Rejected and says what to do", ([_case, call, answer, hint]) =>
    withServer(answer, (api) =>
      Effect.map(Effect.flip<object, ExtensionError.ExtensionsApiError, never>(call(api)), (error) => {
        assert.strictEqual(error.reason._tag, "Rejected")
        assert.isFalse(error.isRetryable)
        assert.include(error.message, hint)
      })
    )
  )

  const errors: ReadonlyArray<readonly [string, Answer, ExtensionError.ExtensionsApiErrorReason["_tag"]]> = [
    ["a 500", refusal("InternalServerError", "Internal Server Error", "500 Internal Server Error"), "Rejected"],
    ["fields in the other order", http("403 Forbidden", '{"errorType":"t","errorMessage":"m"}', json), "Rejected"],
    ["404 text", http("404 Not Found", "404 page not found\n"), "UnexpectedStatus"],
    ["an empty 404 (case 24)", http("404 Not Found", ""), "UnexpectedStatus"],
    [
      "HTML with 502",
      http("502 Bad Gateway", "<html>bad gateway</html>", { "Content-Type": "text/html" }),
      "UnexpectedStatus"
    ],
    ["HTML with 200", http("200 OK", "<html>hello</html>", { "Content-Type": "text/html" }), "InvalidResponse"],
    ["an empty body", http("200 OK", ""), "InvalidResponse"],
    ["truncated JSON", http("200 OK", '{"eventType":"INVOKE","deadl', json), "InvalidResponse"],
    ["JSON of another shape", http("200 OK", '{"eventType":"INVOKE"}', json), "InvalidResponse"],
    ["a 202 where 200 is promised", http("202 Accepted", '{"status":"OK"}\n', json), "UnexpectedStatus"],
    ["a reset connection", reset, "Unreachable"],
    [
      "a body shorter than promised",
      { ...http("200 OK", '{"eventType"', { "Content-Length": "99" }), afterwards: "reset" },
      "Unreachable"
    ]
  ]

  it.live.each(errors)("%s is %s", ([, answer, tag]) =>
    withServer(answer, (api) =>
      Effect.map(Effect.flip(api.nextEvent(registration)), (error) => assert.strictEqual(error.reason._tag, tag))
    )
  )

  it.live("a refused connection is Unreachable and retryable", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(client)
      const { host } = yield* Effect.scoped(makeServer(() => ok))
      const api = yield* ExtensionsApi.make({ runtimeApi: host, extensionName: "a" }).pipe(
        Effect.provideContext(context)
      )
      const error = yield* Effect.flip(api.register({ events: [] }))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.isTrue(error.isRetryable)
      assert.include(error.message, host)
    })
  )

  it.live("a register answer without the identifier header is InvalidResponse", () =>
    withServer(http("200 OK", registerBody, json), (api) =>
      Effect.map(Effect.flip(api.register({ events: [] })), (error) => {
        assert.strictEqual(error.reason._tag, "InvalidResponse")
        assert.include(error.message, "Lambda-Extension-Identifier")
      })
    )
  )

  it.live.each(["a\nb", "a\u0000", "日本"])("the name %j cannot be a header: InvalidRequest, nothing sent", (name) =>
    withServer(registered, (api, received) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(api.register({ name, events: [] }))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        const reported = yield* Effect.flip(api.exitError(registration, { ...report, errorType: name }))
        assert.strictEqual(reported.reason._tag, "InvalidRequest")
        assert.lengthOf(received, 0)
      })
    )
  )

  it.live("a body in many chunks that split multi-byte characters", () => {
    const requestId = "żółw-🐢-日本"
    const body = Buffer.from(JSON.stringify({ eventType: "INVOKE", deadlineMs: 1, requestId, invokedFunctionArn: "a" }))
    const bytes = Array.from(body, (byte) => Uint8Array.of(byte))
    return withServer(http("200 OK", bytes, json), (api) =>
      Effect.map(api.nextEvent(registration), (event) => {
        assert.isTrue(event.eventType === "INVOKE" && event.requestId === requestId)
      })
    )
  })
})
