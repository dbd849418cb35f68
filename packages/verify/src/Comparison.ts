/** Compares a recording with the facts, and writes the differences as Markdown. */
import type { Fact, Judgement } from "./Fact.ts"
import { facts as allFacts } from "./Facts.ts"
import type { Recording, ScenarioRecording } from "./Recording.ts"
import * as Seen from "./Seen.ts"

/** The verdict of all scenarios together about a fact. */
export interface Finding {
  readonly fact: Fact
  readonly verdict: "differs" | "agrees" | "observed" | "not seen"
  /** The scenarios with this verdict. */
  readonly scenarios: ReadonlyArray<string>
  /** The first difference, or what was seen of an open point. */
  readonly seen: ReadonlyArray<string>
}

const find = (fact: Fact, scenarios: ReadonlyArray<Seen.Seen>): Finding => {
  const judged = scenarios
    .filter(({ scenario }) => fact.scenarios?.includes(scenario) ?? true)
    .flatMap((seen) => {
      const judgement = fact.judge(seen)
      return judgement === undefined ? [] : [{ scenario: seen.scenario, judgement }]
    })
  const withTag = (tag: Judgement["_tag"]) => judged.filter(({ judgement }) => judgement._tag === tag)
  const differs = withTag("Differs")
  const chosen = differs.length > 0 ? differs : judged
  return {
    fact,
    verdict:
      differs.length > 0
        ? "differs"
        : withTag("Observed").length > 0
          ? "observed"
          : judged.length > 0
            ? "agrees"
            : "not seen",
    scenarios: chosen.map(({ scenario }) => scenario),
    seen: [...new Set(chosen.flatMap(({ judgement }) => (judgement._tag === "Agrees" ? [] : [judgement.seen])))]
  }
}

/** A finding for each fact. */
export const compare = (
  { scenarios }: Pick<Recording, "scenarios">,
  facts: ReadonlyArray<Fact> = allFacts
): ReadonlyArray<Finding> => {
  const seen = scenarios.map(Seen.make)
  return facts.map((fact) => find(fact, seen))
}

/** A text from outside for a cell of a table: it begins no markup and ends no cell. */
const cell = (text: string) => text.replaceAll(/[\r\n\t]+/g, " ").replaceAll(/[\\`*_{}[\]<>|]/g, String.raw`\$&`)

const linkOf = ({ anchor }: Fact) => `[${anchor.slice(anchor.indexOf("#") + 1)}](${anchor})`

const section = (title: string, rows: ReadonlyArray<string>, header: string): ReadonlyArray<string> =>
  rows.length === 0 ? [] : [`## ${title}`, "", header, header.replaceAll(/[^|]+/g, "---"), ...rows, ""]

/** The facts that no recording of AWS has shown so far. */
const isUnconfirmed = ({ mark }: Fact) => mark !== "aws"

const reportLines = ({ lines, name }: ScenarioRecording) =>
  lines
    .filter(({ message }) => /^(REPORT|INIT_REPORT|RESTORE_REPORT) /.test(message))
    .map(({ message }) => `| ${name} | ${cell(message.trimEnd())} |`)

/** The requests of the layers that reached the recorder, as their backend, when it last told them. */
const sinkLines = (scenario: ScenarioRecording) => {
  const sink = Seen.make(scenario).entries.findLast((entry) => entry.verify === "sink")
  if (sink === undefined || scenario.layers.length === 0) return []
  const paths = Object.entries(sink.paths).map(([path, count]) => `${path}: ${count}`)
  return [`| ${scenario.name} | ${scenario.layers.join(", ")} | ${cell(paths.join(", ") || "none")} |`]
}

/** The report of a run. */
export const markdown = (recording: Recording, findings: ReadonlyArray<Finding>): string => {
  const of = (verdict: Finding["verdict"]) => findings.filter((finding) => finding.verdict === verdict)
  const differs = of("differs")
  const confirmed = of("agrees").filter(({ fact }) => isUnconfirmed(fact))
  const row = ({ fact, scenarios, seen }: Finding, ...more: ReadonlyArray<string>) =>
    `| ${[`${fact.id} [${fact.mark}]`, linkOf(fact), cell(fact.says), scenarios.join(", "), ...more, ...(seen.length > 0 ? [cell(seen.join(" · "))] : [])].join(" | ")} |`
  const problems = recording.scenarios.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [`| ${name} | ${cell(problem)} |`]
  )
  return [
    `# AWS Lambda in ${recording.region}, ${recording.startedAt}`,
    "",
    `Of ${findings.length} facts of docs/protocol.md ${of("agrees").length} agree, ${differs.length} differ, and ` +
      `${of("not seen").length} were not seen. ${of("observed").length} open points were observed.`,
    "",
    ...section(
      "Differences",
      differs.map((finding) => row(finding)),
      "| fact | section | docs/protocol.md | scenarios | seen |"
    ),
    ...section(
      "Open points",
      of("observed").map((finding) => row(finding)),
      "| fact | section | question | scenarios | seen |"
    ),
    ...section(
      "Confirmed: the mark may become [aws]",
      confirmed.map((finding) => row(finding)),
      "| fact | section | docs/protocol.md | scenarios |"
    ),
    ...section(
      "As recorded before",
      of("agrees")
        .filter(({ fact }) => !isUnconfirmed(fact))
        .map((finding) => row(finding)),
      "| fact | section | docs/protocol.md | scenarios |"
    ),
    ...section(
      "Not seen",
      of("not seen").map(({ fact }) => `| ${fact.id} [${fact.mark}] | ${linkOf(fact)} | ${cell(fact.says)} |`),
      "| fact | section | docs/protocol.md |"
    ),
    ...section("Not run, or not to the end", problems, "| scenario | reason |"),
    ...section(
      "Layers",
      recording.scenarios.flatMap(sinkLines),
      "| scenario | layers | requests at their backend, the last environment |"
    ),
    ...section("REPORT lines", recording.scenarios.flatMap(reportLines), "| scenario | line |")
  ].join("\n")
}
