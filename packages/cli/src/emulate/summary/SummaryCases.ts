/** The summary of a run as test results: a case for each extension, for the function, and for the environment. */
import type * as Junit from "../../report/Junit.ts"
import type { Summary } from "./Summary.ts"

/** The extension that a sentence is about: such a sentence begins with its name. */
const ownerOf = (sentence: string, names: ReadonlyArray<string>): string | undefined =>
  names
    .filter((name) => sentence.startsWith(`${name} `))
    .toSorted((a, b) => b.length - a.length)
    .at(0)

const outcomeOf = (problems: ReadonlyArray<string>): Junit.Case["outcome"] => {
  const [first] = problems
  return first === undefined
    ? { _tag: "Passed" }
    : { _tag: "Failed", type: "problem", message: first, details: problems.join("\n") }
}

/**
 * The cases. One of them failed if the exit code is 1, and none otherwise: with `strict` also for work that was not done.
 *
 * @category rendering
 * @since 0.1.0
 */
export const make = (summary: Summary, strict: boolean, millis: number): ReadonlyArray<Junit.Case> => {
  const problems = strict ? [...summary.problems, ...summary.shortfalls] : summary.problems
  const notes = strict ? summary.notes : [...summary.shortfalls, ...summary.notes]
  const names = summary.extensions.map(({ name }) => name)
  const about = (sentences: ReadonlyArray<string>, name: string | undefined) =>
    sentences.filter((sentence) => ownerOf(sentence, names) === name)
  const ofOne = (name: string, group: string, failures: ReadonlyArray<string>, said: ReadonlyArray<string>) => {
    const one: Junit.Case = { name, group, millis: 0, outcome: outcomeOf(failures) }
    return said.length === 0 ? one : { ...one, output: said.join("\n") }
  }
  const { failedInvocations, functionFailures, invocations } = summary
  const isAllFailed = invocations > 0 && failedInvocations === invocations
  const counts = `${failedInvocations} of ${invocations} invocations failed`
  return [
    ...names.map((name) => ofOne(name, "extension", about(problems, name), about(notes, name))),
    ofOne("invocations", "function", isAllFailed ? [counts, ...functionFailures] : [], [counts, ...functionFailures]),
    { ...ofOne("environment", "environment", about(problems, undefined), about(notes, undefined)), millis }
  ]
}
