/** Init with wrong variables, and the lines of the log at the start. */
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import type { Otel } from "@effect-lambda/otel"
import * as Effect from "effect/Effect"
import { run } from "./support/run.ts"

const script = [ExtensionTest.invoke(), ExtensionTest.shutdown()]

describe("init", () => {
  it.effect.each<readonly [string, Readonly<Record<string, string>>]>([
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", { EFFECT_LAMBDA_OTLP_ENDPOINT: "" }],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", { EFFECT_LAMBDA_OTLP_ENDPOINT: "otlp.example.com" }],
    ["EFFECT_LAMBDA_OTLP_PROTOCOL", { EFFECT_LAMBDA_OTLP_PROTOCOL: "grpc" }],
    ["EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT", { EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT: "2 seconds" }],
    ["EFFECT_LAMBDA_OTLP_HEADERS", { EFFECT_LAMBDA_OTLP_HEADERS: "s3cret" }],
    ["OTEL_TRACES_SAMPLER_ARG", { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "s3cret" }]
  ])("fails with the name of %s, and the function goes on without the extension", ([variable, env]) =>
    Effect.gen(function* () {
      const { messages, received } = yield* run({ script, env })
      const failed = messages.find((message) => message.includes("init failed; the extension idles from now on"))
      assert.include(failed ?? "", variable)
      assert.notInclude(messages.join("\n"), "s3cret")
      assert.strictEqual(received.length, 0)
    })
  )

  it.effect("says where telemetry goes and which invocations have spans, in one line", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({ script, env: { EFFECT_LAMBDA_OTLP_HEADERS: "api-key=s3cret" } })
      const said = messages.filter((message) => message.includes("OpenTelemetry:"))
      assert.strictEqual(said.length, 1)
      assert.match(
        String(said[0]),
        /^Info: OpenTelemetry: traces to otlp\.example\.com, metrics to otlp\.example\.com, logs to otlp\.example\.com\. Every invocation has spans/
      )
      assert.notInclude(messages.join("\n"), "s3cret")
    })
  )

  it.effect("says nothing of spans if they have no backend", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({ script, env: { EFFECT_LAMBDA_OTLP_TRACES_EXPORTER: "none" } })
      const said = messages.filter((message) => message.includes("OpenTelemetry:"))
      assert.deepStrictEqual(said, ["Info: OpenTelemetry: metrics to otlp.example.com, logs to otlp.example.com."])
    })
  )

  it.effect("says which signals have no endpoint", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script,
        env: {
          EFFECT_LAMBDA_OTLP_ENDPOINT: "",
          EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT: "https://otlp.example.com/v1/traces"
        }
      })
      assert.isTrue(messages.some((message) => message.includes("no endpoint is set for metrics and logs")))
    })
  )

  it.effect.each<readonly [string, Otel.Options, ReadonlyArray<string>]>([
    ["`platform` and `function` by default", {}, ["platform", "function"]],
    ["those of the option", { types: ["extension"] }, ["extension"]]
  ])("asks Lambda for the records: %s", ([, otel, types]) =>
    Effect.gen(function* () {
      const { journal } = yield* run({ script, otel })
      assert.deepStrictEqual(
        journal.flatMap((entry) => (entry._tag === "Subscribed" ? [entry.subscription.types] : [])),
        [types]
      )
    })
  )
})
