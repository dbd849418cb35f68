/** An extension that ships telemetry to `TELEMETRY_URL`. With each event it prints the modules of Node that it has loaded so far. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Console from "effect/Console"

import * as Effect from "effect/Effect"

const modules = (): ReadonlyArray<string> => {
  const list: unknown = Reflect.get(process, "moduleLoadList")
  return Array.isArray(list) ? list : []
}

const before = new Set(modules())

Extension.run({
  onInvoke: ({ requestId }) =>
    Console.log(
      `loaded until ${requestId}: ${modules()
        .filter((name) => !before.has(name))
        .join()}`
    ),
  telemetry: Telemetry.make({
    types: ["platform", "function"],
    sink: TelemetrySink.http({ url: process.env.TELEMETRY_URL ?? "", gzip: true }),
    strategy: FlushStrategy.endOfInvocation
  })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
