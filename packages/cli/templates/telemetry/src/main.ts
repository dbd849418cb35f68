import { Extension } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import { telemetry } from "./extension.ts"

Extension.run({ telemetry }).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
