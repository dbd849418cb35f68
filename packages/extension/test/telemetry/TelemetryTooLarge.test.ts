/** A backend with a limit on the size of a body: which records it costs, and what the log says of them. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { capturedLogs, runInTime } from "../support.ts"

const { invoke, shutdown } = ExtensionTest
const { delivery, log, runtimeDone } = TelemetryTest

interface Attempt {
  readonly id: string
  readonly lines: ReadonlyArray<string>
  readonly isTaken: boolean
}

/** An invocation with records of so many characters, for a backend that takes so many; every nth attempt fails in passing. */
const delivered = (lengths: ReadonlyArray<number>, limit: number, failsEvery = Number.POSITIVE_INFINITY) => {
  const attempts: Array<Attempt> = []
  const { layer: logs, messages } = capturedLogs()
  let accounting: TelemetryAccounting.TelemetryAccounting | undefined
  const sink = TelemetrySink.make({
    name: "backend",
    isTooLarge: (error: string) => error === "too large",
    export: (batch) =>
      Effect.suspend(() => {
        const lines = TelemetrySink.toNdjson(batch).trimEnd().split("\n")
        const isLarge = lines.join("\n").length > limit
        const isPassing = attempts.length % failsEvery === failsEvery - 1
        attempts.push({ id: batch.id, lines, isTaken: !isLarge && !isPassing })
        return isPassing ? Effect.fail("busy") : isLarge ? Effect.fail("too large") : Effect.void
      })
  })
  return runInTime(
    Extension.run({
      telemetry: Telemetry.make({
        types: ["function"],
        sink,
        grace: 0,
        quiet: 0,
        onAccounting: (last) =>
          Effect.sync(() => {
            accounting = last
          })
      })
    }).pipe(Effect.provide(logs))
  ).pipe(
    Effect.map(() => ({ attempts, messages, accounting: accounting?.consumers[0] })),
    Effect.provide(
      ExtensionTest.layer([
        invoke({ delivers: [delivery(lengths.map((length) => log("x".repeat(length))))] }),
        invoke({ delivers: [delivery([runtimeDone("request-2")])] }),
        shutdown()
      ])
    )
  )
}

describe("a body that the backend finds too large", () => {
  it.effect("is sent again in halves, and only the record that is too large by itself is dropped and named", () =>
    Effect.gen(function* () {
      const lengths = Array.from({ length: 999 }, (_, index) => (index === 400 ? 90_000 : index % 50))
      const { accounting, attempts, messages } = yield* delivered(lengths, 50_000)
      // The end of the second invocation is a record too.
      assert.deepInclude(accounting, { offered: 1000, delivered: 999, droppedBySink: 1, unsent: 0 })
      assert.isBelow(attempts.length, 40)
      const said = messages.filter((message) => message.includes("too large by itself"))
      assert.strictEqual(said.length, 1)
      assert.match(
        String(said[0]),
        /too large by itself: a record of 900\d\d bytes, type function, time \d{4}-[^ ;]*; 1 records are dropped/
      )
      assert.notInclude(said[0], "xxx")
    })
  )

  it.effect("is halved again for each half that is still too large", () =>
    Effect.gen(function* () {
      const lengths = Array.from({ length: 8 }, () => 100)
      const line = JSON.stringify(log("x".repeat(100))).length + 1
      const { attempts } = yield* delivered(lengths, 2 * line)
      assert.deepStrictEqual(
        attempts.slice(0, 7).map(({ lines }) => lines.length),
        [8, 4, 2, 2, 4, 2, 2]
      )
    })
  )

  it.effect.prop(
    "costs none of the records that fit, in their order, and an id says the same however often it comes",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))),
      Schema.Int.check(Schema.isBetween({ minimum: 250, maximum: 1500 })),
      Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 9 }))
    ],
    ([lengths, limit, failsEvery]) =>
      Effect.gen(function* () {
        const { accounting, attempts } = yield* delivered(lengths, limit, failsEvery)
        const taken = attempts.flatMap(({ isTaken, lines }) =>
          isTaken ? lines.filter((line) => line.includes("function")) : []
        )
        const fitting = lengths.filter((length) => JSON.stringify(log("x".repeat(length))).length <= limit)
        assert.deepStrictEqual(
          taken.map((line) => line.split("x").length - 1),
          fitting
        )
        assert.strictEqual(accounting?.droppedBySink, lengths.length - fitting.length)
        const linesOf = new Map<string, ReadonlyArray<string>>()
        for (const { id, lines } of attempts) {
          assert.deepStrictEqual(linesOf.get(id) ?? lines, lines)
          linesOf.set(id, lines)
        }
      }),
    { arbitrary: { runs: 60 } }
  )
})

describe("an HTTP endpoint that answers 413", () => {
  it("says so by its error", () => {
    const error = (status: number) => new TelemetrySink.HttpSinkError({ status, isRetryable: false, message: "" })
    assert.deepStrictEqual([error(413).isTooLarge, error(400).isTooLarge], [true, false])
  })
})
