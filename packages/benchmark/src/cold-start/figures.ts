import type { Life, Program } from "../platform.ts"
import { type Summary, summarize } from "../summary.ts"

interface Figure {
  readonly label: string
  readonly unit: string
  readonly digits: number
  readonly of: (life: Life) => number
  /** Largest ratio of the built layer to raw.cjs that is accepted. */
  readonly budget?: number
}

// From where the process runs the file: what it takes to fork a server of this size is no part of a layer. And without
// the time that it waited for a CPU, which belongs to the neighbours.
export const firstNext: Figure = {
  label: "spawn → first next",
  unit: "ms",
  digits: 1,
  of: (life) => life.firstNextMillis - life.spawnMillis - life.firstNextWaitMillis,
  budget: 1.1
}

export const figures: ReadonlyArray<Figure> = [
  {
    label: "spawn → register",
    unit: "ms",
    digits: 1,
    of: (life) => life.registerMillis - life.spawnMillis - life.registerWaitMillis,
    budget: 0.1
  },
  firstNext,
  { label: "CPU until first next", unit: "ms", digits: 1, of: (life) => life.firstNextCpuMillis },
  { label: "peak memory, first next", unit: "MB", digits: 1, of: (life) => life.firstNextPeakMegabytes },
  { label: "peak memory, after the events", unit: "MB", digits: 1, of: (life) => life.peakMegabytes, budget: 1.25 }
]

export interface Cell {
  readonly figure: Figure
  readonly summary: Summary
  /** To raw.cjs. */
  readonly ratio: number
}

export interface Row {
  readonly program: Program
  readonly cells: ReadonlyArray<Cell>
  /** Init under the emulator beyond that of the function alone. */
  readonly addedInitMillis: number
}

export interface Result {
  readonly rows: ReadonlyArray<Row>
  /** Init of the function alone. */
  readonly functionInit: Summary
  /** What spawn itself took. */
  readonly spawn: Summary
  /** How long a process waited for a CPU before its first next. */
  readonly wait: Summary
  readonly budgets: ReadonlyArray<{
    readonly label: string
    readonly ratio: number
    readonly budget: number
    readonly isMet: boolean
  }>
}

export interface Measured {
  readonly programs: ReadonlyArray<Program>
  readonly raw: Program
  readonly built: Program
  readonly lives: (program: Program) => ReadonlyArray<Life>
  readonly inits: (program: Program | undefined) => ReadonlyArray<number>
}

export const resultOf = ({ built, inits, lives, programs, raw }: Measured): Result => {
  const summary = (program: Program, { of }: Figure) => summarize(lives(program).map(of))
  const functionInit = summarize(inits(undefined))
  const cellsOf = (program: Program): ReadonlyArray<Cell> =>
    figures.map((figure) => ({
      figure,
      summary: summary(program, figure),
      ratio: summary(program, figure).median / summary(raw, figure).median
    }))
  return {
    rows: programs.map((program) => ({
      program,
      cells: cellsOf(program),
      addedInitMillis: summarize(inits(program)).median - functionInit.median
    })),
    functionInit,
    spawn: summarize(programs.flatMap(lives).map((life) => life.spawnMillis)),
    wait: summarize(programs.flatMap(lives).map((life) => life.firstNextWaitMillis)),
    budgets: cellsOf(built).flatMap(({ figure: { budget, label }, ratio }) =>
      budget === undefined ? [] : [{ label, ratio, budget, isMet: ratio <= budget }]
    )
  }
}
