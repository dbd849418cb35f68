/** A scenario that this machine had no time for is played once more, and is no verdict if that is not better. */
import * as Effect from "effect/Effect"
import * as Judgement from "./Judgement.ts"
import * as StarvationWatch from "./StarvationWatch.ts"
import type { Verdict } from "./Verdict.ts"

/** A scenario that was played, and the milliseconds for which one of its processes was behind within a few seconds. */
export interface Played extends Omit<Verdict, "scenario" | "millis"> {
  readonly behindMs: number
}

/** A good verdict of a busy machine is one all the more. */
const isDoubtful = ({ behindMs, judgement }: Played): boolean =>
  Judgement.isTooBusy(judgement) ||
  (behindMs > StarvationWatch.limitMs && (judgement.status === "fail" || judgement.status === "warn"))

/** Plays, and again if the machine was too busy for a bad verdict. */
export const settle = Effect.fnUntraced(function* <E, R>(play: Effect.Effect<Played, E, R>) {
  const first = yield* play
  if (!isDoubtful(first)) return first
  const second = yield* play
  const notes = [
    ...second.notes,
    `it was played twice: at first a process waited up to ${first.behindMs} ms for a processor`
  ]
  if (!isDoubtful(second)) return { ...second, notes }
  const { at, sentence } = second.judgement
  const judgement: Judgement.Judgement = Judgement.isTooBusy(second.judgement)
    ? second.judgement
    : {
        ...Judgement.tooBusy(
          `a process waited ${first.behindMs} ms for a processor, and ${second.behindMs} ms when the scenario was played again; it looked as if ${sentence}`
        ),
        at
      }
  return { ...second, judgement, notes }
})
