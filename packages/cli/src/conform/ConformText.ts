/** The verdicts for a terminal: a line each, then what is to be changed. */
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Terminal from "../shared/Terminal.ts"
import * as Evidence from "./Evidence.ts"
import { type Status, statuses } from "./play/Judgement.ts"
import type { Verdict } from "./play/Verdict.ts"

const styles: Readonly<Record<Status, Parameters<typeof Terminal.paint>[0]>> = {
  pass: "green",
  fail: "red",
  warn: "yellow",
  info: "cyan",
  "not applicable": "dim",
  "not testable": "dim"
}

const width = Math.max(...statuses.map((status) => status.length))

/** The line of a verdict. */
export const line = ({ judgement: { sentence, status }, scenario: { name } }: Verdict): string =>
  `${Terminal.paint(styles[status], status.padEnd(width))}  ${name.padEnd(30)}  ${LogLine.printable(sentence)}`

const detailsOf = (verdict: Verdict): ReadonlyArray<string> => {
  const { advice, aws, basis, name, protocol, title } = verdict.scenario
  const { sentence, status } = verdict.judgement
  const notes = verdict.notes.map((note) => `  note: ${LogLine.printable(note)}`)
  const evidence = Evidence.linesOf(verdict).map((text) => `  | ${text.replaceAll("\n", "\n  | ")}`)
  return [
    "",
    `${Terminal.paint(styles[status], status)} ${Terminal.paint("bold", name)}: ${title}`,
    `  ${LogLine.printable(sentence)}`,
    `  AWS (${basis}): ${aws} (${protocol})`,
    `  do: ${advice}`,
    ...notes,
    ...evidence
  ]
}

/** The verdicts that ask for a change, each with the behaviour of AWS, the change, and the evidence. */
export const details = (verdicts: ReadonlyArray<Verdict>): ReadonlyArray<string> =>
  verdicts.filter(({ judgement: { status } }) => status === "fail" || status === "warn").flatMap(detailsOf)

/** The number of verdicts of each kind: `28 pass, 1 fail, 2 not applicable`. */
export const counts = (verdicts: ReadonlyArray<Verdict>): string =>
  statuses
    .flatMap((status) => {
      const { length } = verdicts.filter(({ judgement }) => judgement.status === status)
      return length === 0 ? [] : [`${length} ${status}`]
    })
    .join(", ")
