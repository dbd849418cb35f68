/** The progress of a run: a bar on a terminal, and lines alone elsewhere. */
import { assert, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Judgement from "../../src/conform/play/Judgement.ts"
import * as Sink from "../../src/conform/play/Sink.ts"
import type { Verdict } from "../../src/conform/play/Verdict.ts"
import * as Progress from "../../src/conform/Progress.ts"
import { scenarios } from "../../src/conform/Scenarios.ts"

const [first, second] = scenarios
const verdictOf = (scenario: typeof first): Verdict => ({
  scenario: scenario ?? assert.fail(),
  judgement: Judgement.pass("it is well"),
  journal: [],
  sink: Sink.noCounts,
  millis: 10,
  notes: []
})

/** Two of four scenarios begin, and one is over after ten seconds; gives what was written. */
const written = (isTerminal: boolean, columns: number) =>
  Effect.gen(function* () {
    const { columns: columnsBefore, isTTY } = process.stdout
    Object.assign(process.stdout, { isTTY: isTerminal, columns })
    let text = ""
    const write = vi.spyOn(process.stdout, "write").mockImplementation((piece) => {
      text += String(piece)
      return true
    })
    const terminal = {
      ended: Effect.never,
      print: (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`)),
      tell: () => Effect.void
    }
    const progress = yield* Progress.make(terminal, 4)
    for (const scenario of [first, second]) yield* progress.begin(scenario?.name ?? "")
    yield* TestClock.adjust("10 seconds")
    yield* progress.done(verdictOf(first))
    yield* progress.clear
    write.mockRestore()
    Object.assign(process.stdout, { isTTY, columns: columnsBefore })
    return text
  })

it.effect("a terminal shows the number, the time that is left and the scenarios at work below the verdicts", () =>
  Effect.gen(function* () {
    const text = yield* written(true, 120)
    assert.include(text, `0 of 4: ${first?.name}, ${second?.name}`)
    const lines = text.split("\n")
    assert.match(lines[0] ?? "", /pass.* init\/register-in-time +it is well$/)
    assert.strictEqual(lines[1], `${"█".repeat(6)}${"░".repeat(18)} 1 of 4, about 30 s left: ${second?.name}\r\u001b[K`)
  })
)

it.effect("a bar is no wider than the terminal", () =>
  Effect.gen(function* () {
    const bars = (yield* written(true, 40))
      .split("\r\u001b[K")
      .flatMap((piece) => piece.split("\n"))
      .filter((piece) => /[█░]/.test(piece))
    assert.isNotEmpty(bars)
    for (const bar of bars) assert.isBelow(bar.length, 40)
  })
)

it.effect("anything else gets a line for each verdict", () =>
  Effect.gen(function* () {
    const text = yield* written(false, 80)
    assert.match(text, /^.*pass.* init\/register-in-time +it is well\n$/)
    assert.notMatch(text, /[█░\r]/)
  })
)
