#!/usr/bin/env node
/** The hello example without its log lines: only the cost of the library is left. */
import { Deadline, Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

let invocations = 0
let leastMillisLeft = Infinity

Extension.run({
  onInvoke: () =>
    Effect.gen(function* () {
      invocations++
      const left = yield* Deadline.remaining
      leastMillisLeft = Math.min(leastMillisLeft, Duration.toMillis(left))
    }),
  onShutdown: () => Effect.void
}).pipe(NodeExtension.runMain)
