import {
  Extension,
  FlushStrategy,
  Telemetry,
  type TelemetryAccounting,
  TelemetryEvent,
  TelemetryReceiver,
  TelemetrySink
} from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { capturedLogs, runInTime, words } from "../support.ts"

const { invoke, note, shutdown } = ExtensionTest
const { delivery, log, report, runtimeDone, start } = TelemetryTest

const texts = (batch: TelemetrySink.TelemetryBatch) =>
  batch.events.map((event) => TelemetryEvent.text(event)?.trim() ?? event.type)

/** Notes what it takes; `attempt` may fail or hang first. */
const noting = (attempt: (id: string) => Effect.Effect<unknown, string> = () => Effect.void, name = "sink") =>
  TelemetrySink.make({
    name,
    export: (batch) => Effect.andThen(attempt(batch.id), note(`${name} took ${texts(batch).join(" ")}`))
  })

/** An invocation whose function logs a line and is done after 100 ms. */
const invocation = (n: number, status?: string) =>
  invoke({
    timeout: "10 seconds",
    delivers: [
      delivery([start(`request-${n}`), log(`line ${n}`)]),
      delivery([runtimeDone(`request-${n}`, status)], { after: "100 millis" })
    ]
  })

const linesOf = (journal: ReadonlyArray<string>) => journal.filter((word) => word !== "Delivered")

const at = (entries: ReadonlyArray<ExtensionTest.Entry>, tag: ExtensionTest.Entry["_tag"]) =>
  entries.filter((entry) => entry._tag === tag).map((entry) => entry.at)

/** The run's telemetry ends in an accounting; the test gets it. */
const accounted = () => {
  let last: TelemetryAccounting.TelemetryAccounting | undefined
  return {
    onAccounting: (accounting: TelemetryAccounting.TelemetryAccounting) =>
      Effect.sync(() => {
        last = accounting
      }),
    get: () => {
      assert.isDefined(last, "no accounting")
      for (const consumer of last.consumers) {
        const { delivered, droppedByQueue, droppedBySink, offered, unsent, waiting } = consumer
        assert.strictEqual(offered, delivered + droppedByQueue + droppedBySink + waiting + unsent, "counters add up")
      }
      assert.strictEqual(last.received, last.decoded + last.undecodable, "counters add up")
      return last
    }
  }
}

const layer = TelemetryReceiver.layer()

