/**
 * The summary of a run: the times and memory of each extension, and in plain words what went wrong.
 *
 * @since 0.1.0
 */
import type { Fault } from "@effect-lambda/emulator/Fault"
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as ExtensionName from "./ExtensionName.ts"
import * as ExtensionOutcomes from "./ExtensionOutcomes.ts"
import * as FunctionOutcomes from "./FunctionOutcomes.ts"
import * as LoggedErrors from "./LoggedErrors.ts"
import * as Shortfalls from "./Shortfalls.ts"

/**
 * The outcome of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly invocations: number
  readonly failedInvocations: number
  readonly extensions: ReadonlyArray<ExtensionOutcomes.ExtensionFigures>
  /** A sentence for each crash, overrun and other misbehaviour of an extension; empty if all is well. */
  readonly problems: ReadonlyArray<string>
  /** A sentence for each way in which an extension without a problem did not do its work; `emulate --strict` exits with 1. */
  readonly shortfalls: ReadonlyArray<string>
  /** Losses that are no fault of the extension, its errors and warnings in the log, and faults that never struck. */
  readonly notes: ReadonlyArray<string>
  /** A sentence for each way in which the function itself failed. */
  readonly functionFailures: ReadonlyArray<string>
}

/**
 * A fault as it was asked for; the journal has the same object each time it strikes.
 *
 * @category models
 * @since 0.1.0
 */
export interface AskedFault {
  readonly text: string
  readonly fault: Fault
}

/** A fact that no extension can prevent, or that explains a problem. */
const noteOf = (entry: JournalEntry): string | undefined => {
  switch (entry._tag) {
    case "ProcessExited":
      return entry.advice
    case "EventDelivered":
      return entry.lost && entry.source !== "runtime"
        ? `${ExtensionName.of(entry.source)} lost the event ${entry.eventType}: the connection of its poll was gone, and the old poll swallowed it`
        : undefined
    case "ApiRefused":
      return entry.path.endsWith("/extension/register")
        ? `a call of register was refused with ${entry.status} ${entry.errorType}: ${entry.message}`
        : undefined
    default:
      return undefined
  }
}

/**
 * Takes the entries of a journal one by one, so that an environment may run for days.
 *
 * @param options.faults of the environment, to tell which of them never struck
 * @param options.memorySize of the function, in MB, to tell when the processes had more
 * @category constructors
 * @since 0.1.0
 */
export const make = ({
  faults = [],
  memorySize
}: { readonly faults?: ReadonlyArray<AskedFault>; readonly memorySize?: number } = {}): {
  readonly add: (entry: JournalEntry) => void
  /** Which of these sentences the summary has by now; it takes less than `result` when there are many. */
  readonly said: (sentences: ReadonlySet<string>) => ReadonlyArray<string>
  readonly result: () => Summary
} => {
  const extensions = ExtensionOutcomes.make()
  const ofFunction = FunctionOutcomes.make()
  const logged = LoggedErrors.make()
  const shortfalls = Shortfalls.make(memorySize)
  const struck = new Set<Fault>()
  const notes = new Set<string>()

  const faultNotes = (names: ReadonlyArray<string>) =>
    faults.flatMap(({ fault, text }) => {
      if (struck.has(fault)) return []
      const name = fault._tag === "Crash" && fault.source !== "runtime" ? ExtensionName.of(fault.source) : undefined
      const why =
        name === undefined || names.includes(name) ? "its moment did not come" : `no extension named ${name} ran`
      return [`the fault ${text} never struck: ${why}`]
    })

  const add = (entry: JournalEntry): void => {
    const note = noteOf(entry)
    if (note !== undefined) notes.add(note)
    if (entry._tag === "FaultInjected") struck.add(entry.fault)
    for (const part of [extensions, ofFunction, logged, shortfalls]) part.add(entry)
  }

  const said = (sentences: ReadonlySet<string>) => {
    const undone = shortfalls.result()
    const changing = new Set([...undone.shortfalls, ...undone.notes, ...logged.notes()])
    return [...sentences].filter(
      (sentence) =>
        extensions.has(sentence) || ofFunction.has(sentence) || notes.has(sentence) || changing.has(sentence)
    )
  }

  const result = (): Summary => {
    const figures = extensions.figures()
    const undone = shortfalls.result()
    return {
      ...ofFunction.result(),
      extensions: figures,
      problems: extensions.problems(),
      shortfalls: undone.shortfalls,
      notes: [...notes, ...undone.notes, ...logged.notes(), ...faultNotes(figures.map(({ name }) => name))]
    }
  }

  return { add, said, result }
}
