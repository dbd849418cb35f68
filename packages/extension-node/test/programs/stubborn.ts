/** An extension that never comes back from an event. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

Extension.events().pipe(
  Stream.runForEach(() => Effect.uninterruptible(Effect.never)),
  NodeExtension.runMain
)
