#!/usr/bin/env node
/** The telemetry-ship example over the `fetch` of its runtime. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"

const sink = Effect.gen(function* () {
  return yield* TelemetrySink.http({ url: yield* Config.String("TELEMETRY_URL"), gzip: true })
})

Extension.run({
  layer: FetchHttpClient.layer,
  telemetry: Telemetry.make({ types: ["platform", "function"], sink, strategy: FlushStrategy.endOfInvocation })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
