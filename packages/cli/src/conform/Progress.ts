/** The progress of a run: a bar on a terminal, and a line for each verdict. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import process from "node:process"
import type * as Terminal from "../shared/Terminal.ts"
import * as ConformText from "./ConformText.ts"
import type { Verdict } from "./play/Verdict.ts"

export interface Progress {
  /** A scenario begins. */
  readonly begin: (name: string) => Effect.Effect<void>
  /** A scenario is over. */
  readonly done: (verdict: Verdict) => Effect.Effect<void>
  readonly say: (text: string) => Effect.Effect<void>
  /** Takes the bar away. */
  readonly clear: Effect.Effect<void>
}

const cells = 24

/** `████░░░░ 12 of 60, about 40 s left: next/held, next/freeze` */
const barOf = (done: number, all: number, millis: number, playing: Iterable<string>): string => {
  const full = Math.round((done / all) * cells)
  const left = Math.ceil(((millis / Math.max(done, 1)) * (all - done)) / 1000)
  const time = done === 0 ? "" : `, about ${left} s left`
  const names = [...playing].join(", ")
  return `${"█".repeat(full)}${"░".repeat(cells - full)} ${done} of ${all}${time}${names === "" ? "" : `: ${names}`}`
}

/** Starts the count. A terminal shows the bar below the lines; anything else gets the lines alone. */
export const make = Effect.fnUntraced(function* (terminal: Effect.Success<typeof Terminal.make>, all: number) {
  const start = yield* Clock.currentTimeMillis
  const isTerminal = process.stdout.isTTY
  const playing = new Set<string>()
  let count = 0
  const clear = Effect.sync(() => {
    if (isTerminal) process.stdout.write("\r\u001b[K")
  })
  const bar = Effect.map(Clock.currentTimeMillis, (now) => {
    // A bar that is wider than the terminal would go on in a second line, which nothing clears.
    if (isTerminal) process.stdout.write(barOf(count, all, now - start, playing).slice(0, process.stdout.columns - 1))
  })
  yield* bar
  const say = (text: string) => Effect.andThen(clear, Effect.andThen(terminal.print(text), bar))
  const progress: Progress = {
    say,
    clear,
    begin: (name) =>
      Effect.suspend(() => {
        playing.add(name)
        return Effect.andThen(clear, bar)
      }),
    done: (verdict) =>
      Effect.suspend(() => {
        count++
        playing.delete(verdict.scenario.name)
        return say(ConformText.line(verdict))
      })
  }
  return progress
})
