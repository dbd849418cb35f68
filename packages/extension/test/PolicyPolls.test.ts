/** Rows of the policy table in docs/architecture.md about polls, unknown events and the stream alone; the names are the rows. */
import { Background, Deadline, Extension, ExtensionError, ExtensionMetrics } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { capturedLogs, runInTime, words } from "./support.ts"
import { count, handled } from "./policy.ts"

const { delay, failure, invoke, journal, lost, note, shutdown, unknown } = ExtensionTest

const rejected = (status: number, errorType: string, errorMessage: string) =>
  new ExtensionError.Rejected({ status, errorType, errorMessage })

describe("policy", () => {
  it.effect("a parked next loses its connection: polls again until the old poll is gone", () =>
    Effect.gen(function* () {
      const before = yield* count(ExtensionMetrics.pollsLost)
      const exit = yield* runInTime(Extension.run({ onInvoke: handled }))
      assert.isTrue(Exit.isSuccess(exit))
      assert.include(yield* words, "handled request-1")
      assert.strictEqual((yield* count(ExtensionMetrics.pollsLost)) - before, 1)
      const nexts = (yield* journal).filter((entry) => entry._tag === "Next").map((entry) => entry.at)
      // Lost at 0; then 403 "Ready to Ready", with a back-off of 100 ms that doubles up to 1 s, without end.
      assert.deepStrictEqual(nexts.slice(0, 9), [0, 100, 300, 700, 1500, 2500, 3500, 4500, 5500])
    }).pipe(Effect.provide(ExtensionTest.layer([lost("5 seconds"), invoke(), shutdown()])))
  )

  // A poll that waits longer than the longest back-off, a second, was parked.
  it.effect("each lost poll that was parked again is counted", () =>
    Effect.gen(function* () {
      const before = yield* count(ExtensionMetrics.pollsLost)
      yield* runInTime(Extension.run({ onInvoke: handled }))
      assert.strictEqual((yield* count(ExtensionMetrics.pollsLost)) - before, 3)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([lost(), delay("10 minutes"), lost(), delay("1500 millis"), lost(), invoke(), shutdown()])
      )
    )
  )

  describe("other 403 or 500 on next", () => {
    const refusals = [
      rejected(500, "InternalServerError", "Internal Server Error"),
      rejected(403, "Extension.UnknownExtensionIdentifier", "Unknown extension x"),
      new ExtensionError.UnexpectedStatus({ status: 404, body: "404 page not found\n" })
    ]

    it.effect("three in a row, then the stream ends as at SHUTDOWN", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(
          Extension.run({ onInvoke: handled, onShutdown: (event) => note(`flushed at ${event.shutdownReason}`) })
        )
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(yield* words, [
          "Registered",
          "Next",
          "Refused",
          "Next",
          "Refused",
          "Next",
          "Refused",
          "ExitAt",
          "flushed at next-refused"
        ])
      }).pipe(Effect.provide(ExtensionTest.layer(refusals.map(failure))))
    )

    it.effect("fewer are survived", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(Extension.run({ onInvoke: handled }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.include(yield* words, "handled request-1")
      }).pipe(Effect.provide(ExtensionTest.layer([...refusals.slice(0, 2).map(failure), invoke(), shutdown()])))
    )
  })

  it.effect("an event that cannot be decoded is counted and skipped", () =>
    Effect.gen(function* () {
      const before = yield* count(ExtensionMetrics.eventsUndecodable)
      const exit = yield* runInTime(Extension.run({ onInvoke: handled }))
      assert.isTrue(Exit.isSuccess(exit))
      assert.include(yield* words, "handled request-1")
      assert.strictEqual((yield* count(ExtensionMetrics.eventsUndecodable)) - before, 4)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          ...Array.from({ length: 4 }, () =>
            failure(new ExtensionError.InvalidResponse({ description: "truncated", body: "{" }))
          ),
          invoke(),
          shutdown()
        ])
      )
    )
  )

  it.effect("a parked next is interrupted only when the process is about to end", () =>
    Effect.gen(function* () {
      // Everything that may happen beside a parked poll: background work that fails, ends, logs.
      const layer = Layer.effectDiscard(
        Effect.all([
          Background.fork(Effect.delay(Effect.die("defect"), "1 second")),
          Background.fork(Effect.delay(Effect.fail("failure"), "2 seconds")),
          Background.fork(Effect.delay(Effect.void, "3 seconds"))
        ])
      )
      yield* runInTime(Extension.run({ layer, onInvoke: handled }))
      assert.notInclude(yield* words, "PollInterrupted")
    }).pipe(Effect.provide(ExtensionTest.layer([delay("1 minute"), invoke(), delay("1 minute"), shutdown()])))
  )

  describe("unknown event type", () => {
    const script = [unknown({ eventType: "RESTORE", reason: "snap" }), unknown({ eventType: "RESTORE" }), shutdown()]

    it.effect("is logged once by default, loop goes on", () => {
      const logs = capturedLogs()
      return Effect.gen(function* () {
        yield* Extension.run({ onInvoke: handled })
        assert.lengthOf(
          logs.messages.filter((message) => message.includes("RESTORE")),
          1
        )
      }).pipe(Effect.provide([ExtensionTest.layer(script), logs.layer]))
    })

    it.effect("is handed to onUnknown", () =>
      Effect.gen(function* () {
        yield* Extension.run({ onUnknown: (event) => note(JSON.stringify(event.payload)) })
        assert.include(yield* words, '{"eventType":"RESTORE","reason":"snap"}')
      }).pipe(Effect.provide(ExtensionTest.layer(script)))
    )
  })

  describe("thaw after a freeze", () => {
    it.effect("deadlines read the clock when used", () =>
      Effect.gen(function* () {
        const deadline = { epochMillis: 5000 }
        const left = Effect.map(
          Effect.provideService(Deadline.remaining, Deadline.Deadline, deadline),
          Duration.toMillis
        )
        assert.strictEqual(yield* left, 5000)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(yield* left, 2000)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* left, 0)
      })
    )
  })
})

