/**
 * A telemetry extension that comes up late: `LATE_MS` after its start. If the file `DIES_ONCE` names does not exist, the
 * program makes it and dies instead, before it listens.
 */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import process from "node:process"

const { DIES_ONCE = "", LATE_MS = "0", TELEMETRY_URL = "http://127.0.0.1:9" } = process.env

if (DIES_ONCE !== "" && !Fs.existsSync(DIES_ONCE)) {
  Fs.writeFileSync(DIES_ONCE, "")
  process.exit(1)
}

const extension = Extension.run({
  telemetry: Telemetry.make({ types: ["platform", "function"], sink: TelemetrySink.http({ url: TELEMETRY_URL }) })
})

Effect.sleep(Number(LATE_MS)).pipe(
  Effect.andThen(extension),
  Effect.provide(NodeTelemetry.layer),
  NodeExtension.runMain
)
