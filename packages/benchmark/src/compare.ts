/** Compares the figures of two programs that were measured in the same rounds. */
import type { Checkout } from "./checkout.ts"
import { type Table, text } from "./document.ts"
import { show, showRatio, type Summary, summarize } from "./summary.ts"

/** A figure of one program. */
export interface Figure {
  readonly label: string
  readonly unit: string
  readonly digits: number
  /** A value for each round; a single value if the figure is always the same. */
  readonly values: ReadonlyArray<number>
}

/** The same figure of two programs. */
export interface Row {
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly of: Summary
  readonly to: Summary
  /** The ratio is taken round by round: a slow round is slow in both of its figures, and not in their ratio. */
  readonly ratio: Summary
}

/** @param to the program that the other one is compared with; a figure that it does not have is left out */
export const compare = (of: ReadonlyArray<Figure>, to: ReadonlyArray<Figure>): ReadonlyArray<Row> =>
  of.flatMap(({ digits, label, unit, values }) => {
    const other = to.find((figure) => figure.label === label)
    if (other === undefined) return []
    const ratios = values.map((value, round) => value / (other.values[round] ?? NaN))
    return [{ label, unit, digits, of: summarize(values), to: summarize(other.values), ratio: summarize(ratios) }]
  })

/** The figures that `--against` shows of one program. */
export interface Versus {
  readonly label: string
  readonly here: ReadonlyArray<Figure>
  readonly against: ReadonlyArray<Figure>
  /** The program of this checkout under a second name: the distance of its ratios from 1 is the noise of the run. */
  readonly again?: ReadonlyArray<Figure>
}

const cells = (prefix: string, rows: ReadonlyArray<Row>): Table =>
  rows.map(({ digits, label, of, ratio, to, unit }) => [
    `${prefix}: ${label}`,
    show(of, digits, unit),
    show(to, digits, unit),
    showRatio(ratio)
  ])

/** The programs, each followed by its noise rows. */
const table = (here: Checkout, against: Checkout, programs: ReadonlyArray<Versus>): Table => [
  ["", `here, ${here.name}`, `against, ${against.name}`, "here / against"],
  ...programs.flatMap(({ again, label, ...program }) => [
    ...cells(label, compare(program.here, program.against)),
    ...(again === undefined ? [] : cells(`noise of ${label}`, compare(program.here, again)))
  ])
]

/** The part of the report that `--against` adds. */
export const versusText = (here: Checkout, against: Checkout, programs: ReadonlyArray<Versus>): string =>
  [
    "",
    text(table(here, against, programs)),
    "",
    `Against: ${against.folder}, its sources and its dependencies, run by this Node and measured in the same rounds.`,
    "The noise rows compare a program of this checkout with itself under a second name. A ratio says something if its range " +
      "lies outside that of its noise row."
  ].join("\n")
