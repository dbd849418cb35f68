/** docs/field.md, from the verdicts of the runs. */
import * as Schema from "effect/Schema"
import { ConformReport } from "../../src/conform/ConformJson.ts"
import { type Status, statuses } from "../../src/conform/play/Judgement.ts"
import { scenarios } from "../../src/conform/Scenarios.ts"
import type { Recipe } from "./Recipe.ts"

/** A run of one extension, as it is kept between the runs of the others. */
export const Run = Schema.Struct({
  version: Schema.String,
  date: Schema.String,
  machine: Schema.String,
  report: ConformReport
})

export type Run = typeof Run.Type

export interface Played {
  readonly recipe: Recipe
  readonly run: Run
}

const signs: Readonly<Record<Status, string>> = {
  pass: "✓",
  fail: "✗",
  warn: "!",
  info: "i",
  "not applicable": "–",
  "not testable": "?"
}

/** A text that comes from a program, as text in Markdown. */
const plain = (text: string): string => text.replace(/[\\`*_{}[\]<>#|~]/g, "\\$&").replace(/\s+/g, " ")

const legend = statuses.map((status) => `${signs[status]} ${status}`).join(", ")

const intro = `# Extensions of others

\`npm run conform:field -- --write\` writes this page: the verdicts of \`effect-lambda conform\` on real extensions. Their files
are those of a registry, unmodified, at the versions below. Each scenario is a situation of Lambda that the emulator makes.

A \`fail\` stands here only if AWS has shown or documented the situation, and a person has looked at the run. A \`warn\` is
costly or risky, or comes from a situation that is only conceivable. In the scenarios of a backend it is the sink of the run
that fails; a \`fail\` there is a function that is held, or data that the extension had taken and lost without a line about
it. In \`next/stale-connection\` a client of several threads may race with itself: one thread polls, another looks at the
connection. A pass of such a client is no proof. Nothing here ran on AWS. The order of the columns is no ranking, and an
extension that uses less of Lambda has fewer scenarios that apply to it.

Signs: ${legend}, and a space where the run had no such scenario.
`

const table = (played: ReadonlyArray<Played>): ReadonlyArray<string> => [
  `| scenario | ${played.map(({ recipe }) => recipe.name).join(" | ")} |`,
  `|---|${played.map(() => ":-:|").join("")}`,
  ...scenarios.map(({ name }) => {
    const cells = played.map(({ run }) => {
      const verdict = run.report.verdicts.find((each) => each.name === name)
      return verdict === undefined ? " " : signs[verdict.status]
    })
    return `| ${name} | ${cells.join(" | ")} |`
  })
]

const findings = ({ recipe: { confirmed }, run }: Played): ReadonlyArray<string> =>
  run.report.verdicts.flatMap(({ basis, name, protocol, sentence, status }) => {
    if (status !== "fail" && status !== "warn") return []
    const why = status === "fail" ? ` ${confirmed[name] ?? ""}` : ""
    const link = `[${basis}](${protocol.replace(/^docs\//, "")})`
    return [`- **${status}** \`${name}\` (${link}): ${plain(sentence)}.${why}`]
  })

const section = (played: Played): ReadonlyArray<string> => {
  const { name, page, product, promise, registry, settings, version } = played.recipe
  const { date, machine, report } = played.run
  const found = findings(played)
  const telemetry = report.telemetry.length === 0 ? "no telemetry" : `telemetry of ${report.telemetry.join(", ")}`
  return [
    "",
    `## ${name}`,
    "",
    `[${product}](${page}) ${version} (${registry}), run on ${date} on ${machine}.`,
    "",
    promise,
    "",
    `Seen in the first run: it registers as ${report.extensions.map((each) => `\`${each}\``).join(", ")} for ${report.events.join(" and ")}, with ${telemetry}.`,
    "",
    settings,
    "",
    "```sh",
    `npm run conform:field -- ${name}`,
    "```",
    "",
    ...(found.length === 0 ? ["No `fail` and no `warn`."] : found)
  ]
}

/** The fails that nobody has looked at yet; a page with one of them is not written. */
export const unconfirmed = (played: ReadonlyArray<Played>): ReadonlyArray<string> =>
  played.flatMap(({ recipe, run }) =>
    run.report.verdicts
      .filter(({ name, status }) => status === "fail" && recipe.confirmed[name] === undefined)
      .map(({ name, sentence }) => `${recipe.name} ${name}: ${sentence}`)
  )

export const render = (played: ReadonlyArray<Played>): string =>
  [intro, ...table(played), ...played.flatMap(section), ""].join("\n")