describe("endOfInvocation", () => {
  it.effect("waits for runtimeDone, flushes, and calls next then", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({ sink: noting(), onAccounting }),
          onInvoke: (event) => note(`handled ${event.requestId}`)
        })
      )
      assert.deepStrictEqual(yield* words, [
        "Registered",
        "Subscribed",
        "Next",
        "INVOKE",
        "Delivered",
        "handled request-1",
        "Delivered",
        "sink took platform.start line 1 platform.runtimeDone",
        "Next",
        "INVOKE",
        "Delivered",
        "handled request-2",
        "Delivered",
        "sink took platform.start line 2 platform.runtimeDone",
        "Next",
        "SHUTDOWN",
        "Delivered",
        "ExitAt",
        "sink took platform.report"
      ])
      assert.deepStrictEqual(get(), {
        received: 7,
        decoded: 7,
        undecodable: 0,
        droppedByLambda: { records: 0, bytes: 0 },
        consumers: [
          { name: "sink", offered: 7, delivered: 7, droppedByQueue: 0, droppedBySink: 0, waiting: 0, unsent: 0 }
        ]
      })
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([invocation(1), invocation(2), shutdown({ delivers: [delivery([report("request-2")])] })])
      )
    )
  )

  it.effect("sees a runtimeDone that came before the invocation", () =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink: noting() }) }))
      const [, second] = at(yield* ExtensionTest.journal, "Next")
      assert.strictEqual(second, 25, "only the grace for late lines was waited for")
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({ delivers: [delivery([start("request-1"), runtimeDone("request-1")])] }),
          ExtensionTest.shutdown()
        ])
      )
    )
  )

  it.effect("does not wait if no telemetry of the invocation comes at all", () =>
    Effect.gen(function* () {
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink: noting() }) }))
      const [, second] = at(yield* ExtensionTest.journal, "Next")
      assert.strictEqual(second, 2000)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "15 minutes" }), shutdown()])))
  )

  it.effect("waits until the margin before the deadline at most", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({ layer, telemetry: Telemetry.make({ sink: noting() }) }).pipe(Effect.provide(logs))
      )
      const [, second] = at(yield* ExtensionTest.journal, "Next")
      assert.strictEqual(second, 59_800)
      assert.include(messages.join("\n"), "telemetry was not flushed before the deadline; it is kept")
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({ timeout: "1 minute", delivers: [delivery([start("request-1")])] }),
          ExtensionTest.shutdown()
        ])
      )
    )
  )

  it.effect("does not wait without the type platform, and says what that costs", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({
          layer: TelemetryReceiver.layer({ types: ["function"] }),
          telemetry: Telemetry.make({ sink: noting() })
        }).pipe(Effect.provide(logs))
      )
      assert.include(messages.join("\n"), 'which only the type "platform" tells')
      const [, second] = at(yield* ExtensionTest.journal, "Next")
      assert.strictEqual(second, 0)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
  )

  it.effect("does not wait if telemetry is not supported, and says so once", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({ layer, telemetry: Telemetry.make({ sink: noting() }) }).pipe(Effect.provide(logs))
      )
      const entries = yield* ExtensionTest.journal
      assert.strictEqual(at(entries, "Next")[1], 0)
      assert.strictEqual(messages.filter((message) => message.includes("there is no telemetry here")).length, 1)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), invoke(), shutdown()], { telemetry: "not supported" })))
  )

  // A record of this test takes about 370 bytes of memory.
  it.effect.each([{ maxRecords: 4 }, { maxBytes: 1600 }])("begins to send before a queue of %j is full", (queue) =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          layer: TelemetryReceiver.layer({ queue }),
          telemetry: Telemetry.make({ sink: noting(), onAccounting })
        })
      )
      assert.strictEqual(get().consumers[0]?.droppedByQueue, 0)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({
            timeout: "1 minute",
            delivers: [
              ...[1, 2, 3, 4].map((n) => delivery([log("a"), log("b")], { after: n * 100 })),
              delivery([runtimeDone("request-1")], { after: "1 second" })
            ]
          }),
          shutdown()
        ])
      )
    )
  )

  it.effect("sends full and old batches while a long invocation runs", () =>
    Effect.gen(function* () {
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({ sink: noting(), batch: { maxRecords: 3, maxAge: "5 seconds" } })
        })
      )
      assert.deepStrictEqual(linesOf(yield* words), [
        "Registered",
        "Subscribed",
        "Next",
        "INVOKE",
        "sink took platform.start a b",
        "sink took c",
        "sink took platform.runtimeDone",
        "Next",
        "SHUTDOWN",
        "ExitAt"
      ])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({
            timeout: "1 minute",
            delivers: [
              delivery([start("request-1"), log("a"), log("b")]),
              delivery([log("c")], { after: "10 seconds" }),
              delivery([runtimeDone("request-1")], { after: "30 seconds" })
            ]
          }),
          shutdown()
        ])
      )
    )
  )
})

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
        Extension.run({ layer, telemetry: Telemetry.make({ sink, onAccounting }) }).pipe(Effect.provide(logs))
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
          layer,
          telemetry: Telemetry.make({
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
        Extension.run({ layer, telemetry: Telemetry.make({ sink, onAccounting }) }).pipe(Effect.provide(logs))
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
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink, onAccounting }) }))
      assert.strictEqual(get().consumers[0]?.droppedBySink, 3)
      assert.strictEqual(get().consumers[0]?.delivered, 6)
    }).pipe(Effect.provide(threeInvocations))
  )

  it.effect("that hangs does not stop another one", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({
            sink: [noting(() => Effect.never, "hanging"), noting(undefined, "healthy")],
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
          layer: TelemetryReceiver.layer({ types: ["platform", "extension"] }),
          telemetry: Telemetry.make({ sink: TelemetrySink.console })
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
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink: noting(), onAccounting }) }))
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
          Extension.run({ layer, telemetry: Telemetry.make({ sink: noting(), onAccounting }) }),
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
          layer,
          telemetry: Telemetry.make({ sink: noting(() => Effect.never) })
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
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink, onAccounting }) }))
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
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink: noting(), onAccounting }) }))
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
          layer: TelemetryReceiver.layer({ queue: { maxRecords: 5 } }),
          telemetry: Telemetry.make({ sink: noting(), onAccounting })
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

