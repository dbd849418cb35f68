/** The journal that an environment writes: bounded, with readers that wait for entries to come. */
import type * as Duration from "effect/Duration"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { EmulatorError, WaitTimedOut } from "../../EmulatorError.ts"
import type { Journal } from "../../Journal.ts"
import type { JournalEntry, JournalEvent } from "../journal/JournalEvent.ts"

export interface WritableJournal extends Journal {
  readonly append: (event: JournalEvent, at: number) => void
  readonly end: Effect.Effect<void>
}

const describe = (entry: JournalEntry): string => {
  const { _tag, index, at: _, ...fields } = entry
  return `  ${index} ${_tag} ${JSON.stringify(fields)}`
}

/** The cost of an entry: the characters in it, since a client can choose them freely. */
const weigh = (event: JournalEvent): number => {
  let characters = 0
  for (const value of Object.values(event)) if (typeof value === "string") characters += value.length
  return characters
}

const maxCharacters = 67_108_864

/**
 * Lines and bytes on the wire are forgotten first. The life of an environment has few entries, and readers look for those
 * of its beginning, such as a register, also when a process prints without an end.
 */
const isTalk = ({ _tag }: JournalEntry): boolean => _tag === "Output" || _tag === "Exchanged"

export const make = (liveClock: Clock.Clock, maxEntries = 100_000): WritableJournal => {
  let entries: Array<JournalEntry> = []
  const listeners = new Set<(entry: JournalEntry) => void>()
  /** Streams that wait for the next entry. */
  const idle = new Set<() => void>()
  /** The entries so far, kept or forgotten. */
  let count = 0
  let characters = 0
  let ended = false

  /** Removes a tenth of the entries at a time, so that forgetting costs next to nothing per entry. */
  const forget = (): void => {
    while (entries.length > maxEntries || (characters > maxCharacters && entries.length > 1)) {
      const share = Math.ceil(entries.length / 10)
      const talk = entries.filter(isTalk).slice(0, share)
      const others = entries.filter((entry) => !isTalk(entry)).slice(0, share - talk.length)
      const forgotten = new Set([...talk, ...others])
      entries = entries.filter((entry) => !forgotten.has(entry))
      for (const entry of forgotten) characters -= weigh(entry)
    }
  }

  const waitFor = (
    condition: (entry: JournalEntry) => boolean,
    timeout: Duration.Input = "5 seconds"
  ): Effect.Effect<JournalEntry, EmulatorError> =>
    Effect.callback<JournalEntry>((resume) => {
      const found = entries.find(condition)
      if (found !== undefined) return resume(Effect.succeed(found))
      const listener = (entry: JournalEntry) => {
        if (!condition(entry)) return
        listeners.delete(listener)
        resume(Effect.succeed(entry))
      }
      listeners.add(listener)
      return Effect.sync(() => listeners.delete(listener))
    }).pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () =>
          Effect.fail(
            new EmulatorError({
              method: "journal.waitFor",
              reason: new WaitTimedOut({ lastEntries: entries.slice(-15).map(describe) })
            })
          )
      }),
      Effect.provideService(Clock.Clock, liveClock)
    )

  /** The entries from this index on, as soon as there is one; no buffer per reader. */
  const page = (from: number) =>
    Effect.callback<readonly [ReadonlyArray<JournalEntry>, Option.Option<number>]>((resume) => {
      const read = (): boolean => {
        if (from >= count && !ended) return false
        const next = ended ? Option.none() : Option.some(count)
        resume(Effect.succeed([entries.slice(entries.findLastIndex(({ index }) => index < from) + 1), next]))
        return true
      }
      if (read()) return
      const wake = () => {
        if (read()) idle.delete(wake)
      }
      idle.add(wake)
      return Effect.sync(() => idle.delete(wake))
    })

  return {
    entries: Effect.sync(() => entries.slice()),
    stream: Stream.paginate(0, page),
    waitFor,
    append: (event, at) => {
      const entry: JournalEntry = { ...event, index: count, at }
      count++
      entries.push(entry)
      characters += weigh(entry)
      forget()
      for (const listener of listeners) listener(entry)
      for (const wake of idle) wake()
    },
    end: Effect.sync(() => {
      ended = true
      for (const wake of idle) wake()
    })
  }
}
