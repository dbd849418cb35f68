/** `effect-lambda dev`: builds a layer and runs it beside a function, again at every change. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { flags, type Input } from "../dev/DevFlags.ts"

// Commands that need no emulator start without it.
const run = (input: Input) =>
  Effect.flatMap(
    Effect.promise(() => import("../dev/Dev.ts")),
    (module) => module.run(input)
  )

export const dev = Command.make("dev", flags, run).pipe(
  Command.withShortDescription("Runs the layer beside a function, again at every change of a source"),
  Command.withDescription(
    "Runs the layer of an extension beside a function, and again at every change of a source: without zip, code cache " +
      "and type check. A program that cannot be built leaves the one before it running. Ctrl-C ends it."
  ),
  Command.withExamples([
    {
      command: "effect-lambda dev --function function/handler.mjs",
      description: "The extension of the current folder; invoke with the AWS SDK or curl"
    },
    {
      command: "effect-lambda dev src/main.ts -f handler.py --invoke-port 9100 --env LOG_LEVEL=debug",
      description: "A Python function, with a variable and a fixed port"
    },
    {
      command: "effect-lambda dev --opt vendor-layer.zip -f function/handler.mjs",
      description: "With a layer that the extension or the function needs"
    }
  ])
)
