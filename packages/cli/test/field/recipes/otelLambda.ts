/** The extension of the project lambda-observability, as a program of its crate. */
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { functionFile, layerOf, type Recipe, tool } from "../Recipe.ts"

const crate = "opentelemetry-lambda-extension"
const version = "0.2.0"

const ends = "The first error of a poll ends its event loop, and the program with it."

export const otelLambda: Recipe = {
  name: "otel-lambda",
  product: crate,
  version,
  page: `https://crates.io/crates/${crate}`,
  registry: "crates.io",
  promise:
    "It takes OTLP from the function on port 4318 and platform telemetry on port 9999, and exports both before the environment is frozen. Its final flush is bounded by the deadline of SHUTDOWN.",
  settings:
    "`LAMBDA_OTEL_EXPORTER_ENDPOINT` names the sink, and `LAMBDA_OTEL_EXPORTER_COMPRESSION` is `none`. The function sends its lines to port 4318 as records of OTLP, and says that the handler is done, as the wrappers of the project do.",
  prepare: (folder) =>
    Effect.map(
      tool(
        "cargo",
        ["install", "--locked", "--root", folder, "--target-dir", "target", "--version", version, crate],
        folder
      ),
      () => layerOf(folder, Path.join(folder, "bin", crate))
    ),
  args: [
    "--function",
    functionFile("otlp.mjs"),
    "--sink-env",
    "LAMBDA_OTEL_EXPORTER_ENDPOINT",
    "--env",
    "LAMBDA_OTEL_EXPORTER_COMPRESSION=none"
  ],
  confirmed: { "next/lost-poll": ends, "next/status-403": ends }
}
