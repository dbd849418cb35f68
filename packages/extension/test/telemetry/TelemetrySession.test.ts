/** Telemetry in a run that does not go smoothly: what hangs, dies or ends early. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { capturedLogs, runInTime, words, types } from "../support.ts"
import { sinkOf, invocation, accounted, at, noteAt } from "./sessions.ts"

const { delay, invoke, journal, note, shutdown } = ExtensionTest
const { delivery, log, report, start } = TelemetryTest

describe("a program over the stream", () => {
  it.effect("that ends with the stream does not hold the end of the process", () =>
    Effect.gen(function* () {
      const run = Extension.run({ telemetry: Telemetry.stream(Stream.runDrain, { types }) })
      yield* runInTime(Effect.andThen(run, note("done")))
      // The time in which nothing more came, and no more.
      assert.strictEqual(noteAt(yield* journal, "done"), 200)
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ delivers: [delivery([report("request-1")])] })])))
  )

  it.effect("that ends early is not waited for, and later invocations do not wait for it", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.stream((events) => Stream.runHead(events), { types, onAccounting })
        })
      )
      assert.deepStrictEqual(at(yield* journal, "Next"), [0, 0, 0, 0])
      assert.deepInclude(consumer(), { waiting: 0, unsent: 0 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), invocation(3), shutdown()])))
  )

  it.effect("that fails is not waited for", () =>
    Effect.gen(function* () {
      yield* runInTime(
        Extension.run({
          onDefect: "continue",
          telemetry: Telemetry.stream((events) => Stream.runForEach(events, () => Effect.fail("no")), { types })
        })
      )
      assert.deepStrictEqual(at(yield* journal, "Next"), [0, 0, 0])
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), shutdown()])))
  )
})

describe("a sink", () => {
  it.effect("that is interrupted from within is tried again, and another one goes on", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      let attempts = 0
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            sink: Effect.all([
              sinkOf(() => (attempts++ < 6 ? Effect.interrupt : Effect.void), "interrupted"),
              sinkOf(() => Effect.sleep("300 millis"), "slow")
            ]),
            onAccounting
          })
        })
      )
      assert.deepInclude(consumer(0), { delivered: 3, droppedBySink: 0 })
      assert.deepInclude(consumer(1), { delivered: 3 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])))
  )

  it.effect("loses its batch and nothing else if its failure cannot be printed", () =>
    Effect.gen(function* () {
      const unprintable = {
        get message(): string {
          throw new Error("no")
        },
        toJSON() {
          throw new Error("no")
        }
      }
      const { consumer, onAccounting } = accounted()
      const { layer: logs, messages } = capturedLogs()
      let attempts = 0
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            sink: TelemetrySink.make({
              name: "sink",
              isRetryable: () => false,
              export: () => (attempts++ === 0 ? Effect.fail(unprintable) : Effect.void)
            }),
            batch: { maxRecords: 2 },
            onAccounting
          }),
          onInvoke: (event) => note(`handled ${event.requestId}`)
        })
      ).pipe(Effect.provide(logs))
      assert.deepInclude(consumer(), { delivered: 4, droppedBySink: 2 })
      assert.include(yield* words, "handled request-2")
      assert.include(messages.join("\n"), "2 records are dropped")
      assert.notInclude(messages.join("\n"), "background failed")
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), shutdown()])))
  )

  it.effect("that ignores the end of its time and succeeds later: sent again with the same id, counted once", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const ids: Array<string> = []
      const sink = sinkOf(({ id }) => {
        ids.push(id)
        return ids.length === 1 ? Effect.uninterruptible(Effect.sleep("1500 millis")) : Effect.sleep("1 second")
      })
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            sink,
            exportTimeout: "1200 millis",
            flushTimeout: "5 seconds",
            onAccounting
          })
        })
      )
      assert.strictEqual(ids.length, 2)
      assert.strictEqual(new Set(ids).size, 1)
      assert.deepInclude(consumer(), { offered: 3, delivered: 3 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])))
  )

  it.effect("that is at work when SHUTDOWN comes gets the same batch again", () =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      const ids: Array<string> = []
      const sink = sinkOf(({ id }) => (ids.push(id) === 1 ? Effect.never : Effect.void))
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, sink, strategy: FlushStrategy.endOfInvocationPipelined, onAccounting })
        })
      )
      assert.strictEqual(ids.length, 2)
      assert.strictEqual(new Set(ids).size, 1)
      assert.deepInclude(consumer(), { offered: 3, delivered: 3 })
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), delay("1 second"), shutdown()])))
  )

  it.effect("that is at work is waited for before next, also if no flush is due", () =>
    Effect.gen(function* () {
      // A full batch is sent beside the handler, and its request must not be frozen half-way.
      const sink = TelemetrySink.make({ name: "sink", export: () => Effect.delay(note("sent"), "500 millis") })
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            sink,
            strategy: FlushStrategy.periodic("1 hour"),
            batch: { maxRecords: 2 }
          }),
          onInvoke: () => Effect.delay(note("handled"), "200 millis")
        })
      )
      assert.deepStrictEqual((yield* words).slice(3), [
        "INVOKE",
        "Delivered",
        "handled",
        "sent",
        "Next",
        "SHUTDOWN",
        "ExitAt"
      ])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([invoke({ delivers: [delivery([start("request-1"), log("a")])] }), shutdown()])
      )
    )
  )

  it.effect("never sees an id twice, also if a snapshot of the environment is restored many times", () =>
    Effect.gen(function* () {
      const ids: Array<string> = []
      const sink = sinkOf(({ id }) => Effect.sync(() => ids.push(id)))
      const restored = Extension.run({ telemetry: Telemetry.make({ types, sink }) }).pipe(
        Effect.provide(ExtensionTest.layer([invocation(1), shutdown()])),
        // As the snapshot left it.
        Random.withSeed("snapshot")
      )
      yield* runInTime(restored)
      yield* runInTime(restored)
      assert.strictEqual(ids.length, 2)
      assert.strictEqual(new Set(ids).size, 2)
    })
  )
})
