/** The time that an extension adds to a cold start, beyond the function alone in the same round. */
import { type Summary, summarize } from "../summary.ts"
import type { ColdStart } from "./first-invocation.ts"

/** Each in milliseconds since the start of init. */
export interface Times {
  readonly init: Summary
  readonly response: Summary
  readonly over: Summary
}

export interface Added extends Times {
  /** The number of rounds in which the extension waited for its first event after the function. */
  readonly extensionLast: number
  readonly rounds: number
}

const timesOf = (of: (pick: (start: ColdStart) => number) => ReadonlyArray<number>): Times => ({
  init: summarize(of(({ initMillis }) => initMillis)),
  response: summarize(of(({ responseMillis }) => responseMillis)),
  over: summarize(of(({ overMillis }) => overMillis))
})

/** The times of the function alone. */
export const alone = (starts: ReadonlyArray<ColdStart>): Times => timesOf((pick) => starts.map(pick))

/**
 * @param starts those with the extension, round by round
 * @param base those of the function alone, of the same rounds
 */
export const added = (starts: ReadonlyArray<ColdStart>, base: ReadonlyArray<ColdStart>): Added => ({
  ...timesOf((pick) =>
    starts.map((start, round) => {
      const other = base[round]
      return other === undefined ? NaN : pick(start) - pick(other)
    })
  ),
  extensionLast: starts.filter(({ isExtensionLast }) => isExtensionLast).length,
  rounds: starts.length
})
