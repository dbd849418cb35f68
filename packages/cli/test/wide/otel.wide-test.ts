/** `effect-lambda build packages/otel` for every start and architecture of the runtimes that the registry has. */
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import { playOtel } from "../starts/otel.ts"

const rows = LayerConfig.runtimes
  .filter((runtime) => runtime !== "llrt")
  .flatMap((runtime) =>
    LayerConfig.starts
      // bun cannot take over the connection of the entry.
      .filter((start) => runtime !== "bun" || start === "ready")
      .map((start) => ({ runtime, start }))
  )

playOtel(rows, LayerConfig.architectures)
