/** An extension that never comes back from SHUTDOWN. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

Extension.events().pipe(
  Stream.runForEach((event) => (event.eventType === "SHUTDOWN" ? Effect.uninterruptible(Effect.never) : Effect.void)),
  NodeExtension.runMain
)
