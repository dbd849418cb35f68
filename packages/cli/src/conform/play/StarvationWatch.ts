/**
 * Watches whether this machine is too busy for a run: a process of it could have run for most of a second, and had no
 * processor. What an extension does then, or does not do in time, is no fault of it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import process from "node:process"
import * as Starvation from "./Starvation.ts"

/** Milliseconds between two looks. */
const tickMs = 200

/** The time over which the waits of a process are added: the shortest limits of Lambda are 2 and 3 seconds. */
const windowMs = 3000

/** A process that waits for longer within that time is not judged. */
export const limitMs = 1000

/**
 * Watches until the scope closes. Gives the milliseconds for which one process was behind at the worst: those of the run,
 * or this one, whose timers come late when it has no processor or is busy itself.
 */
export const make = Effect.fnUntraced(function* (
  pids: Effect.Effect<ReadonlyArray<number>>,
  look: typeof Starvation.look = Starvation.look
): Effect.fn.Return<Effect.Effect<number>, never, Scope.Scope> {
  let late = 0
  let worst = 0
  const sample = Effect.gen(function* () {
    const starvation = new Map([...look(yield* pids), [process.pid, late] as const])
    return { at: yield* Clock.currentTimeMillis, starvation }
  })
  const samples = [yield* sample]
  const tick = Effect.gen(function* () {
    const due = (yield* Clock.currentTimeMillis) + tickMs
    yield* Effect.sleep(tickMs)
    late += Math.max(0, (yield* Clock.currentTimeMillis) - due)
    const taken = yield* sample
    samples.push(taken)
    while (samples[1] !== undefined && samples[1].at <= taken.at - windowMs) samples.shift()
    worst = Math.max(worst, Starvation.between(samples[0]?.starvation ?? new Map(), taken.starvation))
  })
  yield* Effect.forkScoped(Effect.forever(tick))
  return Effect.sync(() => worst)
})
