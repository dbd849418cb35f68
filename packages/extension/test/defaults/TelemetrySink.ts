/** The defaults of an HTTP sink. */
import { TelemetryTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { batch, endpoint, http, ndjson, sent } from "../telemetry/httpSink.ts"
import type { Default } from "./Default.ts"

export const defaults: ReadonlyArray<Default> = [
  {
    module: "TelemetrySink",
    option: "name",
    standard: "`http`",
    shows: Effect.map(http({}, endpoint(200).client), ({ name }) => assert.strictEqual(name, "http"))
  },
  {
    module: "TelemetrySink",
    option: "format",
    standard: "`ndjson`",
    shows: Effect.map(sent({}), (request) => {
      assert.strictEqual(request.headers["content-type"], "application/x-ndjson")
      assert.strictEqual(request.body._tag === "Uint8Array" && new TextDecoder().decode(request.body.body), ndjson)
    })
  },
  {
    module: "TelemetrySink",
    option: "gzip",
    standard: "false",
    shows: Effect.gen(function* () {
      const large = { ...batch, events: [TelemetryTest.log("x".repeat(2000))] }
      assert.isUndefined((yield* sent({}, large)).headers["content-encoding"])
      assert.strictEqual((yield* sent({ gzip: true }, large)).headers["content-encoding"], "gzip")
    })
  }
]
