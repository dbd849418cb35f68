/** `effect-lambda build packages/otel` for LLRT. */
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { playOtel } from "../starts/otel.ts"

playOtel(
  LayerConfig.starts.map((start) => ({ runtime: "llrt", start })),
  [process.arch === "arm64" ? "arm64" : "x64"]
)
