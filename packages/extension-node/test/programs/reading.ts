/** An extension that reads telemetry. With its first event it prints the modules of Node that its start has loaded. */
import { Extension, Telemetry } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const modules = (): ReadonlyArray<string> => Object(Reflect.get(process, "moduleLoadList"))

const before = new Set(modules())

Extension.run({
  onInvoke: () =>
    Console.log(
      `loaded: ${modules()
        .filter((name) => !before.has(name))
        .join()}`
    ),
  telemetry: Telemetry.stream((events) => Stream.runDrain(events), { types: ["platform"] })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
