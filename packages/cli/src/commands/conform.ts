/** `effect-lambda conform`: what an extension does in every situation that Lambda can put it into. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { Input } from "../conform/Conform.ts"
import { flags } from "../conform/ConformFlags.ts"

// Commands that need no emulator start without it.
const run = (input: Input) =>
  Effect.flatMap(
    Effect.promise(() => import("../conform/Conform.ts")),
    (module) => module.run(input)
  )

export const conform = Command.make("conform", flags, run).pipe(
  Command.withShortDescription("Tries an extension in every situation that Lambda can put it into"),
  Command.withDescription(
    "Tries an extension, in any language, in every situation that Lambda, a network or a neighbour can put it into, and " +
      "says of each what it did.\n\nThe exit code is 0 only if no scenario failed."
  )
)