describe("the stream without run", () => {
  it.effect("failWhen is started once and runs beside the handlers", () =>
    Effect.gen(function* () {
      const failWhen = Effect.andThen(note("watching"), Effect.delay(Effect.fail("watched"), "90 seconds"))
      const exit = yield* runInTime(Stream.runDrain(Extension.events({ failWhen })))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) === "watched")
      assert.lengthOf(
        (yield* words).filter((word) => word === "watching"),
        1
      )
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([delay("1 minute"), invoke(), delay("1 minute"), invoke(), delay("1 minute"), shutdown()])
      )
    )
  )

  it.effect("reports a failing consumer with exit/error", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Stream.runForEach(Extension.events(), (event) =>
          event.eventType === "INVOKE" ? Effect.fail(new RangeError("consumer")) : Effect.void
        )
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof RangeError)
      assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "ExitError Extension.RangeError", "ExitAt"])
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
  )

  it.effect("ends after SHUTDOWN with one next per event", () =>
    Effect.gen(function* () {
      const events = yield* Stream.runCollect(Extension.events({ events: ["INVOKE", "SHUTDOWN"] }))
      assert.deepStrictEqual(
        events.map((event) => event.eventType),
        ["INVOKE", "INVOKE", "SHUTDOWN"]
      )
      assert.lengthOf(
        (yield* words).filter((word) => word === "Next"),
        3
      )
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), invoke(), shutdown()])))
  )

  it.effect("warns when it is left before SHUTDOWN", () => {
    const logs = capturedLogs()
    return Effect.gen(function* () {
      yield* Stream.runDrain(Stream.take(Extension.events(), 1))
      assert.isTrue(logs.messages.some((message) => message.includes("Extension.Crash")))
    }).pipe(Effect.provide([ExtensionTest.layer([invoke(), shutdown()]), logs.layer]))
  })
})
