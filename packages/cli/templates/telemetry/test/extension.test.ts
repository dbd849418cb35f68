import { Extension } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
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
    yield* Extension.run({ telemetry })
    const journal = yield* ExtensionTest.journal
    assert.deepStrictEqual(
      journal.flatMap((entry) => {
        if (entry._tag === "Next") return ["next"]
        return entry._tag === "Sent" ? linesOf(entry.request).map((line): string => JSON.parse(line).type) : []
      }),
      ["next", "platform.start", "function", "platform.runtimeDone", "next"]
    )
  }).pipe(
    Effect.provide([
      ExtensionTest.layer(script),
      ConfigProvider.layer(ConfigProvider.fromUnknown({ TELEMETRY_URL: "https://logs.example.com/" }))
    ])
  )
})
