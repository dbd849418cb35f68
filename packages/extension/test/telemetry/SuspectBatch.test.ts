/** A batch that a backend never takes: it is dropped if others pass, and costs none of them. */
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { live, assertWhole } from "./outages.ts"

describe("a batch that is refused for ever", () => {
  it.effect.each<[string, Effect.Effect<void, string>]>([
    ["with 500", Effect.fail("answered 500")],
    ["by silence", Effect.never]
  ])("%s: dropped when others pass, and named; the others lose nothing", ([, refusal]) =>
    Effect.gen(function* () {
      const { lines, said, sink, taken } = yield* live({
        invocations: 300,
        export: ({ lines }) => (lines.includes("line 7") ? refusal : Effect.void)
      })
      const missing = lines.filter((line) => !taken.includes(line))
      assert.deepStrictEqual(missing, ["line 7"])
      assert.deepInclude(sink, { droppedBySink: 2, unsent: 0 })
      assert.lengthOf(
        said.filter((message) => /^Error.*but takes others; 2 records are dropped, and further/.test(message)),
        1
      )
    })
  )

  it.effect.each<[string, Effect.Effect<void, string>]>([
    ["with 500", Effect.fail("answered 500")],
    ["by silence", Effect.never]
  ])("%s, two after each other: both are dropped, and nothing else", ([, refusal]) =>
    Effect.gen(function* () {
      const { lines, sink, taken } = yield* live({
        invocations: 300,
        export: ({ lines }) => (lines.includes("line 7") || lines.includes("line 8") ? refusal : Effect.void),
        options: { batch: { maxRecords: 2 } }
      })
      assert.deepStrictEqual(
        lines.filter((line) => !taken.includes(line)),
        ["line 7", "line 8"]
      )
      assert.deepInclude(sink, { droppedBySink: 4, unsent: 0 })
    })
  )

  it.effect.each<[string, number, Duration.Input]>([
    ["takes 1.2 s for each", 1200, "10 seconds"],
    ["takes 200 ms for each, of 300 that an invocation has left", 200, "500 millis"]
  ])("is told from a healthy batch, after an outage, if the backend %s", ([, millis, timeout]) =>
    Effect.gen(function* () {
      const { said, sink } = yield* live({
        invocations: 60,
        timeout,
        export: (_, now) => (now < 30_000 ? Effect.fail("answered 500") : Effect.sleep(millis))
      })
      assert.deepInclude(sink, { droppedBySink: 0 })
      assert.isAbove(sink?.delivered ?? 0, 100)
      assert.notInclude(said.join(), "dropped")
    })
  )

  it.effect("is not a batch that only comes at a bad time: the backend recovers between two attempts", () =>
    Effect.gen(function* () {
      let attempts = 0
      // Three flushes of four attempts fail; of the fourth flush all pass.
      const { lines, sink, taken } = yield* live({
        invocations: 60,
        export: () => (++attempts <= 12 ? Effect.fail("answered 500") : Effect.void)
      })
      assertWhole({ taken, lines })
      assert.deepInclude(sink, { droppedBySink: 0, unsent: 0 })
    })
  )
})

describe("a batch that is under suspicion", () => {
  const everyTime = { longestRest: 0, batch: { maxRecords: 2 } }

  it.effect("is so after three flushes in a row, of four attempts each: then another one is tried", () =>
    Effect.gen(function* () {
      const tried: Array<string> = []
      yield* live({
        invocations: 6,
        export: ({ lines }) => {
          tried.push(...lines)
          return lines.includes("line 0") ? Effect.fail("answered 500") : Effect.void
        },
        options: everyTime
      })
      assert.deepStrictEqual(tried.slice(0, 15), [...Array.from({ length: 13 }, () => "line 0"), "line 1", "line 0"])
    })
  )

  it.effect.each<readonly [number, number]>([
    [8, 292],
    [9, 0]
  ])("is compared with others up to eight places behind it: of %d in a row, %d later ones pass", ([refused, passed]) =>
    Effect.gen(function* () {
      const isRefused = (line: string) => Number(line.slice(5)) < refused
      const { taken } = yield* live({
        invocations: 300,
        export: ({ lines }) => (lines.some(isRefused) ? Effect.fail("answered 500") : Effect.void),
        options: everyTime
      })
      assert.lengthOf(taken, passed)
    })
  )

  it.effect("keeps its place if the backend answered last, even if it was silent before", () =>
    Effect.gen(function* () {
      let attempts = 0
      // Three flushes are cut off; in the fourth one this batch and others get an answer.
      const { lines, taken } = yield* live({
        invocations: 12,
        export: () => (++attempts <= 3 ? Effect.never : attempts <= 6 ? Effect.fail("answered 500") : Effect.void),
        options: everyTime
      })
      assert.deepStrictEqual(taken, lines)
    })
  )

  it.effect("is not dropped if only the invocations leave it too little time", () =>
    Effect.gen(function* () {
      // Each invocation leaves 300 ms, and other batches pass in them.
      const { lines, sink, taken } = yield* live({
        invocations: 60,
        timeout: "500 millis",
        export: ({ lines }, now) =>
          now < 20_000 ? Effect.never : Effect.sleep(lines.includes("line 0") ? "400 millis" : "50 millis"),
        options: { longestRest: 0 }
      })
      assert.deepInclude(sink, { droppedBySink: 0, unsent: 0 })
      assert.sameMembers(taken, lines)
    })
  )
})
