/**
 * The columns of the axis. Invocations that are like others before them are folded into one column, so that a run of
 * thousands can be looked at.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import { laneOf, type Lane, type Mark } from "./Lanes.ts"
import type { Phase } from "./Phases.ts"

/**
 * A phase that is drawn, or a fold of several that are not.
 *
 * @category models
 * @since 0.1.0
 */
export type Column =
  | { readonly _tag: "Phase"; readonly phase: Phase }
  | { readonly _tag: "Fold"; readonly phases: ReadonlyArray<Phase>; readonly invocations: number }

/** An invocation with what follows it until the next one, or phases without an invocation. */
interface Unit {
  readonly phases: Array<Phase>
  readonly isFoldable: boolean
}

/** So many invocations of a kind are drawn before the next ones are folded. */
const drawnOfKind = 3
/** A run of so many invocations is drawn whole. */
const drawnWhole = 12
/** So many columns are drawn at most, beside those with a problem. */
const mostDrawn = 120

const unitsOf = (phases: ReadonlyArray<Phase>): ReadonlyArray<Unit> => {
  const units: Array<Unit> = []
  phases.forEach((phase, index) => {
    const isEnd = phase.kind === "shutdown" && phases.slice(index + 1).every(({ kind }) => kind === "idle")
    const unit = units.at(-1)
    if (phase.kind === "invoke") units.push({ phases: [phase], isFoldable: true })
    else if (unit?.isFoldable === true && !isEnd && phase.kind !== "init" && phase.kind !== "restore") {
      unit.phases.push(phase)
    } else units.push({ phases: [phase], isFoldable: false })
  })
  return units
}

const millisOf = ({ phases }: Unit): number =>
  phases.reduce((sum, { from, kind, to }) => (kind === "invoke" ? sum + to - from : sum), 0)

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0

/** What one unit has in common with another of its kind: how it ended, and each mark that is no log line. */
const kindOf = ({ phases }: Unit, journal: ReadonlyArray<JournalEntry>, marks: ReadonlyMap<number, Mark>): string =>
  phases
    .map(({ end, first, kind, status }) => {
      const told: Array<string> = []
      for (let position = first; position < end; position++) {
        const entry = journal[position]
        const mark = marks.get(position)
        if (entry === undefined || mark === undefined || mark.kind === "log" || mark.kind === "delivered") continue
        told.push(`${laneOf(entry)} ${entry._tag} ${mark.kind}`)
      }
      return `${kind} ${status} ${[...new Set(told)].toSorted().join()}`
    })
    .filter((text) => text !== "idle  " && text !== "frozen  ")
    .join("; ")

/**
 * Folds the phases of a run.
 *
 * @param options.pinned the positions of entries that have to be drawn, such as those of problems
 * @category constructors
 * @since 0.1.0
 */
export const of = (options: {
  readonly phases: ReadonlyArray<Phase>
  readonly journal: ReadonlyArray<JournalEntry>
  readonly lanes: ReadonlyArray<Lane>
  readonly pinned: ReadonlyArray<number>
}): ReadonlyArray<Column> => {
  const { journal, lanes, phases } = options
  const units = unitsOf(phases)
  const foldable = units.filter(({ isFoldable }) => isFoldable)
  if (foldable.length <= drawnWhole) return phases.map((phase) => ({ _tag: "Phase", phase }))

  const marks = new Map(lanes.flatMap((lane) => lane.marks.map((mark) => [mark.position, mark] as const)))
  const usual = median(foldable.map(millisOf))
  const slowest = foldable.reduce((one, other) => (millisOf(other) > millisOf(one) ? other : one))
  const isPinned = ({ phases }: Unit) =>
    options.pinned.some((position) => phases.some(({ end, first }) => position >= first && position < end))
  const drawn = new Map<string, number>()
  const columns: Array<Column> = []
  let fold: Array<Phase> = []
  let folded = 0
  let count = 0
  const endFold = () => {
    if (fold.length > 0) columns.push({ _tag: "Fold", phases: fold, invocations: folded })
    fold = []
    folded = 0
  }
  for (const unit of units) {
    const isSlow = millisOf(unit) > Math.max(3 * usual, usual + 100)
    const kind = `${isSlow ? "slow " : ""}${kindOf(unit, journal, marks)}`
    const before = drawn.get(kind) ?? 0
    const isDrawn =
      !unit.isFoldable || unit === slowest || isPinned(unit) || (before < drawnOfKind && count < mostDrawn)
    if (!isDrawn) {
      fold.push(...unit.phases)
      folded++
      continue
    }
    endFold()
    drawn.set(kind, before + 1)
    count++
    for (const phase of unit.phases) columns.push({ _tag: "Phase", phase })
  }
  endFold()
  return columns
}
