/** The figures of a cold start, from the measured lives, and their budgets. */
import { compare, type Figure, type Row as Cell, type Versus } from "../compare.ts"
import type { Life, Moment, Program } from "../platform.ts"
import { type Summary, summarize } from "../summary.ts"
import { type Added, added, alone, type Times } from "./added.ts"
import type { ColdStart, FunctionOfRun } from "./first-invocation.ts"
import type { Layer } from "./variants.ts"

/** The invocations of a long life. */
export const longLifeEvents = 5000

/** The measurements of programs, round by round. */
export interface Measured {
  readonly lives: (program: Program) => ReadonlyArray<Life>
  /** Lives of many more events; a program that has none is not in their table. */
  readonly longLives: (program: Program) => ReadonlyArray<Life>
  readonly functions: ReadonlyArray<FunctionOfRun>
  /** Under the emulator; for `undefined` those of the function alone. */
  readonly starts: (program: Program | undefined, beside: FunctionOfRun) => ReadonlyArray<ColdStart>
}

const register = "spawn → register"
const firstNext = "spawn → first next"
const withFork = "fork, spawn → first next"
const cpu = "CPU until first next"
const memory = "peak memory, after the events"
const firstMemory = "peak memory at first next"
const eventCpu = `CPU per event, of ${longLifeEvents}`
const longMemory = `peak memory after ${longLifeEvents} events`

/** The figures of the table. For the others a comparison of two checkouts has a use. */
const columns = new Set([
  register,
  firstNext,
  cpu,
  firstMemory,
  "spawn → first event done",
  "CPU until then",
  "peak memory, then",
  memory
])

const millis = (label: string, values: ReadonlyArray<number>): Figure => ({ label, unit: "ms", digits: 1, values })
const megabytes = (label: string, values: ReadonlyArray<number>): Figure => ({ label, unit: "MB", digits: 1, values })

const longFigures = (lives: ReadonlyArray<Life>): ReadonlyArray<Figure> =>
  lives.length === 0
    ? []
    : [
        {
          ...millis(
            eventCpu,
            lives.map(({ eventCpuMillis }) => eventCpuMillis)
          ),
          digits: 3
        },
        megabytes(
          longMemory,
          lives.map(({ peakMegabytes }) => peakMegabytes)
        )
      ]

const figuresOf = (lives: ReadonlyArray<Life>): ReadonlyArray<Figure> => {
  // Times begin when the process runs the file: the fork of a server of this size is no part of a layer. The wait for a
  // CPU is taken off, since it belongs to the neighbours.
  const until = (label: string, moment: (life: Life) => Moment) =>
    millis(
      label,
      lives.map((life) => moment(life).millis - life.spawnMillis - moment(life).waitMillis)
    )
  return [
    until(register, (life) => life.register),
    until(firstNext, (life) => life.firstNext),
    millis(
      withFork,
      lives.map((life) => life.firstNext.millis - life.firstNext.waitMillis)
    ),
    millis(
      cpu,
      lives.map((life) => life.firstNext.cpuMillis)
    ),
    megabytes(
      firstMemory,
      lives.map((life) => life.firstNext.peakMegabytes)
    ),
    until("spawn → first event done", (life) => life.secondNext),
    millis(
      "CPU until then",
      lives.map((life) => life.secondNext.cpuMillis)
    ),
    megabytes(
      "peak memory, then",
      lives.map((life) => life.secondNext.peakMegabytes)
    ),
    megabytes(
      memory,
      lives.map((life) => life.peakMegabytes)
    )
  ]
}

/** A figure that may be at most `limit` times that of another program; `undefined` only shows the ratio. */
interface Budget {
  readonly program: string
  readonly figure: string
  readonly to: string
  readonly limit: number | undefined
}

const budgets: ReadonlyArray<Budget> = [
  { program: "hello, ready", figure: register, to: "raw.cjs", limit: 0.1 },
  { program: "hello, ready", figure: firstNext, to: "raw.cjs", limit: 1.1 },
  { program: "hello, ready", figure: memory, to: "raw.cjs", limit: 1.25 },
  { program: "hello, eager", figure: firstNext, to: "raw.cjs", limit: 0.15 },
  { program: "hello, eager", figure: withFork, to: "Rust", limit: 2 },
  { program: "hello, eager", figure: firstNext, to: "Rust", limit: undefined },
  { program: "hello on LLRT, ready", figure: firstNext, to: "raw.cjs", limit: 0.45 },
  { program: "hello on LLRT, ready", figure: cpu, to: "raw.cjs", limit: 0.45 },
  { program: "hello on LLRT, ready", figure: firstMemory, to: "raw.cjs", limit: 0.4 },
  { program: "hello on LLRT, ready", figure: longMemory, to: "raw.cjs", limit: 0.35 },
  { program: "hello on LLRT, ready", figure: eventCpu, to: "raw.cjs", limit: 3.5 },
  { program: "otel, ready", figure: cpu, to: "telemetry-ship, ready", limit: 1.15 },
  { program: "otel, ready", figure: memory, to: "telemetry-ship, ready", limit: undefined }
]

