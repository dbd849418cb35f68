/** An extension that never comes back from an event. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

// Runs if the process goes on after this signal, if only for a turn of the event loop.
process.on("SIGINT", () => setImmediate(() => process.stdout.write("it goes on\n")))

Extension.events().pipe(
  Stream.runForEach(() => Effect.uninterruptible(Effect.never)),
  NodeExtension.runMain
)
