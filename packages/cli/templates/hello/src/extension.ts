import { Deadline, Extension } from "@effect-lambda/extension"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

/** Logs each invocation with the time that is left of it, and their number at shutdown. */
export const extension = Effect.gen(function* () {
  const invocations = yield* Ref.make(0)
  yield* Extension.run({
    onInvoke: Effect.fnUntraced(function* (event) {
      yield* Ref.update(invocations, (count) => count + 1)
      const left = yield* Deadline.remaining
      yield* Effect.log(`invocation ${event.requestId}: ${Duration.toMillis(left)} ms left`)
    }),
    onShutdown: Effect.fnUntraced(function* (event) {
      yield* Effect.log(`${yield* Ref.get(invocations)} invocations, then shutdown: ${event.shutdownReason}`)
    })
  })
})
