#!/usr/bin/env node
/** Ships telemetry to the endpoint in the variable `TELEMETRY_URL`, before the environment is frozen. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"

const sink = Effect.gen(function* () {
  // Variables of the function, which extensions share.
  const url = yield* Config.String("TELEMETRY_URL")
  const token = yield* Config.Redacted("TELEMETRY_TOKEN").pipe(Config.withDefault(undefined))
  return yield* TelemetrySink.http({
    url,
    gzip: true,
    headers: token === undefined ? {} : { authorization: token }
  })
})

Extension.run({
  layer: Layer.merge(NodeTelemetry.layer({ types: ["platform", "function"] }), FetchHttpClient.layer),
  telemetry: Telemetry.make({ sink, strategy: FlushStrategy.endOfInvocation })
}).pipe(NodeExtension.runMain)
