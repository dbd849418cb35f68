/** Plays a scenario once more if this machine had no time for it. Without time again, nothing is judged. */
import * as Effect from "effect/Effect"
import * as Judgement from "./Judgement.ts"
import type { Verdict } from "./Verdict.ts"

/** A scenario that was played, and what lets its verdict be doubted. */
export interface Played extends Omit<Verdict, "scenario" | "millis"> {
  /** The milliseconds for which a process had no processor, if the verdict may be bad for that. */
  readonly doubtMs: number | undefined
}

const isDoubtful = ({ doubtMs, judgement }: Played): boolean => doubtMs !== undefined || Judgement.isTooBusy(judgement)

/** Plays, and again if the machine was too busy for a bad verdict. */
export const settle = Effect.fnUntraced(function* <E, R>(play: Effect.Effect<Played, E, R>) {
  const first = yield* play
  if (!isDoubtful(first)) return first
  const second = yield* play
  const notes = [...second.notes, "it was played twice: at first this machine was too busy"]
  if (second.doubtMs === undefined) return { ...second, notes }
  const { at, sentence } = second.judgement
  const judgement: Judgement.Judgement = {
    ...Judgement.tooBusy(
      `a process waited ${second.doubtMs} ms for a processor, also when the scenario was played again; it looked as if ${sentence}`
    ),
    at
  }
  return { ...second, judgement, notes }
})
