/** A machine that is too busy makes no verdict: it is noticed, and the scenario is played once more. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Judgement from "../../src/conform/play/Judgement.ts"
import * as Replay from "../../src/conform/play/Replay.ts"
import * as Sink from "../../src/conform/play/Sink.ts"
import * as StarvationWatch from "../../src/conform/play/StarvationWatch.ts"

describe("the watch", () => {
  /** The milliseconds behind at the worst, after so many seconds of a process that waits as `waitedMs` tells. */
  const behind = Effect.fnUntraced(function* (seconds: number, waitedMs: (ms: number) => number | undefined) {
    const clock = yield* Clock.Clock
    const watch = yield* StarvationWatch.make(Effect.succeed([7]), ([pid = 0]) => {
      const waited = waitedMs(clock.currentTimeMillisUnsafe())
      return new Map(waited === undefined ? [] : [[pid, waited]])
    })
    yield* TestClock.adjust(Duration.seconds(seconds))
    return yield* watch
  })

  it.effect.each([
    ["an idle machine", () => 0, 0, 0],
    ["a process that always waits for a tenth of the time", (ms: number) => ms / 10, 300, 340],
    ["a process that waits for two seconds on end", (ms: number) => Math.min(2000, Math.max(0, ms - 8000)), 2000, 2000],
    ["a process that starts late, and waits at once", (ms: number) => (ms < 9000 ? undefined : 1500), 1500, 1500],
    ["a process that ends", (ms: number) => (ms < 9000 ? ms / 10 : undefined), 300, 340],
    ["a system that tells nothing", () => undefined, 0, 0]
  ] as const)("of %s", ([, waitedMs, least, most]) =>
    Effect.gen(function* () {
      const ms = yield* behind(20, waitedMs)
      assert.isAtLeast(ms, least)
      assert.isAtMost(ms, most)
    })
  )

  it.effect("of this process, whose timers come late when it has no processor", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const late: Clock.Clock = {
        ...clock,
        sleep: (duration) => clock.sleep(Duration.sum(duration, Duration.millis(300)))
      }
      const ms = yield* Effect.provideService(
        Effect.gen(function* () {
          const watch = yield* StarvationWatch.make(Effect.succeed([]), () => new Map())
          yield* TestClock.adjust("20 seconds")
          return yield* watch
        }),
        Clock.Clock,
        late
      )
      assert.isAtLeast(ms, 1500)
      assert.isAtMost(ms, 2100)
    })
  )
})

describe("the replay", () => {
  type Run = readonly [judgement: Judgement.Judgement, behindMs: number]

  /** Plays these runs one after the other, and tells what came of them and how many were played. */
  const settle = Effect.fnUntraced(function* (...runs: ReadonlyArray<Run>) {
    let played = 0
    const { judgement, notes } = yield* Replay.settle(
      Effect.sync((): Replay.Played => {
        const [judgement, behindMs] = runs[played++] ?? assert.fail("it was played too often")
        return { judgement, behindMs, journal: [], sink: Sink.noCounts, notes: ["a note"] }
      })
    )
    return { judgement, notes, played }
  })
  const busy = StarvationWatch.limitMs + 1
  const failed = Judgement.fail("it was held until the function's timeout")

  it.effect.each([
    ["a failure on a machine with time is one", [failed, busy - 1]],
    ["a pass on a busy machine is one", [Judgement.pass("it works"), busy]],
    ["what cannot be tried stays that", [Judgement.notTestable("no sink"), busy]],
    ["the remark of a busy machine stays", [Judgement.info("it exits at 500"), busy]]
  ] as const)("%s", ([, run]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* settle(run), { judgement: run[0], notes: ["a note"], played: 1 })
    })
  )

  it.effect("of a failure on a busy machine decides, if the machine has the time then", () =>
    Effect.gen(function* () {
      for (const judgement of [Judgement.pass("it works"), failed, Judgement.warn("it is slow")]) {
        const settled = yield* settle([failed, 1234], [judgement, judgement.status === "pass" ? busy : 0])
        assert.deepStrictEqual(settled.judgement, judgement)
        assert.deepStrictEqual(settled.notes, [
          "a note",
          "it was played twice: at first a process waited up to 1234 ms for a processor"
        ])
        assert.strictEqual(settled.played, 2)
      }
    })
  )

  it.effect("follows on a time that was unclear, and leaves it so if it was not clear then either", () =>
    Effect.gen(function* () {
      const unclear = Judgement.tooBusy("it held invocations for 500 ms")
      assert.deepStrictEqual((yield* settle([unclear, 0], [failed, 0])).judgement, failed)
      assert.deepStrictEqual((yield* settle([unclear, 0], [unclear, busy])).judgement, unclear)
    })
  )

  it.effect("of a machine that stays busy makes a failure and a warning not testable, with what was seen", () =>
    Effect.gen(function* () {
      for (const judgement of [failed, Judgement.warn("it was held until the function's timeout")]) {
        const settled = yield* settle([failed, 1234], [judgement, 5678])
        assert.strictEqual(settled.judgement.status, "not testable")
        assert.match(
          settled.judgement.sentence,
          /^this machine was too busy: .* 1234 ms .* 5678 ms .*; it looked as if it was held until/
        )
        assert.strictEqual(settled.played, 2)
      }
    })
  )
})
