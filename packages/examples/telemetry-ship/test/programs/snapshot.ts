#!/usr/bin/env node
// Asks the backend in init, as for its configuration, and ships telemetry to it from the first invocation on.
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"

const { TELEMETRY_URL = "" } = process.env

const configuration = Layer.effectDiscard(Effect.flatMap(HttpClient.get(TELEMETRY_URL), (response) => response.text))

Extension.run({
  layer: configuration,
  telemetry: Telemetry.make({ types: ["platform"], sink: TelemetrySink.http({ url: TELEMETRY_URL }) })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
