/** The judgement of a run: what the extension did, in one sentence, and how bad that is. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"

/**
 * - `pass`: the extension does what AWS needs
 * - `fail`: on AWS the function or the data of the extension would be harmed
 * - `warn`: costly or risky
 * - `info`: worth knowing
 * - `not applicable`: the extension does not use what the scenario is about
 * - `not testable`: this machine or the extension does not let the scenario be played
 */
export const statuses = ["pass", "fail", "warn", "info", "not applicable", "not testable"] as const

/**
 * The verdicts, by their names in reports.
 *
 * @category models
 * @since 0.1.0
 */
export type Status = (typeof statuses)[number]

/**
 * The judgement of a run. `at` has the indexes of the journal entries that show it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Judgement<S extends Status = Status> {
  readonly status: S
  readonly sentence: string
  readonly at: ReadonlyArray<number>
}

const make =
  <S extends Status>(status: S) =>
  (sentence: string, ...shownBy: ReadonlyArray<JournalEntry | undefined>): Judgement<S> => ({
    status,
    sentence,
    at: shownBy.flatMap((entry) => (entry === undefined ? [] : [entry.index]))
  })

export const pass = make("pass")
export const fail = make("fail")
export const warn = make("warn")
export const info = make("info")
export const notApplicable = make("not applicable")
export const notTestable = make("not testable")

const busy = "this machine was too busy"

/** What was seen may be the fault of the machine. */
export const tooBusy = (sentence: string): Judgement<"not testable"> => notTestable(`${busy}: ${sentence}`)

export const isTooBusy = ({ sentence, status }: Judgement): boolean =>
  status === "not testable" && sentence.startsWith(busy)

/** The judgement of a scenario that is only conceivable: a failure is a warning there. */
export const softened = ({ at, sentence, status }: Judgement): Judgement<Exclude<Status, "fail">> => ({
  status: status === "fail" ? "warn" : status,
  sentence,
  at
})
