/** Records in a run that goes wrong: sinks that fail or hang, the end of the environment, records that cannot be decoded. */
import type { TelemetryEvent } from "@effect-lambda/extension"
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime, words, types } from "../support.ts"
import { noting, invocation, at, accounted } from "./runs.ts"

const { note, shutdown } = ExtensionTest
const { delivery, log, report } = TelemetryTest

describe("a sink", () => {
  const threeInvocations = ExtensionTest.layer([invocation(1), invocation(2), invocation(3), shutdown()])

  it.effect("that fails twice and recovers gets everything, repeated batches with the same id", () =>
    Effect.gen(function* () {
      const ids: Array<string> = []
      const { get, onAccounting } = accounted()
      const { layer: logs, messages } = capturedLogs()
      // Four attempts an invocation: those of the first two fail.
      const sink = noting((id) => (ids.push(id) <= 8 ? Effect.fail("answered 500") : Effect.void))
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink, onAccounting }) }).pipe(Effect.provide(logs))
      )
      assert.deepStrictEqual(
        (yield* words).filter((word) => word.startsWith("sink took")),
        [
          "sink took platform.start line 1 platform.runtimeDone",
          // The sink rests at the end of the third: next does not wait for its runtimeDone.
          "sink took platform.start line 2 platform.runtimeDone platform.start line 3",
          "sink took platform.runtimeDone"
        ]
      )
      assert.strictEqual(new Set(ids.slice(0, 9)).size, 1)
      assert.strictEqual(new Set(ids).size, 3)
      assert.strictEqual(get().consumers[0]?.delivered, 9)
      assert.strictEqual(messages.filter((message) => message.includes("answered 500")).length, 1, "one line an outage")
    }).pipe(Effect.provide(threeInvocations))
  )

  it.effect("that hangs holds next for the flush timeout, and twice only; the records it did not take are unsent", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            sink: noting(() => Effect.uninterruptible(Effect.never)),
            flushTimeout: "1 second",
            onAccounting
          })
        })
      )
      const entries = yield* ExtensionTest.journal
      assert.deepStrictEqual(at(entries, "Next"), [0, 1125, 2250, 2250])
      assert.strictEqual(get().consumers[0]?.unsent, 9)
      assert.strictEqual(at(entries, "ExitAt").length, 1)
    }).pipe(Effect.provide(threeInvocations))
  )

  it.effect("that refuses a batch for good loses that batch, is counted and named", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      const { layer: logs, messages } = capturedLogs()
      let isFirst = true
      const sink = TelemetrySink.make({
        name: "strict",
        isRetryable: () => false,
        export: () => {
          if (!isFirst) return Effect.void
          isFirst = false
          return Effect.fail("answered 400")
        }
      })
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink, onAccounting }) }).pipe(Effect.provide(logs))
      )
      assert.strictEqual(get().consumers[0]?.droppedBySink, 3)
      assert.strictEqual(get().consumers[0]?.delivered, 6)
      assert.include(messages.join("\n"), "the sink strict did not take a batch: answered 400; 3 records are dropped")
    }).pipe(Effect.provide(threeInvocations))
  )

  it.effect("that dies of a defect loses that batch and goes on", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      let isFirst = true
      const sink = TelemetrySink.make({
        name: "buggy",
        export: () => {
          if (!isFirst) return Effect.void
          isFirst = false
          throw new Error("a bug")
        }
      })
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink, onAccounting }) }))
      assert.strictEqual(get().consumers[0]?.droppedBySink, 3)
      assert.strictEqual(get().consumers[0]?.delivered, 6)
    }).pipe(Effect.provide(threeInvocations))
  )

  it.effect("that hangs does not stop another one", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({
            types,
            sink: Effect.all([noting(() => Effect.never, "hanging"), noting(undefined, "healthy")]),
            onAccounting
          })
        })
      )
      const [hanging, healthy] = get().consumers
      assert.strictEqual(hanging?.unsent, 9)
      assert.strictEqual(healthy?.delivered, 9)
    }).pipe(Effect.provide(threeInvocations))
  )

  it.effect("that writes to the extension's own log is refused together with the type extension", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types: ["platform", "extension"], sink: TelemetrySink.console })
        }).pipe(Effect.provide(logs))
      )
      assert.include(messages.join("\n"), "init failed")
      assert.notInclude(yield* words, "Subscribed")
    }).pipe(Effect.provide(threeInvocations))
  )
})

