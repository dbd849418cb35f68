/**
 * Tells whether anything runs. While the runtime and every extension wait in next, nothing runs, deliveries included
 * (docs/protocol.md#delivery-and-the-freeze): deliveries wait for the gate to open.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"

export interface Gate {
  readonly hold: () => void
  readonly release: () => void
  /** Waits until things run. */
  readonly released: Effect.Effect<void>
  /** Waits until nothing runs. */
  readonly held: Effect.Effect<void>
}

/** A gate that is open. */
export const make = (): Gate => {
  const open = Latch.makeUnsafe(true)
  const closed = Latch.makeUnsafe(false)
  return {
    hold: () => {
      open.closeUnsafe()
      closed.openUnsafe()
    },
    release: () => {
      closed.closeUnsafe()
      open.openUnsafe()
    },
    released: open.await,
    held: closed.await
  }
}

/** Sleeps so long without a freeze; `false` if a freeze came first. */
export const sleepAwake = (gate: Gate, ms: number): Effect.Effect<boolean> =>
  Effect.as(gate.held, false).pipe(Effect.timeoutOrElse({ duration: ms, orElse: () => Effect.succeed(true) }))
