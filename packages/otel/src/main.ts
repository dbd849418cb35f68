#!/usr/bin/env node
/** The ready-made layer: the telemetry of the function as OpenTelemetry, configured by variables alone. */
import * as Extension from "@effect-lambda/extension/Extension"
import * as NodeExtension from "@effect-lambda/extension-node/NodeExtension"
import * as NodeTelemetry from "@effect-lambda/extension-node/NodeTelemetry"
import * as Effect from "effect/Effect"
import * as Otel from "./Otel.ts"

const { onInvoke, telemetry } = Otel.make()

Extension.run({ onInvoke, telemetry }).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
