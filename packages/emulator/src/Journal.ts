/**
 * The journal: everything that happened in the environment, in order.
 *
 * Tests assert on it instead of sleeping, and people read it to see what Lambda would have done. Times are epoch
 * milliseconds of the live clock, `index` is the position in the journal.
 *
 * The journal is bounded, so that an environment can run for days: it keeps 100,000 entries (`journalSize`), and at most
 * 64 Mi characters of text in them. The oldest lines and exchanges are forgotten first, then the oldest other entries.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { EmulatorError } from "./EmulatorError.ts"
import type { EntryOf, JournalEntry, JournalEvent } from "./internal/journal/JournalEvent.ts"

export type {
  Channel,
  EntryOf,
  ExitStatus,
  ExtensionStateName,
  JournalEntry,
  JournalEvent
} from "./internal/journal/JournalEvent.ts"
export type { Source } from "./internal/Source.ts"

/**
 * The journal of one environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  /** The entries so far. When there are very many, old ones are gone; `index` still counts from the first one. */
  readonly entries: Effect.Effect<ReadonlyArray<JournalEntry>>
  /**
   * The entries from the oldest one on; ends when the environment is released. A consumer that is so slow that entries
   * are forgotten before it asks for them sees gaps in `index`.
   */
  readonly stream: Stream.Stream<JournalEntry>
  /**
   * The first entry, past or future, that satisfies the condition; `Journal.is` makes conditions. Fails with the reason
   * `WaitTimedOut`, which shows the end of the journal, after `timeout` (default 5 seconds) of real time, also under
   * `TestClock`.
   */
  readonly waitFor: {
    <A extends JournalEntry>(
      refinement: (entry: JournalEntry) => entry is A,
      timeout?: Duration.Input
    ): Effect.Effect<A, EmulatorError>
    (condition: (entry: JournalEntry) => boolean, timeout?: Duration.Input): Effect.Effect<JournalEntry, EmulatorError>
  }
}

/**
 * Tells whether the entry is of this kind and satisfies the condition. For `waitFor`, `Array.filter` and
 * `Stream.filter`.
 *
 * @category guards
 * @since 0.1.0
 */
export const is =
  <Tag extends JournalEvent["_tag"]>(tag: Tag, condition?: (entry: EntryOf<Tag>) => boolean) =>
  (entry: JournalEntry): entry is EntryOf<Tag> =>
    hasTag(entry, tag) && (condition === undefined || condition(entry))

const hasTag = <Tag extends JournalEvent["_tag"]>(entry: JournalEntry, tag: Tag): entry is EntryOf<Tag> =>
  entry._tag === tag
