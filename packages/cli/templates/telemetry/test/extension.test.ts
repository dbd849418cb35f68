import { Extension, ExtensionTest, TelemetryReceiver, TelemetryTest } from "@effect-lambda/extension"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { telemetry } from "../src/extension.ts"

it.effect("ships what an invocation logged before it asks for the next event", () => {
  const script = [
    ExtensionTest.invoke({
      delivers: [
        TelemetryTest.delivery([
          TelemetryTest.start("request-1"),
          TelemetryTest.log("hello"),
          TelemetryTest.runtimeDone("request-1")
        ])
      ]
    }),
    ExtensionTest.shutdown()
  ]
  return Effect.gen(function* () {
    // An endpoint that takes everything, and writes what it took into the journal.
    const test = yield* ExtensionTest.ExtensionTest
    const endpoint = HttpClient.make((request) =>
      Effect.gen(function* () {
        const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        for (const line of body.trim().split("\n")) yield* test.note(`${request.url} ${JSON.parse(line).type}`)
        return HttpClientResponse.fromWeb(request, new Response())
      })
    )
    const running = yield* Effect.forkChild(
      Extension.run({
        layer: Layer.merge(TelemetryReceiver.layer(), Layer.succeed(HttpClient.HttpClient, endpoint)),
        telemetry
      })
    )
    // At SHUTDOWN it waits for what may still arrive.
    yield* TestClock.adjust("2 seconds")
    yield* Fiber.join(running)
    const journal = yield* ExtensionTest.journal
    assert.deepStrictEqual(
      journal.flatMap((entry) => (entry._tag === "Note" ? [entry.text] : entry._tag === "Next" ? ["next"] : [])),
      [
        "next",
        "https://logs.example.com/ platform.start",
        "https://logs.example.com/ function",
        "https://logs.example.com/ platform.runtimeDone",
        "next"
      ]
    )
  }).pipe(
    Effect.provide([
      ExtensionTest.layer(script),
      ConfigProvider.layer(ConfigProvider.fromUnknown({ TELEMETRY_URL: "https://logs.example.com/" }))
    ])
  )
})
