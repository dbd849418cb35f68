/**
 * Faults of production, on order: what a network, a platform and a process can do to an extension, each at a chosen
 * time. An environment takes any number of them as its `faults`; the journal has a `FaultInjected` for each time a
 * fault acts.
 *
 * A fault is data. `when` says which occurrence it hits; occurrences are counted for each extension and for the runtime
 * by itself, over the whole life of the environment, resets included. With `probability` the choice is made from the
 * environment's `seed`, the fault's place in the list and the count, so that a run can be repeated.
 *
 * **Example** (The connection of a poll is lost, and the platform answers every fifth one with 500)
 *
 * ```ts
 * import type { Fault } from "@effect-lambda/emulator"
 *
 * export const faults: ReadonlyArray<Fault.Fault> = [
 *   { _tag: "Reset", route: "next", when: { at: 2 } },
 *   { _tag: "Status", route: "next", status: 500, when: { every: 5 } }
 * ]
 * ```
 *
 * For command lines there is `parse`: the same two are `reset:next@2` and `status:next@every-5=500`.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { EmulatorError, InvalidFault } from "./EmulatorError.ts"
import { forms, legend, nameOf, patternOf, readOccurrence, words } from "./internal/FaultForms.ts"
import type { Fault } from "./internal/FaultKinds.ts"

export type { DeliveryChange, Fault, Moment, Occurrence, Route } from "./internal/FaultKinds.ts"

/**
 * Reads a fault as it is written on a command line; `help` says how. Fails with the reason `InvalidFault`, whose message
 * is one sentence: for an unknown fault it lists the names, otherwise it says how this one is written.
 *
 * **Example** (Two faults)
 *
 * ```ts
 * import { Fault } from "@effect-lambda/emulator"
 * import * as Result from "effect/Result"
 *
 * export const faults = Result.all([Fault.parse("slow:register=500ms"), Fault.parse("crash:runtime:during-invoke@2+50ms")])
 * ```
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<Fault, EmulatorError> => {
  const name = text.split(/[:@+=]/, 1)[0]
  const form = forms.find((form) => nameOf(form) === name)
  const groups = form === undefined ? undefined : patternOf(form).exec(text)
  const fault = groups && form?.read(groups.groups ?? {}, { when: readOccurrence(groups.groups?.when) })
  if (fault) return Result.succeed(fault)
  const advice =
    form === undefined
      ? `the faults are ${forms.map(nameOf).join(", ")}`
      : `write ${[form.syntax, ...legend(form.syntax)].join("; ")}`
  return Result.fail(new EmulatorError({ method: "Fault.parse", reason: new InvalidFault({ text, advice }) }))
}

const width = Math.max(...forms.map(({ syntax }) => syntax.length))

/**
 * How faults are written, for `--help`: one line for each fault, then one for each word in capitals.
 *
 * @category parsing
 * @since 0.1.0
 */
export const help: string = [
  ...forms.map(({ does, syntax }) => `${syntax.padEnd(width)}  ${does}`),
  "",
  ...Object.entries(words).map(([word, { text }]) => `${word.padEnd(8)}  ${text}`)
].join("\n")
