/** The progress of a run: a bar on a terminal, and a line for each verdict. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import process from "node:process"
import type * as Terminal from "../shared/Terminal.ts"
import * as ConformText from "./ConformText.ts"
import type { Verdict } from "./play/Verdict.ts"

export interface Progress {
  /** A scenario is over. */
  readonly done: (verdict: Verdict) => Effect.Effect<void>
  readonly say: (text: string) => Effect.Effect<void>
  /** Takes the bar away. */
  readonly clear: Effect.Effect<void>
}

const cells = 24

/** `████░░░░ 12 of 60, about 40 s left` */
const barOf = (done: number, all: number, millis: number): string => {
  const full = Math.round((done / all) * cells)
  const left = Math.ceil(((millis / Math.max(done, 1)) * (all - done)) / 1000)
  const time = done === 0 ? "" : `, about ${left} s left`
  return `${"█".repeat(full)}${"░".repeat(cells - full)} ${done} of ${all}${time}`
}

/** Starts the count. A terminal shows the bar below the lines; anything else gets the lines alone. */
export const make = Effect.fnUntraced(function* (terminal: Effect.Success<typeof Terminal.make>, all: number) {
  const start = yield* Clock.currentTimeMillis
  const isTerminal = process.stdout.isTTY
  let count = 0
  const clear = Effect.sync(() => {
    if (isTerminal) process.stdout.write("\r\u001b[K")
  })
  const bar = Effect.map(Clock.currentTimeMillis, (now) => {
    if (isTerminal) process.stdout.write(barOf(count, all, now - start))
  })
  yield* bar
  const say = (text: string) => Effect.andThen(clear, Effect.andThen(terminal.print(text), bar))
  const progress: Progress = {
    say,
    clear,
    done: (verdict) =>
      Effect.suspend(() => {
        count++
        return say(ConformText.line(verdict))
      })
  }
  return progress
})