export interface BudgetRow extends Budget {
  readonly ratio: Summary
  readonly isMet: boolean
}

export interface Row {
  readonly label: string
  /** The figures, with the ratios to raw.cjs. */
  readonly cells: ReadonlyArray<Cell>
}

/** The cold starts of a function, alone and beside each program. */
export interface Beside {
  readonly label: string
  readonly alone: Times
  readonly rows: ReadonlyArray<{ readonly label: string; readonly added: Added }>
}

export interface Result {
  readonly rows: ReadonlyArray<Row>
  /** The programs with long lives. */
  readonly long: ReadonlyArray<Row>
  readonly beside: ReadonlyArray<Beside>
  /** The time to the first next of raw.cjs, to say how far apart its lives were. */
  readonly rawFirstNext: Summary
  /** The time of the spawn itself. */
  readonly spawn: Summary
  /** The time in which a process waited for a CPU before its first next. */
  readonly wait: Summary
  readonly budgets: ReadonlyArray<BudgetRow>
}

/** @param raw the program that the others are compared with */
export const resultOf = (
  { functions, lives, longLives, starts }: Measured,
  programs: ReadonlyArray<Program>,
  raw: Program
): Result => {
  const long = (program: Program) => longFigures(longLives(program))
  const figures = (program: Program) => [...figuresOf(lives(program)), ...long(program)]
  const inTable = (program: Program) => figures(program).filter(({ label }) => columns.has(label))
  const byLabel = new Map(programs.map((program) => [program.label, program]))
  const budgetRow = (budget: Budget): ReadonlyArray<BudgetRow> => {
    const program = byLabel.get(budget.program)
    const to = byLabel.get(budget.to)
    // A program that this machine cannot make has a note instead.
    if (program === undefined || to === undefined) return []
    return compare(figures(program), figures(to)).flatMap(({ label, ratio }) =>
      label === budget.figure ? [{ ...budget, ratio, isMet: ratio.median <= (budget.limit ?? Infinity) }] : []
    )
  }
  return {
    rows: programs.map((program) => ({
      label: program.label,
      cells: compare(inTable(program), inTable(raw))
    })),
    long: programs
      .filter((program) => longLives(program).length > 0)
      .map((program) => ({ label: program.label, cells: compare(long(program), long(raw)) })),
    beside: functions.map((beside) => {
      const base = starts(undefined, beside)
      return {
        label: beside.label,
        alone: alone(base),
        rows: programs.map((program) => ({ label: program.label, added: added(starts(program, beside), base) }))
      }
    }),
    rawFirstNext: summarize(figures(raw).find(({ label }) => label === firstNext)?.values ?? []),
    spawn: summarize(programs.flatMap(lives).map((life) => life.spawnMillis)),
    wait: summarize(programs.flatMap(lives).map((life) => life.firstNext.waitMillis)),
    budgets: budgets.flatMap(budgetRow)
  }
}

/** @param again the first layer under a second name */
export const versusOf = (
  { functions, lives, starts }: Measured,
  here: ReadonlyArray<Layer>,
  against: ReadonlyArray<Layer>,
  again: Program
): ReadonlyArray<Versus> => {
  const beside = (program: Program): ReadonlyArray<Figure> =>
    functions.flatMap((one) => [
      {
        ...millis(
          `init, ${one.label}`,
          starts(program, one).map(({ initMillis }) => initMillis)
        ),
        digits: 0
      },
      {
        ...millis(
          `response, ${one.label}`,
          starts(program, one).map(({ responseMillis }) => responseMillis)
        ),
        digits: 0
      }
    ])
  const measured = (program: Program) => [...figuresOf(lives(program)), ...beside(program)]
  const all = ({ program, sizes }: Layer) => [...measured(program), ...sizes]
  return here.flatMap((layer, index) => {
    const other = against.find(({ variant }) => variant === layer.variant)
    if (other === undefined) return []
    const versus = { label: layer.program.label, here: all(layer), against: all(other) }
    return [index === 0 ? { ...versus, again: measured(again) } : versus]
  })
}
