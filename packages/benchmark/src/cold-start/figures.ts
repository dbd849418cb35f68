/** The figures of a cold start, from the measured lives, and their budgets. */
import { compare, type Figure, type Row as Cell, type Versus } from "../compare.ts"
import type { Life, Program } from "../platform.ts"
import { type Summary, summarize } from "../summary.ts"
import type { Layer } from "./variants.ts"

/** The measurements of programs, round by round. */
export interface Measured {
  readonly lives: (program: Program) => ReadonlyArray<Life>
  /** The milliseconds of init under the emulator; for `undefined` those of the function alone. */
  readonly inits: (program: Program | undefined) => ReadonlyArray<number>
}

const firstNext = "spawn → first next"

// Times begin when the process runs the file: the fork of a server of this size is no part of a layer. The wait for a CPU
// is taken off, since it belongs to the neighbours.
const figuresOf = (lives: ReadonlyArray<Life>): ReadonlyArray<Figure> => [
  {
    label: "spawn → register",
    unit: "ms",
    digits: 1,
    values: lives.map((life) => life.registerMillis - life.spawnMillis - life.registerWaitMillis)
  },
  {
    label: firstNext,
    unit: "ms",
    digits: 1,
    values: lives.map((life) => life.firstNextMillis - life.spawnMillis - life.firstNextWaitMillis)
  },
  {
    label: "CPU until first next",
    unit: "ms",
    digits: 1,
    values: lives.map(({ firstNextCpuMillis }) => firstNextCpuMillis)
  },
  {
    label: "peak memory, first next",
    unit: "MB",
    digits: 1,
    values: lives.map(({ firstNextPeakMegabytes }) => firstNextPeakMegabytes)
  },
  {
    label: "peak memory, after the events",
    unit: "MB",
    digits: 1,
    values: lives.map(({ peakMegabytes }) => peakMegabytes)
  }
]

/** The largest ratios of the built layer to raw.cjs that are accepted. */
const budgets = new Map([
  ["spawn → register", 0.1],
  [firstNext, 1.1],
  ["peak memory, after the events", 1.25]
])

export interface Row {
  readonly label: string
  /** The figures, with the ratios to raw.cjs. */
  readonly cells: ReadonlyArray<Cell>
  /** The init under the emulator, less that of the function alone in the same round. */
  readonly addedInitMillis: Summary
}

export interface Result {
  readonly rows: ReadonlyArray<Row>
  /** The time to the first next of raw.cjs, to say how far apart its lives were. */
  readonly rawFirstNext: Summary
  /** The init of the function alone. */
  readonly functionInit: Summary
  /** The time of the spawn itself. */
  readonly spawn: Summary
  /** The time in which a process waited for a CPU before its first next. */
  readonly wait: Summary
  readonly budgets: ReadonlyArray<{
    readonly label: string
    readonly ratio: Summary
    readonly budget: number
    readonly isMet: boolean
  }>
}

/**
 * @param raw the program that the others are compared with
 * @param built the layer of `effect-lambda build`, which has the budgets
 */
export const resultOf = (
  { inits, lives }: Measured,
  programs: ReadonlyArray<Program>,
  raw: Program,
  built: Program
): Result => {
  const functionInits = inits(undefined)
  const cellsOf = (program: Program) => compare(figuresOf(lives(program)), figuresOf(lives(raw)))
  const rawFirstNext = figuresOf(lives(raw)).find(({ label }) => label === firstNext)
  return {
    rows: programs.map((program) => ({
      label: program.label,
      cells: cellsOf(program),
      addedInitMillis: summarize(inits(program).map((millis, round) => millis - (functionInits[round] ?? NaN)))
    })),
    rawFirstNext: summarize(rawFirstNext?.values ?? []),
    functionInit: summarize(functionInits),
    spawn: summarize(programs.flatMap(lives).map((life) => life.spawnMillis)),
    wait: summarize(programs.flatMap(lives).map((life) => life.firstNextWaitMillis)),
    budgets: cellsOf(built).flatMap(({ label, ratio }) => {
      const budget = budgets.get(label)
      return budget === undefined ? [] : [{ label, ratio, budget, isMet: ratio.median <= budget }]
    })
  }
}

/** @param again the first layer under a second name */
export const versusOf = (
  { inits, lives }: Measured,
  here: ReadonlyArray<Layer>,
  against: ReadonlyArray<Layer>,
  again: Program
): ReadonlyArray<Versus> => {
  const measured = (program: Program): ReadonlyArray<Figure> => [
    ...figuresOf(lives(program)),
    { label: "init under the emulator", unit: "ms", digits: 0, values: inits(program) }
  ]
  const all = ({ program, sizes }: Layer) => [...measured(program), ...sizes]
  return here.map((layer, index) => {
    const other = against[index]
    const { label } = layer.program
    const versus = { label, here: all(layer), against: other === undefined ? [] : all(other) }
    return index === 0 ? { ...versus, again: measured(again) } : versus
  })
}
