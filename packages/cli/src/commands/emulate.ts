/** `effect-lambda emulate`: extensions and a function in a Lambda execution environment on this machine. */
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { flags } from "../emulate/EmulateFlags.ts"
import type { Input } from "../emulate/EmulateInput.ts"

// Commands that need no emulator start without it.
const run = (input: Input) =>
  Effect.flatMap(
    Effect.promise(() => import("../emulate/Emulate.ts")),
    (module) => module.run(input)
  )

export const emulate = Command.make("emulate", flags, run).pipe(
  Command.withShortDescription("Runs extensions and a function as Lambda would, and shows what happens"),
  Command.withDescription(
    "Runs extensions and a function as Lambda would, and shows what happens.\n\n" +
      "Variables come from effectLambda.env in the package.json at or above the extension, or else at or above the current " +
      "folder. Variables of flags come before those. Stack traces of a layer name lines of the sources if the map that its build wrote " +
      "lies beside it.\n\n" +
      "The exit code is 0 only if no extension crashed or overran, and not every invocation failed. With --strict each " +
      "extension has to do its work too: an extension that idles, and telemetry that was refused or lost, are problems " +
      "then.\n\n" +
      `Faults:\n\n${Fault.help}`
  ),
  Command.withExamples([
    {
      command: "effect-lambda emulate --extensions dist/extensions --function src/handler.mjs --invocations 3",
      description: "Three invocations, then SHUTDOWN"
    },
    {
      command: "effect-lambda emulate --opt vendor-layer.zip --opt dist/my-layer -f handler.py -n 1",
      description: "Two layers, as Lambda has them in /opt"
    },
    {
      command: "effect-lambda emulate -e my-extension.sh --bootstrap ./bootstrap --timeout 10",
      description: "Stay up; invoke with the AWS SDK or curl; end with Ctrl-C"
    },
    {
      command:
        "effect-lambda emulate -e my-extension.sh -f handler.mjs -n 5 --fault drop-parked-next@2 --fault slow:next=300ms",
      description: "Faults that production has at its worst"
    },
    {
      command: "effect-lambda emulate -e my-extension.sh -f handler.py -n 1 --logs",
      description: "The lines that CloudWatch would show"
    }
  ])
)
