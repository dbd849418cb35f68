import { Extension, TelemetryReceiver } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import { gunzipSync } from "node:zlib"
import { telemetry } from "../src/extension.ts"

/** The records in a request; those of 1 KiB and more are gzipped. */
const linesOf = ({ body, headers }: HttpClientRequest) => {
  if (body._tag !== "Uint8Array") return []
  const bytes = headers["content-encoding"] === "gzip" ? gunzipSync(body.body) : body.body
  return new TextDecoder().decode(bytes).trim().split("\n")
}

// The test takes a quarter of a second of real time, since gzip does not wait for a test's clock.
it.live("ships what an invocation logged before it asks for the next event", () => {
  const script = [
    ExtensionTest.invoke({
      delivers: [
        TelemetryTest.delivery([
          TelemetryTest.start("request-1"),
          TelemetryTest.log("hello ".repeat(400)),
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
        for (const line of linesOf(request)) yield* test.note(`${request.url} ${JSON.parse(line).type}`)
        return HttpClientResponse.fromWeb(request, new Response())
      })
    )
    yield* Extension.run({
      layer: Layer.merge(TelemetryReceiver.layer(), Layer.succeed(HttpClient.HttpClient, endpoint)),
      telemetry
    })
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
