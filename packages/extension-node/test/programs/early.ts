/** A program that fails before it has called Lambda, by a missing variable or by a defect. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

const prepared = process.env.PROBE === "defect" ? Effect.die(new Error("a bug")) : Config.String("BACKEND_URL")

Effect.flatMap(prepared, (url) => Extension.run({ onInvoke: () => Effect.log(url) })).pipe(
  NodeExtension.runMain({ onInitFailure: process.env.PROBE === "exit" ? "exit" : undefined })
)
