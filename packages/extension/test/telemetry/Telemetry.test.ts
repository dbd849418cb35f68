/** Telemetry in a run, from records to sinks: when next is called, what is sent, what is lost. */
import { Extension, FlushStrategy, Telemetry, TelemetryEvent } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { capturedLogs, runInTime, words, types } from "../support.ts"
import { noting, invocation, at, accounted } from "./runs.ts"

const { invoke, note, shutdown } = ExtensionTest
const { delivery, log, report, runtimeDone, start } = TelemetryTest

const linesOf = (journal: ReadonlyArray<string>) => journal.filter((word) => word !== "Delivered")

describe("endOfInvocation", () => {
  it.effect("waits for runtimeDone, flushes, and calls next then", () =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, sink: noting(), onAccounting }),
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
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: noting() }) }))
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
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: noting() }) }))
      const [, second] = at(yield* ExtensionTest.journal, "Next")
      assert.strictEqual(second, 2000)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "15 minutes" }), shutdown()])))
  )

  it.effect("waits until the margin before the deadline at most", () =>
    Effect.gen(function* () {
      const { layer: logs, messages } = capturedLogs()
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink: noting() }) }).pipe(Effect.provide(logs))
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
          telemetry: Telemetry.make({ types: ["function"], sink: noting() })
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
        Extension.run({ telemetry: Telemetry.make({ types, sink: noting() }) }).pipe(Effect.provide(logs))
      )
      const entries = yield* ExtensionTest.journal
      assert.strictEqual(at(entries, "Next")[1], 0)
      assert.strictEqual(messages.filter((message) => message.includes("this environment has no telemetry")).length, 1)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), invoke(), shutdown()], { telemetry: "not supported" })))
  )

  // A record of this test takes about 370 bytes of memory.
  it.effect.each([{ maxRecords: 4 }, { maxBytes: 1600 }])("begins to send before a queue of %j is full", (queue) =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, queue, sink: noting(), onAccounting })
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
          telemetry: Telemetry.make({ types, sink: noting(), batch: { maxRecords: 3, maxAge: "5 seconds" } })
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

describe("the other strategies", () => {
  const ordered = (strategy: FlushStrategy.FlushStrategy) =>
    Effect.gen(function* () {
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types, sink: noting(() => Effect.sleep("50 millis")), strategy, onAccounting })
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
          telemetry: Telemetry.stream(
            (events) =>
              events.pipe(
                Stream.filter((event) => event.type === "function"),
                Stream.runForEach((event) =>
                  Effect.delay(note(`used ${TelemetryEvent.text(event)?.trim()}`), "300 millis")
                ),
                Effect.andThen(note("the stream ended"))
              ),
            { types }
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
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink: noting(), onAccounting }) }))
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
