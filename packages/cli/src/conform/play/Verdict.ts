/** The verdict of a scenario: its judgement, with everything that shows it. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import type { Judgement } from "./Judgement.ts"
import type { Scenario } from "./Scenario.ts"
import type * as Sink from "./Sink.ts"

/**
 * A scenario that was played, or not, and its judgement.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  readonly scenario: Scenario
  readonly judgement: Judgement
  /** Everything that happened; empty if the scenario was not played. */
  readonly journal: ReadonlyArray<JournalEntry>
  readonly sink: Sink.Counts
  /** Milliseconds that the scenario took. */
  readonly millis: number
  /** Faults that never struck, and limits that this machine does not permit. */
  readonly notes: ReadonlyArray<string>
}
