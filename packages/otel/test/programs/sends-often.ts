#!/usr/bin/env node
/** The layer for OpenTelemetry, which lets records wait for a tenth of a second and not for five. */
import * as Extension from "@effect-lambda/extension/Extension"
import * as NodeExtension from "@effect-lambda/extension-node/NodeExtension"
import * as NodeTelemetry from "@effect-lambda/extension-node/NodeTelemetry"
import * as Otel from "@effect-lambda/otel/Otel"
import * as Effect from "effect/Effect"

const { onInvoke, telemetry } = Otel.make({ batch: { maxAge: "100 millis" } })

Extension.run({ onInvoke, telemetry }).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
