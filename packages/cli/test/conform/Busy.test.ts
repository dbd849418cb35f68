/** A machine that is too busy makes no verdict: it is noticed, and the scenario is played once more. */
import type { JournalEntry, JournalEvent } from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Doubt from "../../src/conform/play/Doubt.ts"
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
    return watch.worst()
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
          return watch.worst()
        }),
        Clock.Clock,
        late
      )
      assert.isAtLeast(ms, 1500)
      assert.isAtMost(ms, 2100)
    })
  )
})

describe("the doubt", () => {
  const entry = <Event extends JournalEvent>(
    event: Event
  ): Event & { readonly index: number; readonly at: number } => ({
    ...event,
    index: 1,
    at: 20_000
  })
  const done = (status: "success" | "timeout") =>
    entry({
      _tag: "InvocationDone",
      requestId: "r",
      status,
      errorType: undefined,
      extensionOverheadMs: 0,
      maxMemoryBytes: undefined
    })
  const killed = entry({ _tag: "Killed", source: "extension:a", signal: "SIGKILL" })
  const exited = entry({
    _tag: "ProcessExited",
    source: "extension:a",
    state: undefined,
    status: { _tag: "Code", code: 1 },
    peakMemoryBytes: undefined
  })

  it.each<readonly [string, Judgement.Status, JournalEntry | undefined, number, number, number | undefined]>([
    ["a pass", "pass", killed, 3000, 3000, undefined],
    ["what cannot be tried", "not testable", undefined, 3000, 3000, undefined],
    ["a process that ends by itself", "fail", exited, 3000, 3000, undefined],
    ["an invocation that was held and succeeded", "warn", done("success"), 3000, 3000, undefined],
    ["a process that is killed on a machine with time", "warn", killed, 3000, 1000, undefined],
    ["a process that is killed on a busy one", "warn", killed, 3000, 1001, 1001],
    ["a timeout of three seconds", "fail", done("timeout"), 3000, 1001, 1001],
    ["a timeout of ten, of which it had three", "fail", done("timeout"), 10_000, 7000, undefined],
    ["a timeout of ten, of which it had less", "fail", done("timeout"), 10_000, 7001, 7001],
    ["a loss, which has no entry", "fail", undefined, 10_000, 1001, 1001],
    ["a loss on a machine with time", "fail", undefined, 10_000, 1000, undefined]
  ])("of %s", (_, status, shown, timeout, waited, expected) => {
    const asked: Array<readonly [number, number]> = []
    const watch = {
      before: (at: number, ms: number) => {
        asked.push([at, ms])
        return waited
      },
      worst: () => waited
    }
    const judgement = { status, sentence: "it did", at: shown === undefined ? [] : [1] }
    const journal = shown === undefined ? [] : [shown]
    assert.strictEqual(Doubt.of(judgement, journal, { timeout, init: 10_000 }, watch), expected)
    const limit = shown?._tag === "InvocationDone" ? timeout : 3000
    for (const each of asked) assert.deepStrictEqual(each, [20_000, limit])
  })
})

describe("the replay", () => {
  type Run = readonly [judgement: Judgement.Judgement, doubtMs: number | undefined]

  /** Plays these runs one after the other, and tells what came of them and how many were played. */
  const settle = Effect.fnUntraced(function* (...runs: ReadonlyArray<Run>) {
    let played = 0
    const { judgement, notes } = yield* Replay.settle(
      Effect.sync((): Replay.Played => {
        const [judgement, doubtMs] = runs[played++] ?? assert.fail("it was played too often")
        return { judgement, doubtMs, journal: [], sink: Sink.noCounts, notes: ["a note"] }
      })
    )
    return { judgement, notes, played }
  })
  const failed = Judgement.fail("it was held until the function's timeout")
  const twice = ["a note", "it was played twice: at first this machine was too busy"]

  it.effect("a verdict without doubt is one", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* settle([failed, undefined]), { judgement: failed, notes: ["a note"], played: 1 })
    })
  )

  it.effect("decides about a verdict in doubt, if there is none then", () =>
    Effect.gen(function* () {
      for (const judgement of [Judgement.pass("it works"), failed, Judgement.warn("it is slow")]) {
        assert.deepStrictEqual(yield* settle([failed, 1234], [judgement, undefined]), {
          judgement,
          notes: twice,
          played: 2
        })
      }
    })
  )

  it.effect("follows on a time that was unclear, and leaves it so if it was not clear then either", () =>
    Effect.gen(function* () {
      const unclear = Judgement.tooBusy("it held invocations for 500 ms")
      assert.deepStrictEqual((yield* settle([unclear, undefined], [failed, undefined])).judgement, failed)
      assert.deepStrictEqual((yield* settle([unclear, undefined], [unclear, undefined])).judgement, unclear)
    })
  )

  it.effect("makes a verdict that is in doubt again not testable, with what was seen", () =>
    Effect.gen(function* () {
      const settled = yield* settle([failed, 1234], [failed, 5678])
      assert.strictEqual(settled.judgement.status, "not testable")
      assert.match(settled.judgement.sentence, /^this machine was too busy: .* 5678 ms .*; it looked as if it was held/)
      assert.deepStrictEqual([settled.notes, settled.played], [twice, 2])
    })
  )
})
