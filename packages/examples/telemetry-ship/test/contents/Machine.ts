/** How late this machine is by itself: a timer that should fire every few milliseconds. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface Machine {
  /** The most by which the timer was late between two times (epoch milliseconds). */
  readonly latest: (from: number, to: number) => number
}

const everyMillis = 5
const remembered = 40_000

export const make = Effect.gen(function* () {
  const late: Array<{ readonly at: number; readonly millis: number }> = []
  let last = yield* Clock.currentTimeMillis
  const look = Effect.map(Clock.currentTimeMillis, (now) => {
    // Only what is worth a line is kept.
    if (now - last > everyMillis + 1) late.push({ at: now, millis: now - last - everyMillis })
    if (late.length > remembered) late.splice(0, remembered / 2)
    last = now
  })
  yield* Effect.forkScoped(Effect.forever(Effect.delay(look, everyMillis)))
  return {
    latest: (from, to) =>
      late.reduce((most, { at, millis }) => (at >= from && at - millis <= to ? Math.max(most, millis) : most), 0)
  } satisfies Machine
})