describe("the other strategies", () => {
  const ordered = (strategy: FlushStrategy.FlushStrategy) =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.make({ sink: noting(() => Effect.sleep("50 millis")), strategy, onAccounting })
        })
      )
      assert.strictEqual(get().consumers[0]?.delivered, get().received, "nothing is lost")
      return linesOf(yield* words).slice(2)
    })

  it.effect("endOfInvocationPipelined calls next while it sends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ordered(FlushStrategy.endOfInvocationPipelined), [
        "Next",
        "INVOKE",
        "Next",
        "sink took platform.start line 1 platform.runtimeDone",
        "SHUTDOWN",
        "ExitAt"
      ])
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), ExtensionTest.delay("1 second"), shutdown()])))
  )

  it.effect("continuous never holds next, and sends while the poll is parked", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ordered(FlushStrategy.continuous), [
        "Next",
        "INVOKE",
        "Next",
        "sink took platform.start line 1 platform.runtimeDone",
        "SHUTDOWN",
        "ExitAt"
      ])
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), ExtensionTest.delay("10 seconds"), shutdown()])))
  )

  it.effect("periodic holds next only if a flush is due", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ordered(FlushStrategy.periodic("10 seconds")), [
        "Next",
        "INVOKE",
        "Next",
        "INVOKE",
        // Due since the second invocation began; what comes later waits for the next time.
        "sink took platform.start line 1 platform.runtimeDone platform.start line 2",
        "Next",
        "SHUTDOWN",
        "ExitAt",
        "sink took platform.runtimeDone"
      ])
    }).pipe(
      Effect.provide(ExtensionTest.layer([invocation(1), ExtensionTest.delay("10 seconds"), invocation(2), shutdown()]))
    )
  )
})

describe("a program over the stream", () => {
  it.effect("has used every record before next is called, and ends at SHUTDOWN", () =>
    Effect.gen(function* () {
      yield* runInTime(
        Extension.run({
          layer,
          telemetry: Telemetry.stream((events) =>
            events.pipe(
              Stream.filter((event) => event.type === "function"),
              Stream.runForEach((event) =>
                Effect.delay(note(`used ${TelemetryEvent.text(event)?.trim()}`), "300 millis")
              ),
              Effect.andThen(note("the stream ended"))
            )
          )
        })
      )
      assert.deepStrictEqual(linesOf(yield* words).slice(2), [
        "Next",
        "INVOKE",
        "used line 1",
        "Next",
        "INVOKE",
        "used line 2",
        "Next",
        "SHUTDOWN",
        "ExitAt",
        "the stream ended"
      ])
    }).pipe(Effect.provide(ExtensionTest.layer([invocation(1), invocation(2), shutdown()])))
  )
})

describe("managed instances", () => {
  it.effect("flush periodically, without INVOKE", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(Extension.run({ layer, telemetry: Telemetry.make({ sink: noting(), onAccounting }) }))
      assert.deepStrictEqual(linesOf(yield* words), [
        "Registered",
        "Subscribed",
        "Next",
        "sink took a",
        "sink took b",
        "SHUTDOWN",
        "ExitAt"
      ])
      assert.strictEqual(get().consumers[0]?.delivered, 2)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([ExtensionTest.delay("1 minute"), shutdown()], {
          initializationType: "lambda-managed-instances",
          history: [delivery([log("a")]), delivery([log("b")], { after: "30 seconds" })]
        })
      )
    )
  )
})
