import { Extension } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { telemetry } from "./extension.ts"

Extension.run({
  layer: Layer.merge(NodeTelemetry.layer({ types: ["platform", "function"] }), FetchHttpClient.layer),
  telemetry
}).pipe(NodeExtension.runMain)
