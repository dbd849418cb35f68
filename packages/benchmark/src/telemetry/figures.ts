/** The figures of the telemetry receiver, and their budgets. */
import { compare, type Figure, type Row } from "../compare.ts"
import { type Summary, summarize } from "../summary.ts"
import type { Flood, Life } from "./round.ts"

export interface Budget {
  readonly text: string
  readonly isMet: boolean
}

export interface BudgetRow extends Row {
  readonly budget: Budget | undefined
}

export interface FloodResult {
  readonly records: number
  readonly waiting: number
  readonly dropped: number
  readonly quarterMegabytes: Summary
  readonly peakMegabytes: Summary
  readonly budgets: ReadonlyArray<Budget>
}

export interface OnLlrt {
  readonly receiver: ReadonlyArray<BudgetRow>
  readonly sink: ReadonlyArray<BudgetRow>
}

export interface Result {
  readonly rows: ReadonlyArray<BudgetRow>
  readonly flood: FloodResult
  /** Ours on LLRT beside ours on Node, and the http sink too; without an LLRT there are none. */
  readonly llrt: OnLlrt
  /** The OTLP sinks beside the http sink. */
  readonly sinks: ReadonlyArray<BudgetRow>
}

const throughput = "throughput"
const cpu = "CPU per event"
/** The accepted ratios to the bare server. */
const leastThroughput = 0.9
const mostCpu = 1.2
/** The largest accepted ratio of the memory for four times the records. */
const mostGrowth = 1.15
/** The bound of a consumer's queue, plus the records that its reader holds. */
const mostWaiting = 51_000

export const figuresOf = (lives: ReadonlyArray<Life>): ReadonlyArray<Figure> => [
  { label: throughput, unit: "events/ms", digits: 0, values: lives.map(({ eventsPerMilli }) => eventsPerMilli) },
  { label: cpu, unit: "µs", digits: 2, values: lives.map(({ cpuMicros }) => cpuMicros) },
  { label: "peak memory", unit: "MB", digits: 0, values: lives.map(({ peakMegabytes }) => peakMegabytes) }
]

export const floodFigures = (floods: ReadonlyArray<Flood>): ReadonlyArray<Figure> => [
  {
    label: "peak memory after a flood",
    unit: "MB",
    digits: 0,
    values: floods.map(({ peakMegabytes }) => peakMegabytes)
  }
]

const budgetOf = ({ label, ratio: { median } }: Row, figure: string, limit: number, isLeast: boolean) =>
  label === figure
    ? { text: `${isLeast ? "≥" : "≤"} ${limit.toFixed(2)}x`, isMet: isLeast ? median >= limit : median <= limit }
    : undefined

export const rowsOf = (raw: ReadonlyArray<Life>, ours: ReadonlyArray<Life>): ReadonlyArray<BudgetRow> =>
  compare(figuresOf(ours), figuresOf(raw)).map((row) =>
    Object.assign(row, {
      budget: budgetOf(row, throughput, leastThroughput, true) ?? budgetOf(row, cpu, mostCpu, false)
    })
  )

export const llrtRowsOf = (node: ReadonlyArray<Life>, llrt: ReadonlyArray<Life>): ReadonlyArray<BudgetRow> =>
  compare(figuresOf(llrt), figuresOf(node)).map((row) => Object.assign(row, { budget: undefined }))

export const floodOf = (floods: ReadonlyArray<Flood>): FloodResult => {
  const [first] = floods
  if (first === undefined) throw new Error("no flood")
  const quarterMegabytes = summarize(floods.map((flood) => flood.quarterMegabytes))
  const peakMegabytes = summarize(floods.map((flood) => flood.peakMegabytes))
  const growth = peakMegabytes.median / quarterMegabytes.median
  const { dropped, records, waiting } = first
  return {
    records,
    waiting,
    dropped,
    quarterMegabytes,
    peakMegabytes,
    budgets: [
      {
        text: "every record is delivered, waiting or counted as dropped",
        isMet: floods.every(({ isCounted }) => isCounted)
      },
      {
        text: `at most ${mostWaiting} records wait`,
        isMet: floods.every((flood) => flood.waiting <= mostWaiting)
      },
      {
        text: `memory ≤ ${mostGrowth.toFixed(2)}x of that for a quarter of the flood (${growth.toFixed(2)}x)`,
        isMet: growth <= mostGrowth
      }
    ]
  }
}

const missedOf = (rows: ReadonlyArray<BudgetRow>) => rows.filter(({ budget }) => budget?.isMet === false)

export const missed = ({ flood, llrt, rows, sinks }: Result): ReadonlyArray<string> => [
  ...missedOf(rows).map(({ label }) => label),
  ...missedOf(llrt.sink).map(({ label }) => `${label} on LLRT`),
  ...missedOf(sinks).map(({ label }) => `${label} of the OTLP sinks`),
  ...flood.budgets.filter(({ isMet }) => !isMet).map(({ text }) => text)
]
