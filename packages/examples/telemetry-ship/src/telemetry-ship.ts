#!/usr/bin/env node
/** Ships telemetry to the endpoint in the variable `TELEMETRY_URL`, before the environment is frozen. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

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
  telemetry: Telemetry.make({ types: ["platform", "function"], sink, strategy: FlushStrategy.endOfInvocation })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
