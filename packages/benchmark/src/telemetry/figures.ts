import { type Summary, summarize } from "../summary.ts"
import { eventsPerBatch } from "./batches.ts"
import { field, type Life } from "./server.ts"

/** The same figure of both servers. */
export interface Row {
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly raw: Summary
  readonly ours: Summary
  readonly ratio: number
  readonly budget: Budget | undefined
}

export interface Budget {
  readonly text: string
  readonly isMet: boolean
}

/** What became of a flood that nobody reads. */
export interface Flood {
  readonly records: number
  readonly delivered: number
  readonly waiting: number
  readonly dropped: number
  readonly quarterMegabytes: Summary
  readonly peakMegabytes: Summary
  readonly budgets: ReadonlyArray<Budget>
}

export interface Result {
  readonly rows: ReadonlyArray<Row>
  readonly flood: Flood
}

const leastThroughput = 0.78
/** How much more memory four times the records may take. */
const mostGrowth = 1.15
/** The bound of a consumer's queue, and what its reader has in hand. */
const mostWaiting = 51_000

/** Between the first mark (the end of the warm-up) and the last. */
const between = ({ marks }: Life, batches: number) => {
  const [start, end] = [marks[0], marks.at(-1)]
  if (start === undefined || end === undefined) throw new Error("a life without marks")
  const events = batches * eventsPerBatch
  return {
    eventsPerMilli: events / (end.millis - start.millis),
    cpuMicros: ((end.cpuMillis - start.cpuMillis) * 1000) / events,
    peakMegabytes: end.peakMegabytes
  }
}

export const rowsOf = (raw: ReadonlyArray<Life>, ours: ReadonlyArray<Life>, batches: number): ReadonlyArray<Row> => {
  const row = (
    label: string,
    unit: string,
    digits: number,
    key: keyof ReturnType<typeof between>,
    least?: number
  ): Row => {
    const of = (lives: ReadonlyArray<Life>) => summarize(lives.map((life) => between(life, batches)[key]))
    const [rawSummary, oursSummary] = [of(raw), of(ours)]
    const ratio = oursSummary.median / rawSummary.median
    const budget = least === undefined ? undefined : { text: `≥ ${least.toFixed(2)}x`, isMet: ratio >= least }
    return { label, unit, digits, raw: rawSummary, ours: oursSummary, ratio, budget }
  }
  return [
    row("throughput", "events/ms", 0, "eventsPerMilli", leastThroughput),
    row("CPU per event", "µs", 2, "cpuMicros"),
    row("peak memory", "MB", 0, "peakMegabytes")
  ]
}

/** Phases of a flood: a quarter of it, then the rest. */
export const floodOf = (lives: ReadonlyArray<Life>): Flood => {
  const megabytes = (index: number) => summarize(lives.map(({ marks }) => marks.at(index)?.peakMegabytes ?? NaN))
  const [quarterMegabytes, peakMegabytes] = [megabytes(0), megabytes(-1)]
  const counts = lives.map(({ counted }) => {
    const consumers = field(counted, "consumers")
    const consumer: unknown = Array.isArray(consumers) ? consumers[0] : undefined
    const count = (name: string) => Number(field(consumer, name))
    return {
      records: Number(field(counted, "received")),
      offered: count("offered"),
      delivered: count("delivered"),
      waiting: count("waiting"),
      dropped: count("droppedByQueue")
    }
  })
  const isCounted = counts.every(
    ({ delivered, dropped, offered, records, waiting }) =>
      offered === records && delivered + waiting + dropped === records
  )
  const [first] = counts
  if (first === undefined) throw new Error("no flood")
  const growth = peakMegabytes.median / quarterMegabytes.median
  return {
    ...first,
    quarterMegabytes,
    peakMegabytes,
    budgets: [
      { text: "every record is delivered, waiting or counted as dropped", isMet: isCounted },
      {
        text: `at most ${mostWaiting} records wait`,
        isMet: counts.every(({ waiting }) => waiting <= mostWaiting)
      },
      {
        text: `memory ≤ ${mostGrowth.toFixed(2)}x of what a quarter of the flood took (${growth.toFixed(2)}x)`,
        isMet: growth <= mostGrowth
      }
    ]
  }
}

export const missed = ({ flood, rows }: Result): ReadonlyArray<string> => [
  ...rows.filter(({ budget }) => budget?.isMet === false).map(({ label }) => label),
  ...flood.budgets.filter(({ isMet }) => !isMet).map(({ text }) => text)
]
