/** Sentry's extension, as it lies in its package on npm. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { functionFile, ofNpm, type Recipe } from "../Recipe.ts"

const version = "10.75.2"

const stops =
  "The loop of polls ends with the first one that fails, while the server on port 9000 keeps the process alive."

const forgets =
  "The SDK is answered with 200 before the send has ended; nothing sends the envelope again, and no line is printed."

export const sentry: Recipe = {
  name: "sentry",
  product: "@sentry/aws-serverless",
  version,
  page: "https://www.npmjs.com/package/@sentry/aws-serverless",
  registry: "npm",
  promise:
    "It takes the envelopes of Sentry's SDK on port 9000 of the environment, and sends them to Sentry. It registers for INVOKE and SHUTDOWN, and uses no telemetry.",
  settings:
    "`SENTRY_DSN` names the sink. The function sends its lines to port 9000 in an envelope, as the SDK does. The two files of `build/lambda-extension` are laid out as in Sentry's layer, and `index.mjs` gets the x bit that it has there.",
  prepare: (folder) =>
    Effect.map(ofNpm("@sentry/aws-serverless", version), (installed) => {
      const from = Path.join(installed, "build/lambda-extension")
      const layer = Path.join(folder, "layer")
      for (const name of ["extensions", "sentry-extension"]) Fs.mkdirSync(Path.join(layer, name), { recursive: true })
      for (const [file, to] of [
        ["sentry-extension", "extensions/sentry-extension"],
        ["index.mjs", "sentry-extension/index.mjs"]
      ] as const) {
        Fs.copyFileSync(Path.join(from, file), Path.join(layer, to))
        Fs.chmodSync(Path.join(layer, to), 0o755)
      }
      return layer
    }),
  args: ["--function", functionFile("sentry.mjs"), "--sink-env", "SENTRY_DSN=http://key@{host}/1"],
  confirmed: {
    "next/lost-poll": stops,
    "next/status-500": stops,
    "next/status-403": stops,
    "backend/down": forgets,
    "backend/hanging": forgets,
    "backend/status-401": forgets,
    "backend/back-again": forgets,
    "backend/dns-absent": forgets,
    "backend/dns-slow": forgets,
    "backend/blackholed-in-init": forgets
  }
}
