/** The figures of a life of the hello extension, and their budgets. */
import { compare, type Figure, type Row, type Versus } from "../compare.ts"
import type { Life, Program } from "../platform.ts"
import { bundleFigures, type Size } from "../size.ts"
import type { Ours, Pair } from "./variants.ts"

export interface Lives {
  /** Lives of few events, for the timings of the start. */
  readonly short: ReadonlyArray<Life>
  /** Lives of many events, for the cost of an event and for memory. */
  readonly long: ReadonlyArray<Life>
}

const figuresOf = ({ long, short }: Lives): ReadonlyArray<Figure> => [
  { label: "spawn → register", unit: "ms", digits: 1, values: short.map(({ register }) => register.millis) },
  { label: "spawn → first next", unit: "ms", digits: 1, values: short.map(({ firstNext }) => firstNext.millis) },
  {
    label: "CPU until first next",
    unit: "ms",
    digits: 1,
    values: short.map(({ firstNext }) => firstNext.cpuMillis)
  },
  { label: "CPU per event", unit: "ms", digits: 3, values: long.map(({ eventCpuMillis }) => eventCpuMillis) },
  { label: "peak memory", unit: "MB", digits: 1, values: long.map(({ peakMegabytes }) => peakMegabytes) }
]

/** The largest ratios to raw.cjs that are accepted, without logging. */
const ratioBudgets = new Map([
  ["spawn → first next", 1.6],
  ["CPU per event", 1.6],
  ["peak memory", 1.3]
])

const kilobyteBudgets = new Map([
  ["bundle, minified", 110],
  ["bundle, gzip", 38]
])

export interface BudgetRow extends Row {
  readonly budget: { readonly text: string; readonly isMet: boolean } | undefined
}

const withBudget = (row: Row): BudgetRow => {
  const ratio = ratioBudgets.get(row.label)
  if (ratio !== undefined)
    return { ...row, budget: { text: `≤ ${ratio.toFixed(2)}x`, isMet: row.ratio.median <= ratio } }
  const size = kilobyteBudgets.get(row.label)
  if (size !== undefined) return { ...row, budget: { text: `≤ ${size} KB`, isMet: row.of.median <= size } }
  return { ...row, budget: undefined }
}

export interface Result {
  readonly quiet: ReadonlyArray<BudgetRow>
  readonly sizes: ReadonlyArray<BudgetRow>
  readonly logging: ReadonlyArray<Row>
}

export const resultOf = (ours: Ours, raw: Pair, rawSize: Size, lives: (program: Program) => Lives): Result => ({
  // The budgets are about the cost of the library alone.
  quiet: compare(figuresOf(lives(ours.quiet)), figuresOf(lives(raw.quiet))).map(withBudget),
  sizes: compare(bundleFigures(ours.size), bundleFigures(rawSize)).map(withBudget),
  logging: compare(figuresOf(lives(ours.logging)), figuresOf(lives(raw.logging)))
})

export const missed = ({ quiet, sizes }: Result): ReadonlyArray<string> =>
  [...quiet, ...sizes].filter(({ budget }) => budget?.isMet === false).map(({ label }) => label)

export const versusOf = (
  here: Ours,
  against: Ours,
  again: Pair,
  lives: (program: Program) => Lives
): ReadonlyArray<Versus> => [
  {
    label: "hello, no log",
    here: figuresOf(lives(here.quiet)),
    against: figuresOf(lives(against.quiet)),
    again: figuresOf(lives(again.quiet))
  },
  {
    label: "hello",
    here: [...figuresOf(lives(here.logging)), ...bundleFigures(here.size)],
    against: [...figuresOf(lives(against.logging)), ...bundleFigures(against.size)],
    again: figuresOf(lives(again.logging))
  }
]
