/** The check whether a consumer of telemetry writes telemetry itself. */
import * as Effect from "effect/Effect"

/** Watches the log while a consumer handles one batch after the other. */
export interface OwnLog {
  readonly begun: Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

// Fewer may be chance: another fiber logs at the same time.
const batchesInARow = 5

/** Nothing is watched. */
export const none: OwnLog = { begun: Effect.void, ended: Effect.void }

/**
 * Says once that each batch leaves lines in the log: with the type `extension` Lambda delivers those again, as the next batch.
 * The size of the log tells, so no record is looked at.
 */
export const watch = (who: string, size: Effect.Effect<number>): OwnLog => {
  let before: number | undefined
  let inARow = 0
  return {
    begun: Effect.map(size, (bytes) => {
      before = bytes
    }),
    ended: Effect.flatMap(size, (bytes) => {
      if (before === undefined || inARow === batchesInARow) return Effect.void
      inARow = bytes > before ? inARow + 1 : 0
      before = undefined
      return inARow === batchesInARow
        ? Effect.logWarning(
            `${who} writes to the log with each batch, and the type "extension" delivers these lines as the next batch, ` +
              `without end. Leave "extension" out of the option types, or log nothing for a batch.`
          )
        : Effect.void
    })
  }
}
