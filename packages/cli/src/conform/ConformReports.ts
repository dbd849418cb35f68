/** The files that a run of `conform` leaves: JUnit, JSON and the page. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Summary from "../emulate/summary/Summary.ts"
import * as Junit from "../report/Junit.ts"
import type { Run } from "../report/page/RunSection.ts"
import * as Disk from "../shared/Disk.ts"
import * as ConformJson from "./ConformJson.ts"
import * as Evidence from "./Evidence.ts"
import type { Traits } from "./play/Scenario.ts"
import type { Verdict } from "./play/Verdict.ts"

/** The paths that were asked for. */
export interface Paths {
  readonly junit: Option.Option<string>
  readonly json: Option.Option<string>
  readonly report: Option.Option<string>
}

const caseOf =
  (isFailure: (verdict: Verdict) => boolean) =>
  (verdict: Verdict): Junit.Case => {
    const { judgement, millis, scenario } = verdict
    const { sentence, status } = judgement
    const [group = ""] = scenario.name.split("/")
    const named = { name: scenario.name, group, millis }
    if (isFailure(verdict)) {
      const details = [scenario.aws, scenario.advice, ...Evidence.linesOf(verdict)].join("\n")
      return { ...named, outcome: { _tag: "Failed", type: status, message: sentence, details } }
    }
    if (status.startsWith("not ")) return { ...named, outcome: { _tag: "Skipped", message: `${status}: ${sentence}` } }
    return { ...named, outcome: { _tag: "Passed" }, output: `${status}: ${sentence}` }
  }

const runOf = ({ journal, judgement, scenario, sink }: Verdict): Run => {
  const summary = Summary.make()
  for (const entry of journal) summary.add(entry)
  const { advice, aws, basis, name } = scenario
  return { name, verdict: { ...judgement, advice, aws, basis }, journal, summary: summary.result(), sink }
}

/** Writes what was asked for. */
export const write = Effect.fnUntraced(function* (
  paths: Paths,
  target: string,
  traits: Traits,
  verdicts: ReadonlyArray<Verdict>,
  isFailure: (verdict: Verdict) => boolean
) {
  const { json, junit, report } = paths
  if (Option.isSome(junit)) {
    const suite = { name: `conform ${target}`, cases: verdicts.map(caseOf(isFailure)) }
    yield* Junit.write(junit.value, suite)
  }
  if (Option.isSome(json)) {
    yield* Disk.writeFile(json.value, Buffer.from(ConformJson.render(target, traits, verdicts)))
  }
  if (Option.isSome(report)) {
    const page = yield* Effect.promise(() => import("../report/page/Page.ts"))
    yield* page.write(report.value, { title: `conform ${target}`, runs: verdicts.map(runOf) })
  }
})
