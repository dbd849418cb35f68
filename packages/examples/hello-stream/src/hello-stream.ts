#!/usr/bin/env node
/** The hello extension on the stream `Extension.events`. */
import { Deadline, Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

Extension.events().pipe(
  Stream.runFoldEffect(
    () => 0,
    Effect.fnUntraced(function* (invocations, event) {
      switch (event.eventType) {
        case "INVOKE": {
          const left = yield* Deadline.left(yield* Deadline.fromEvent(event))
          yield* Effect.log(`invocation ${event.requestId}: ${Duration.toMillis(left)} ms left`)
          return invocations + 1
        }
        case "SHUTDOWN":
          yield* Effect.log(`${invocations} invocations, then shutdown: ${event.shutdownReason}`)
          return invocations
        case "UNKNOWN":
          return invocations
      }
    })
  ),
  NodeExtension.runMain
)
