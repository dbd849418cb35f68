import { Extension } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { otel } from "../src/extension.ts"

const variables = {
  // Lambda sets the first two.
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
  AWS_REGION: "eu-central-1",
  EFFECT_LAMBDA_OTLP_ENDPOINT: "https://otlp.example.com",
  EFFECT_LAMBDA_OTLP_PROTOCOL: "http/json",
  // The test has no function with an SDK.
  EFFECT_LAMBDA_OTLP_RECEIVER: "false"
}

// Real time, since answers of the backend do not come in that of a test's clock.
it.live("sends a span and the logs of an invocation before it asks for the next event, without secrets", () => {
  const script = [
    ExtensionTest.invoke({
      delivers: [
        TelemetryTest.delivery([
          TelemetryTest.start("request-1"),
          TelemetryTest.log('{"level":"INFO","message":"Ada signs in","password":"s3cret"}'),
          TelemetryTest.log("health check"),
          TelemetryTest.runtimeDone("request-1")
        ])
      ]
    }),
    ExtensionTest.shutdown()
  ]
  return Effect.gen(function* () {
    yield* Extension.run(otel)
    const journal = yield* ExtensionTest.journal
    const sent = journal.flatMap((entry) => {
      if (entry._tag !== "Sent" || entry.request.body._tag !== "Uint8Array") return []
      return [{ url: entry.request.url, text: new TextDecoder().decode(entry.request.body.body) }]
    })
    const textOf = (signal: string) =>
      sent
        .filter(({ url }) => url.endsWith(signal))
        .map(({ text }) => text)
        .join("\n")
    assert.include(textOf("/v1/traces"), '"stringValue":"request-1"')
    assert.include(textOf("/v1/metrics"), "faas.invocations")
    assert.include(textOf("/v1/logs"), "Ada signs in")
    assert.include(textOf("/v1/logs"), "[REDACTED]")
    assert.notInclude(textOf("/v1/logs"), "s3cret")
    assert.notInclude(textOf("/v1/logs"), "health check")
    const order = journal.flatMap(({ _tag }) => (_tag === "Sent" || _tag === "Next" ? [_tag] : []))
    assert.deepStrictEqual([order[0], order[1], order.at(-1)], ["Next", "Sent", "Next"])
  }).pipe(Effect.provide([ExtensionTest.layer(script), ConfigProvider.layer(ConfigProvider.fromUnknown(variables))]))
})
