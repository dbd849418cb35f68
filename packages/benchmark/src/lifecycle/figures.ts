import { type Summary, summarize } from "../summary.ts"
import type { Life, Program } from "../platform.ts"
import type { Pair, Size, Variants } from "./variants.ts"

/** One line of the result: the same figure of both programs of a pair. */
export interface Row {
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly raw: Summary
  readonly hello: Summary
  /** Undefined where a ratio says nothing. */
  readonly ratio: number | undefined
  readonly budget: { readonly text: string; readonly isMet: boolean } | undefined
}

export interface Lives {
  /** Few events: for the timings of the start. */
  readonly short: ReadonlyArray<Life>
  /** Many events: for what an event costs, and for memory. */
  readonly long: ReadonlyArray<Life>
}

interface Figure {
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly lives: keyof Lives
  readonly key: keyof Life
  /** Largest ratio to raw.cjs that is accepted, without logging. */
  readonly budget?: number
}

const figures: ReadonlyArray<Figure> = [
  { label: "spawn → register", unit: "ms", digits: 1, lives: "short", key: "registerMillis" },
  { label: "spawn → first next", unit: "ms", digits: 1, lives: "short", key: "firstNextMillis", budget: 1.6 },
  { label: "CPU until first next", unit: "ms", digits: 1, lives: "short", key: "firstNextCpuMillis" },
  { label: "CPU per event", unit: "ms", digits: 3, lives: "long", key: "eventCpuMillis", budget: 1.6 },
  { label: "peak memory", unit: "MB", digits: 1, lives: "long", key: "peakMegabytes", budget: 1.3 }
]

const bundleBudget = { minified: 110_000, gzip: 38_000 }

const sizeRow = (label: string, rawBytes: number, helloBytes: number, budgetBytes: number): Row => {
  const same = (bytes: number) => ({ median: bytes / 1000, min: bytes / 1000, max: bytes / 1000 })
  return {
    label,
    unit: "KB",
    digits: 1,
    raw: same(rawBytes),
    hello: same(helloBytes),
    ratio: undefined,
    budget: { text: `≤ ${budgetBytes / 1000} KB`, isMet: helloBytes <= budgetBytes }
  }
}

const sizeRows = (raw: Size, hello: Size): ReadonlyArray<Row> => [
  sizeRow("hello's bundle, minified", raw.bytes, hello.bytes, bundleBudget.minified),
  sizeRow("hello's bundle, gzip", raw.gzipBytes, hello.gzipBytes, bundleBudget.gzip)
]

/** `hasBudget`: the budgets are about the library's own cost, so only the pair without logging has them. */
const pairRows = (raw: Lives, hello: Lives, hasBudget: boolean): ReadonlyArray<Row> =>
  figures.map(({ budget, digits, key, label, lives, unit }) => {
    const summary = (all: Lives) => summarize(all[lives].map((life) => life[key]))
    const [rawSummary, helloSummary] = [summary(raw), summary(hello)]
    const ratio = helloSummary.median / rawSummary.median
    return {
      label,
      unit,
      digits,
      raw: rawSummary,
      hello: helloSummary,
      ratio,
      budget:
        budget === undefined || !hasBudget ? undefined : { text: `≤ ${budget.toFixed(2)}x`, isMet: ratio <= budget }
    }
  })

export interface Result {
  readonly quiet: ReadonlyArray<Row>
  readonly logging: ReadonlyArray<Row>
}

export const resultOf = (variants: Variants, lives: (program: Program) => Lives): Result => {
  const rows = ({ hello, raw }: Pair, hasBudget: boolean) => pairRows(lives(raw), lives(hello), hasBudget)
  return {
    quiet: [...rows(variants.quiet, true), ...sizeRows(variants.rawSize, variants.helloSize)],
    logging: rows(variants.logging, false)
  }
}

export const missed = (result: Result): ReadonlyArray<Row> =>
  [...result.quiet, ...result.logging].filter((row) => row.budget?.isMet === false)
