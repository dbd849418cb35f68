/**
 * Watches whether this machine is too busy for a run: a process of it could have run, and had no processor. What an
 * extension does not do in time then is no fault of it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import process from "node:process"
import * as Starvation from "./Starvation.ts"

/** Milliseconds between two looks. */
const tickMs = 200

/** The time over which waits are added where no limit says another: about Lambda's shortest limits. */
const windowMs = 3000

/**
 * The milliseconds for which one process was behind at the worst: one of the run, or this one, whose timers come late when
 * it has no processor or is busy itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface StarvationWatch {
  /** Within so many milliseconds before a time, in epoch milliseconds. */
  readonly before: (at: number, ms: number) => number
  /** Within any three seconds. */
  readonly worst: () => number
}

/** Watches until the scope closes. */
export const make = Effect.fnUntraced(function* (
  pids: Effect.Effect<ReadonlyArray<number>>,
  look: typeof Starvation.look = Starvation.look
): Effect.fn.Return<StarvationWatch, never, Scope.Scope> {
  let late = 0
  const sample = Effect.gen(function* () {
    const starvation = new Map([...look(yield* pids), [process.pid, late] as const])
    return { at: yield* Clock.currentTimeMillis, starvation }
  })
  const samples = [yield* sample]
  const tick = Effect.gen(function* () {
    const due = (yield* Clock.currentTimeMillis) + tickMs
    yield* Effect.sleep(tickMs)
    late += Math.max(0, (yield* Clock.currentTimeMillis) - due)
    samples.push(yield* sample)
  })
  yield* Effect.forkScoped(Effect.forever(tick))
  const before: StarvationWatch["before"] = (at, ms) => {
    const last = samples.find((one) => one.at >= at) ?? samples.at(-1)
    const first = samples.findLast((one) => one.at <= at - ms) ?? samples[0]
    return last === undefined || first === undefined ? 0 : Starvation.between(first.starvation, last.starvation)
  }
  return { before, worst: () => Math.max(...samples.map(({ at }) => before(at, windowMs))) }
})
