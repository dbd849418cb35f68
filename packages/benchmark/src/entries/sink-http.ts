#!/usr/bin/env node
/** Ships records as they came: the plain http sink. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

const sink = Effect.gen(function* () {
  return yield* TelemetrySink.http({ url: yield* Config.String("TELEMETRY_URL") })
})

// The benchmark sends the end of an invocation last, so there is nothing to wait for after it.
Extension.run({
  telemetry: Telemetry.make({ types: ["platform", "function"], sink, grace: 0 })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
