/** The figures of a first flush, and their budgets. */
import { compare, type Figure, type Row, type Versus } from "../compare.ts"
import type { Scheme } from "./lab.ts"
import type { Life, Ship } from "./life.ts"
import type { Both } from "./variants.ts"

export type Lives = (ship: Ship) => ReadonlyArray<Life>

const flushCpu = "CPU of the first flush"
const flushedMemory = "memory, after the first flush"

const figuresOf = (lives: ReadonlyArray<Life>): ReadonlyArray<Figure> => [
  { label: "CPU until first next", unit: "ms", digits: 1, values: lives.map((life) => life.firstNextCpuMillis) },
  { label: "memory, first next", unit: "MB", digits: 1, values: lives.map((life) => life.firstNextMegabytes) },
  { label: flushCpu, unit: "ms", digits: 1, values: lives.map((life) => life.flushCpuMillis) },
  { label: "function's end → next", unit: "ms", digits: 1, values: lives.map((life) => life.flushMillis) },
  { label: flushedMemory, unit: "MB", digits: 1, values: lives.map((life) => life.flushedMegabytes) },
  { label: "peak memory", unit: "MB", digits: 1, values: lives.map((life) => life.peakMegabytes) }
]

/** The largest ratios of the CPU to that of `fetch`. TLS has the cost of its handshake with either client. */
const cpuBudgets: Readonly<Record<Scheme, number>> = { http: 0.5, https: 0.8 }
const leastSavedMegabytes = 6

export interface Budget {
  readonly text: string
  readonly isMet: boolean
}

export interface BudgetRow extends Row {
  readonly budget: Budget | undefined
}

const withBudget = (row: Row, scheme: Scheme): BudgetRow => {
  const most = cpuBudgets[scheme]
  switch (row.label) {
    case flushCpu:
      return { ...row, budget: { text: `≤ ${most.toFixed(2)}x`, isMet: row.ratio.median <= most } }
    case flushedMemory: {
      const isMet = row.to.median - row.of.median >= leastSavedMegabytes
      return { ...row, budget: { text: `${leastSavedMegabytes} MB less`, isMet } }
    }
    default:
      return { ...row, budget: undefined }
  }
}

export type Result = Readonly<Record<Scheme, ReadonlyArray<BudgetRow>>>

/** Compares a client with `fetch`. */
export const resultOf = (ours: Both, fetch: Both, lives: Lives): Result => {
  const rows = (scheme: Scheme) =>
    compare(figuresOf(lives(ours[scheme])), figuresOf(lives(fetch[scheme]))).map((row) => withBudget(row, scheme))
  return { http: rows("http"), https: rows("https") }
}

export const schemes = ["http", "https"] as const

export const missed = (result: Result): ReadonlyArray<string> =>
  schemes.flatMap((scheme) =>
    result[scheme].filter(({ budget }) => budget?.isMet === false).map(({ label }) => `${label}, ${scheme}`)
  )

/** @param again our layer under a second name */
export const versusOf = (ours: Both, against: Both, again: Both, lives: Lives): ReadonlyArray<Versus> =>
  schemes.map((scheme) => ({
    label: scheme,
    here: figuresOf(lives(ours[scheme])),
    against: figuresOf(lives(against[scheme])),
    again: figuresOf(lives(again[scheme]))
  }))
