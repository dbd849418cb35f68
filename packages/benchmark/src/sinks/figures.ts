/** The figures of the sinks, and their budget. */
import type { Budget, BudgetRow } from "../telemetry/figures.ts"
import { compare, type Figure, type Row } from "../compare.ts"
import type { Shipped } from "./round.ts"

const throughput = "throughput"
/** The accepted ratio of the OTLP sinks to the http sink; on LLRT that of the http sink to itself on Node. */
const leastThroughput = 0.6
const leastThroughputOnLlrt = 0.14

export const figuresOf = (lives: ReadonlyArray<Shipped>): ReadonlyArray<Figure> => [
  { label: throughput, unit: "records/ms", digits: 0, values: lives.map(({ recordsPerMilli }) => recordsPerMilli) },
  { label: "CPU per record", unit: "µs", digits: 2, values: lives.map(({ cpuMicros }) => cpuMicros) },
  { label: "peak memory", unit: "MB", digits: 0, values: lives.map(({ peakMegabytes }) => peakMegabytes) }
]

const budgetOf = ({ label, ratio }: Row, least: number): Budget | undefined =>
  label === throughput ? { text: `≥ ${least.toFixed(2)}x`, isMet: ratio.median >= least } : undefined

/** The http sink on LLRT beside that on Node. */
export const llrtRowsOf = (node: ReadonlyArray<Shipped>, llrt: ReadonlyArray<Shipped>): ReadonlyArray<BudgetRow> =>
  compare(figuresOf(llrt), figuresOf(node)).map((row) =>
    Object.assign(row, { budget: budgetOf(row, leastThroughputOnLlrt) })
  )

export const rowsOf = (http: ReadonlyArray<Shipped>, otlp: ReadonlyArray<Shipped>): ReadonlyArray<BudgetRow> =>
  compare(figuresOf(otlp), figuresOf(http)).map((row) => Object.assign(row, { budget: budgetOf(row, leastThroughput) }))
