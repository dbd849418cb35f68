/** Counts the marks of docs/protocol.md: the facts that were recorded on AWS, and those that are unconfirmed. */
import { facts } from "../Facts.ts"

/** The marks of a section: what stands together behind a fact counts once. */
export interface Count {
  readonly section: string
  /** Groups of marks with [aws] among them. */
  readonly recorded: number
  readonly unconfirmed: number
  /** The unconfirmed facts and open points that verify:aws looks for. */
  readonly tried: number
}

const begin = "<!-- unconfirmed: node packages/verify/src/protocol/main.ts --write -->"
const end = "<!-- /unconfirmed -->"

const withoutCode = (text: string) => text.replaceAll(/^```.*?^```$/gms, "").replaceAll(/`+[^`\n]*`+/g, "")

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-")

/** These sections are not about Lambda, or explain the marks. */
const others = new Set(["Find an answer", "How a fact is known", "RIE", "Errors in AWS's documents", "Open points"])

/** Each chapter (`##`) that speaks of Lambda. */
export const count = (text: string): ReadonlyArray<Count> =>
  text
    .split(/^## /m)
    .slice(1)
    .flatMap((chapter) => {
      const [section = ""] = chapter.split("\n")
      if (others.has(section)) return []
      const headings = [section, ...Array.from(chapter.matchAll(/^### (.+)$/gm), ([, heading = ""]) => heading)]
      const anchors = new Set(headings.map((heading) => `docs/protocol.md#${anchorOf(heading)}`))
      const groups = Array.from(
        withoutCode(chapter).matchAll(/(?:\[[a-z]+\](?![(:])[ \n(,;)]*(?:and )?)+/g),
        ([marks]) => marks
      ).filter((marks) => /\[(aws|code|rie|openapi|docs|others|open)\]/.test(marks))
      const recorded = groups.filter((marks) => marks.includes("[aws]")).length
      const tried = facts.filter(({ anchor, mark }) => mark !== "aws" && anchors.has(anchor)).length
      return [{ section, recorded, unconfirmed: groups.length - recorded, tried }]
    })

const table = (counts: ReadonlyArray<Count>) => {
  const sum = (of: (count: Count) => number) => counts.reduce((total, count) => total + of(count), 0)
  const row = (...cells: ReadonlyArray<string | number>) => `| ${cells.join(" | ")} |`
  return [
    row("chapter", "recorded on AWS", "*unconfirmed*", "unconfirmed facts that `verify:aws` compares"),
    "|---|---|---|---|",
    ...counts.map(({ recorded, section, tried, unconfirmed }) =>
      row(`[${section}](#${anchorOf(section)})`, recorded, unconfirmed, tried)
    ),
    row(
      "together",
      sum(({ recorded }) => recorded),
      sum(({ unconfirmed }) => unconfirmed),
      sum(({ tried }) => tried)
    )
  ].join("\n")
}

/** The document with its table renewed. */
export const renew = (text: string): string => {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  return `${text.slice(0, from + begin.length)}\n\n${table(count(text))}\n\n${text.slice(to)}`
}
