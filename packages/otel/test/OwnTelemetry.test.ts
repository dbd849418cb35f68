/** The spans and metrics of the extension itself: they leave before next, and a backend that hangs holds next for half a second. */
import { Extension } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { OwnTelemetry } from "@effect-lambda/otel"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"

const env = {
  EFFECT_LAMBDA_OTLP_ENDPOINT: "https://otlp.example.com",
  EFFECT_LAMBDA_OTLP_PROTOCOL: "http/json",
  EFFECT_LAMBDA_OTLP_HEADERS: "api-key=s3cret"
}

/** Runs one invocation whose handler has a span; `hangs`: nothing is answered. */
const run = Effect.fnUntraced(function* (hangs: boolean, variables: Readonly<Record<string, string>> = env) {
  const client = HttpClient.make((request) =>
    Effect.gen(function* () {
      yield* ExtensionTest.note(`${new URL(request.url).pathname} ${String(request.headers["api-key"])}`)
      return hangs ? yield* Effect.never : HttpClientResponse.fromWeb(request, new Response(null, { status: 200 }))
    }).pipe(Effect.provideService(ExtensionTest.ExtensionTest, test))
  )
  const test = yield* ExtensionTest.ExtensionTest
  const extension = Extension.run({
    layer: Layer.provide(OwnTelemetry.layer, Layer.succeed(HttpClient.HttpClient, client)),
    onInvoke: () => Effect.ensuring(Effect.withSpan(Effect.void, "work"), OwnTelemetry.flush)
  }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...variables } })))
  const fiber = yield* Effect.forkChild(Effect.exit(extension))
  yield* TestClock.adjust("5 seconds")
  assert.isDefined(fiber.pollUnsafe())
  yield* Fiber.join(fiber)
  return (yield* ExtensionTest.journal).filter(({ _tag }) => _tag === "Note" || _tag === "Next" || _tag === "InitError")
})

const script = ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])

describe("the telemetry of the extension itself", () => {
  it.effect("is sent with the headers of the variables, between the handler and next", () =>
    Effect.gen(function* () {
      const words = (yield* run(false)).map((entry) => (entry._tag === "Note" ? entry.text : entry._tag))
      assert.deepStrictEqual([words[0], words.lastIndexOf("Next")], ["Next", 3])
      assert.sameMembers(words.slice(1, 3), ["/v1/traces s3cret", "/v1/metrics s3cret"])
    }).pipe(Effect.provide(script))
  )

  it.effect("holds next for half a second at most", () =>
    Effect.gen(function* () {
      const nexts = (yield* run(true)).filter(({ _tag }) => _tag === "Next")
      assert.strictEqual((nexts[1]?.at ?? 0) - (nexts[0]?.at ?? 0), 500)
    }).pipe(Effect.provide(script))
  )

  it.effect("has no exporter for a signal that is switched off", () =>
    Effect.gen(function* () {
      const off = { ...env, EFFECT_LAMBDA_OTLP_METRICS_EXPORTER: "none" }
      const words = (yield* run(false, off)).map((entry) => (entry._tag === "Note" ? entry.text : entry._tag))
      assert.deepStrictEqual(words.slice(0, 3), ["Next", "/v1/traces s3cret", "Next"])
    }).pipe(Effect.provide(script))
  )
})
