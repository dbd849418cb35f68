/** The figures of the sinks, and their budget. */
import type { Budget, BudgetRow } from "../telemetry/figures.ts"
import { compare, type Figure, type Row } from "../compare.ts"
import type { Shipped } from "./round.ts"

const throughput = "throughput"
/** The accepted ratio of the OTLP sinks to the http sink. */
const leastThroughput = 0.6

export const figuresOf = (lives: ReadonlyArray<Shipped>): ReadonlyArray<Figure> => [
  { label: throughput, unit: "records/ms", digits: 0, values: lives.map(({ recordsPerMilli }) => recordsPerMilli) },
  { label: "CPU per record", unit: "µs", digits: 2, values: lives.map(({ cpuMicros }) => cpuMicros) }
]

const budgetOf = ({ label, ratio }: Row): Budget | undefined =>
  label === throughput
    ? { text: `≥ ${leastThroughput.toFixed(2)}x`, isMet: ratio.median >= leastThroughput }
    : undefined

export const rowsOf = (http: ReadonlyArray<Shipped>, otlp: ReadonlyArray<Shipped>): ReadonlyArray<BudgetRow> =>
  compare(figuresOf(otlp), figuresOf(http)).map((row) => Object.assign(row, { budget: budgetOf(row) }))
