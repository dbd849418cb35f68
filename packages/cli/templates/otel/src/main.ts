import { Extension } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import { otel } from "./extension.ts"

Extension.run(otel).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
