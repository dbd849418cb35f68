#!/usr/bin/env node
/** The hello extension: logs each invocation with the time that is left, and their number at SHUTDOWN. */
import { Deadline, Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

let invocations = 0

Extension.run({
  onInvoke: (event) =>
    Effect.gen(function* () {
      invocations++
      const left = yield* Deadline.remaining
      yield* Effect.log(`invocation ${event.requestId}: ${Duration.toMillis(left)} ms left`)
    }),
  onShutdown: (event) => Effect.log(`${invocations} invocations, then shutdown: ${event.shutdownReason}`)
}).pipe(NodeExtension.runMain)
