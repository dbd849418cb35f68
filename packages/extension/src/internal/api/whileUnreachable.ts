/** Retries of a call to Lambda, as long as no answer comes. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

// Lambda answers at once and allows ten seconds for all of init.
const retryMillis = 3000
// A loop, since `Effect.retry` with a `Schedule` makes the bundle of an extension without telemetry 2 % larger.
const firstDelay = 50
const longestDelay = 500

/** Repeats the call for three seconds. Only a missing answer is worth another attempt: a refusal is final. */
export const whileUnreachable = Effect.fnUntraced(function* <
  A,
  E extends { readonly reason: { readonly _tag: string } },
  R
>(call: Effect.Effect<A, E, R>) {
  const giveUpAt = (yield* Clock.currentTimeMillis) + retryMillis
  let delay = firstDelay
  while (true) {
    const result = yield* Effect.result(call)
    if (Result.isSuccess(result)) return result.success
    const now = yield* Clock.currentTimeMillis
    if (result.failure.reason._tag !== "Unreachable" || now + delay > giveUpAt)
      return yield* Effect.fail(result.failure)
    yield* Effect.sleep(delay)
    delay = Math.min(delay * 2, longestDelay)
  }
})
