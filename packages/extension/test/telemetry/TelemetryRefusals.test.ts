/** A subscription that Lambda refuses: each refusal comes with advice. */
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import { registration, subscription, failure, refusal } from "./subscribing.ts"

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
      "Leave schemaVersion out"
    ],
    [
      "case 113",
      "logs",
      400,
      "Logs.ValidationError",
      "LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18",
      "The Logs API has 2020-08-15"
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
      "Leave schemaVersion out"
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
