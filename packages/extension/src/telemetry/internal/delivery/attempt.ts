/** How a sink says, while it is at work, what the backend has done with a batch. */
import * as Context from "effect/Context"

/** What the backend has said so far. */
export interface Attempt {
  /** The items that it dropped of what it took. */
  rejected: number
  /** The id of the request that it took and whose answer is still read. The id of the batch: the batch is taken. */
  taken: string | undefined
}

/** The attempt under way. The default is for those whom nobody asks. */
export const CurrentAttempt = /*#__PURE__*/ Context.Reference<Attempt>(
  "@effect-lambda/extension/telemetry/internal/delivery/CurrentAttempt",
  { defaultValue: () => ({ rejected: 0, taken: undefined }) }
)