describe("SHUTDOWN", () => {
  it.effect("takes the records that still come until it is quiet, and sends them", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: noting(), onAccounting }) }))
      assert.strictEqual(get().received, 3)
      assert.strictEqual(get().consumers[0]?.delivered, 3)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          shutdown({
            delivers: [
              delivery([report("request-1")], { after: "100 millis" }),
              delivery([log("the runtime's last line")], { after: "250 millis" }),
              delivery([log("and another one")], { after: "400 millis" }),
              delivery([log("too late")], { after: "700 millis" })
            ]
          })
        ])
      )
    )
  )

  it.effect("ends in time under a stream of records that never stops", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Effect.andThen(
          Extension.run({ telemetry: Telemetry.make({ types, sink: noting(), onAccounting }) }),
          note("done")
        )
      )
      const entries = yield* ExtensionTest.journal
      assert.isAtMost(entries.findLast((entry) => entry._tag === "Note")?.at ?? Infinity, 1800)
      assert.isAbove(get().received, 0)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          shutdown({ delivers: Array.from({ length: 30 }, (_, n) => delivery([log("x")], { after: n * 100 })) })
        ])
      )
    )
  )

  it.effect("keeps a slice to say which records could not be sent", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, sink: noting(() => Effect.never) })
        }).pipe(Effect.provide(logs))
      )
      assert.include(
        messages,
        "Warn: telemetry: 1 received, 1 decoded, 0 undecodable, 0 dropped by Lambda (0 bytes); " +
          "sink: 0 delivered, 0 dropped by the queue, 0 dropped by the sink, 0 waiting, 1 unsent"
      )
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown({ delivers: [delivery([report("request-1")])] })])))
  )
})

describe("records that cannot be decoded", () => {
  it.effect("arrives as a value with its reason and text, beside its neighbours", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      const seen: Array<TelemetryEvent.TelemetryEvent> = []
      const sink = TelemetrySink.make({ name: "all", export: (batch) => Effect.sync(() => seen.push(...batch.events)) })
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink, onAccounting }) }))
      assert.deepStrictEqual(
        seen.map((event) => event.type),
        ["undecodable", "platform.report", "undecodable", "unknown", "function"]
      )
      assert.deepStrictEqual([get().received, get().decoded, get().undecodable], [5, 3, 2])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          shutdown({
            delivers: [
              TelemetryTest.body("<html>"),
              delivery([
                report("request-1"),
                { time: "t", type: "platform.start", record: 3 },
                { time: "t", type: "platform.new", record: 3 },
                log("a")
              ])
            ]
          })
        ])
      )
    )
  )

  it.effect("platform.logsDropped is counted as records that Lambda lost", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: noting(), onAccounting }) }))
      assert.deepStrictEqual(get().droppedByLambda, { records: 123, bytes: 12_345 })
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          shutdown({
            delivers: [
              delivery([
                {
                  time: "t",
                  type: "platform.logsDropped",
                  record: { droppedBytes: 12_345, droppedRecords: 123, reason: "slow consumer" }
                }
              ])
            ]
          })
        ])
      )
    )
  )

  it.effect("records beyond the queue are dropped, the newest first, and counted", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, queue: { maxRecords: 5 }, sink: noting(), onAccounting })
        })
      )
      assert.include(yield* words, "sink took a b c d e")
      assert.strictEqual(get().consumers[0]?.droppedByQueue, 2)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([shutdown({ delivers: [delivery(["a", "b", "c", "d", "e", "f", "g"].map(log))] })])
      )
    )
  )
})
