/** The figures of cold starts under a CPU quota, and their budgets. */
import { type Added, added, alone, type Times } from "../cold-start/added.ts"
import type { ColdStart, FunctionOfRun } from "../cold-start/first-invocation.ts"
import type { Figure, Versus } from "../compare.ts"
import type { Program } from "../platform.ts"

/** The memory of the functions, in MB. */
export const memories = [128, 512, 1769]

/** When the quota holds: throughout, or from the first invocation on. */
export const modes = ["throttled throughout", "init unthrottled"] as const

export interface Condition {
  readonly megabytes: number
  readonly mode: (typeof modes)[number]
  readonly function: FunctionOfRun
}

/** The measurements round by round; for `undefined` those of the function alone. */
export type Starts = (condition: Condition, program: Program | undefined) => ReadonlyArray<ColdStart>

export const conditionsOf = (functions: ReadonlyArray<FunctionOfRun>): ReadonlyArray<Condition> =>
  functions.flatMap((beside) =>
    memories.flatMap((megabytes) => modes.map((mode) => ({ megabytes, mode, function: beside })))
  )

/** The cells of a program under each condition. */
export interface Row {
  readonly label: string
  readonly added: Added
}

export interface Block {
  readonly condition: Condition
  readonly alone: Times
  readonly rows: ReadonlyArray<Row>
}

/** The largest ratio of the init that the eager layer adds to that of the Rust client. */
const limit = 1.5

export interface Budget {
  readonly label: string
  readonly eager: number
  readonly rust: number
  readonly limit: number
  readonly isMet: boolean
}

export interface Result {
  readonly blocks: ReadonlyArray<Block>
  readonly budgets: ReadonlyArray<Budget>
}

const budgetOf = ({ condition, rows }: Block): ReadonlyArray<Budget> => {
  if (condition.megabytes !== memories[0] || condition.mode !== "throttled throughout") return []
  const init = (label: string) => rows.find((row) => row.label === label)?.added.init.median
  const eager = init("hello, eager")
  const rust = init("Rust")
  if (eager === undefined || rust === undefined) return []
  const label = `added init at ${condition.megabytes} MB, ${condition.function.label}`
  return [{ label, eager, rust, limit, isMet: eager <= limit * rust }]
}

export const resultOf = (
  conditions: ReadonlyArray<Condition>,
  programs: ReadonlyArray<Program>,
  starts: Starts
): Result => {
  const blocks = conditions.map((condition): Block => {
    const base = starts(condition, undefined)
    return {
      condition,
      alone: alone(base),
      rows: programs.map((program) => ({ label: program.label, added: added(starts(condition, program), base) }))
    }
  })
  return { blocks, budgets: blocks.flatMap(budgetOf) }
}

/** A layer of both checkouts; `again` is that of this checkout under a second name. */
export interface Pair {
  readonly here: Program
  readonly against: Program
  readonly again: Program | undefined
}

/** The same layers of two checkouts. */
export const versusOf = (
  conditions: ReadonlyArray<Condition>,
  pairs: ReadonlyArray<Pair>,
  starts: Starts
): ReadonlyArray<Versus> => {
  const figuresOf = (program: Program): ReadonlyArray<Figure> =>
    conditions.flatMap((condition) => {
      const of = starts(condition, program)
      const figure = (name: string, pick: (start: ColdStart) => number): Figure => ({
        label: `${name}, ${condition.function.label}, ${condition.megabytes} MB, ${condition.mode}`,
        unit: "ms",
        digits: 0,
        values: of.map(pick)
      })
      return [
        figure("init", ({ initMillis }) => initMillis),
        figure("response", ({ responseMillis }) => responseMillis),
        figure("invocation over", ({ overMillis }) => overMillis)
      ]
    })
  return pairs.map(({ again, against, here }) => ({
    label: here.label,
    here: figuresOf(here),
    against: figuresOf(against),
    ...(again && { again: figuresOf(again) })
  }))
}
