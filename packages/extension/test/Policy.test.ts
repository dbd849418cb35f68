/** One test per row of the policy table in docs/architecture.md; the names are the rows. */
import {
  Background,
  Deadline,
  Extension,
  ExtensionError,
  ExtensionMetrics,
  type Registration,
  Telemetry,
  TelemetryReceiver,
  TelemetrySink
} from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { capturedLogs, runInTime, words } from "./support.ts"

const { delay, failure, invoke, journal, lost, note, shutdown, terminate, unknown } = ExtensionTest

const count = (metric: Metric.Counter<number>) => Effect.map(Metric.value(metric), (state) => state.count)

const rejected = (status: number, errorType: string, errorMessage: string) =>
  new ExtensionError.Rejected({ status, errorType, errorMessage })

const unreachable = new ExtensionError.Unreachable({ url: "http://lambda", cause: new Error("refused") })

const handled = (event: { readonly requestId: string }) => note(`handled ${event.requestId}`)

class Resource extends Context.Service<Resource, { readonly name: string }>()("test/Resource") {}

const resource = (release: Effect.Effect<unknown, never, ExtensionTest.ExtensionTest>) =>
  Layer.effect(
    Resource,
    Effect.acquireRelease(Effect.as(note("acquired"), { name: "resource" }), () => release)
  )

describe("policy", () => {
  it.effect("the order is next, handle, next, handle", () =>
    Effect.gen(function* () {
      yield* Extension.run({ onInvoke: handled, onShutdown: () => note("handled shutdown") })
      assert.deepStrictEqual(yield* words, [
        "Registered",
        "Next",
        "INVOKE",
        "handled request-1",
        "Next",
        "INVOKE",
        "handled request-2",
        "Next",
        "SHUTDOWN",
        "ExitAt",
        "handled shutdown"
      ])
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), invoke(), shutdown()])))
  )

  describe("register refused", () => {
    it.effect("fails with an error that explains it", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Extension.run({ name: "other-name", onInvoke: handled }))
        assert.instanceOf(error, ExtensionError.ExtensionsApiError)
        assert.strictEqual(error.reason._tag, "Rejected")
        assert.include(error.message, "internal extension")
        assert.include(error.message, "base name of the executed file")
        assert.deepStrictEqual(yield* words, ["Refused"])
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
    )

    it.effect("case 19: a name that is not the file's is warned about", () => {
      const logs = capturedLogs()
      return Effect.gen(function* () {
        yield* Extension.run({ name: "a", events: ["INVOKE"], onInvoke: handled })
        assert.isTrue(logs.messages.some((message) => message.startsWith("Warn") && message.includes('"a.sh"')))
      }).pipe(Effect.provide([ExtensionTest.layer([shutdown()], { fileName: "a.sh" }), logs.layer]))
    })
  })

  it.effect.each<[Extension.RunOptions, ReadonlyArray<string>]>([
    [{ events: ["SHUTDOWN"], onInvoke: () => Effect.void }, ["onInvoke never runs"]],
    [{ events: ["INVOKE"], onShutdown: () => Effect.void }, ["does not register for SHUTDOWN"]],
    [{ events: [], onInvoke: () => Effect.void, onShutdown: () => Effect.void }, ["onInvoke", "SHUTDOWN"]],
    [{ events: ["SHUTDOWN"], onShutdown: () => Effect.void }, []],
    [{ events: ["INVOKE"], onInvoke: () => Effect.void }, []],
    [{ onInvoke: () => Effect.void, onShutdown: () => Effect.void }, []]
  ])("says at the start what will never run", ([options, texts]) => {
    const logs = capturedLogs()
    return Effect.gen(function* () {
      yield* Effect.forkChild(Extension.run(options), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      const warnings = logs.messages.filter((message) => message.startsWith("Warn"))
      assert.lengthOf(warnings, texts.length, warnings.join("\n"))
      texts.forEach((text, index) => assert.include(warnings[index], text))
    }).pipe(Effect.provide([ExtensionTest.layer([]), logs.layer]))
  })

  describe("register: no connection", () => {
    it.effect("retries with back-off inside a short budget", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(Extension.run({ onInvoke: handled }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(yield* words, [
          "Refused",
          "Refused",
          "Refused",
          "Registered",
          "Next",
          "SHUTDOWN",
          "ExitAt"
        ])
      }).pipe(
        Effect.provide(ExtensionTest.layer([shutdown()], { registerFailures: [unreachable, unreachable, unreachable] }))
      )
    )

    it.effect("and fails after it", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(Extension.run({ onInvoke: handled }))
        assert.isTrue(Exit.isFailure(exit))
        const entries = yield* journal
        assert.isAtLeast(entries.length, 5)
        assert.isAtMost(entries.at(-1)!.at, 5000)
      }).pipe(
        Effect.provide(
          ExtensionTest.layer([shutdown()], { registerFailures: Array.from({ length: 99 }, () => unreachable) })
        )
      )
    )
  })

  it.effect("managed instances: registers SHUTDOWN only and says so once", () => {
    const logs = capturedLogs()
    return Effect.gen(function* () {
      yield* Extension.run({ onInvoke: handled })
      const [first] = yield* journal
      assert.deepInclude(first, { _tag: "Registered", events: ["SHUTDOWN"] })
      assert.lengthOf(
        logs.messages.filter((message) => message.includes("Managed Instances")),
        1
      )
    }).pipe(
      Effect.provide([
        ExtensionTest.layer([shutdown()], { initializationType: "lambda-managed-instances" }),
        logs.layer
      ])
    )
  })

  it.effect("a registration made before the process began is adopted", () => {
    const registration: Registration.Registration = {
      extensionName: "extension",
      extensionIdentifier: "00000000-0000-4000-8000-00000000000a",
      events: ["INVOKE", "SHUTDOWN"],
      functionName: "f",
      functionVersion: "1",
      handler: ""
    }
    return Effect.gen(function* () {
      yield* Extension.run({ onInvoke: handled })
      assert.deepStrictEqual(yield* words, ["Next", "INVOKE", "handled request-1", "Next", "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()], { registration })))
  })

  describe("failure between register and first next", () => {
    const failing = Layer.effect(Resource, Effect.fail(new Error("no such host")))

    it.effect('"idle" (default): polls, does nothing, logs and counts', () => {
      const logs = capturedLogs()
      return Effect.gen(function* () {
        const before = yield* count(ExtensionMetrics.initFailures)
        yield* Extension.run({ layer: failing, onInvoke: handled, onShutdown: () => note("handled shutdown") })
        assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
        assert.strictEqual((yield* count(ExtensionMetrics.initFailures)) - before, 1)
        assert.isTrue(logs.messages.some((message) => message.startsWith("Error: init failed")))
      }).pipe(Effect.provide([ExtensionTest.layer([invoke(), shutdown()]), logs.layer]))
    })

    it.effect('"exit": init/error with Extension.<Reason>, then the failure', () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Extension.run({ layer: failing, onInitFailure: "exit", onInvoke: handled }))
        assert.strictEqual(error._tag, "ExtensionAborted")
        assert.deepStrictEqual(yield* words, ["Registered", "InitError Extension.Error", "ExitAt"])
        const entry = (yield* journal).at(-2)!
        assert.isTrue(entry._tag === "InitError" && entry.error.errorMessage === "no such host")
      }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
    )

    it.effect("a layer that ignores interruption and never ends counts as failed", () =>
      Effect.gen(function* () {
        const stuck = Layer.effect(Resource, Effect.uninterruptible(Effect.never))
        const exit = yield* runInTime(Extension.run({ layer: stuck, onInvoke: handled }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
      }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
    )
  })

  describe("invoke handler fails (typed error)", () => {
    const onInvoke = (event: { readonly requestId: string }) =>
      event.requestId === "request-1" ? Effect.andThen(handled(event), Effect.fail("no")) : handled(event)
    const script = [invoke(), invoke(), shutdown()]

    it.effect('"continue" (default): log, count, next event', () =>
      Effect.gen(function* () {
        const before = yield* count(ExtensionMetrics.handlerFailures)
        yield* Extension.run({ onInvoke })
        assert.include(yield* words, "handled request-2")
        assert.strictEqual((yield* count(ExtensionMetrics.handlerFailures)) - before, 1)
      }).pipe(Effect.provide(ExtensionTest.layer(script)))
    )

    it.effect('"idle": keeps polling, handles nothing more', () =>
      Effect.gen(function* () {
        yield* Extension.run({ onInvoke, onFailure: "idle", onShutdown: () => note("flushed") })
        assert.deepStrictEqual(yield* words, [
          "Registered",
          "Next",
          "INVOKE",
          "handled request-1",
          "Next",
          "INVOKE",
          "Next",
          "SHUTDOWN",
          "ExitAt",
          "flushed"
        ])
      }).pipe(Effect.provide(ExtensionTest.layer(script)))
    )

    it.effect('"exit": exit/error, then the failure', () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Extension.run({ onInvoke, onFailure: "exit" }))
        assert.isTrue(error._tag === "ExtensionAborted" && error.phase === "invoke")
        assert.deepStrictEqual(yield* words, [
          "Registered",
          "Next",
          "INVOKE",
          "handled request-1",
          "ExitError Extension.UnknownError",
          "ExitAt"
        ])
      }).pipe(Effect.provide(ExtensionTest.layer(script)))
    )
  })

  it.effect("invoke handler dies (defect): idle by default", () =>
    Effect.gen(function* () {
      const before = yield* count(ExtensionMetrics.handlerDefects)
      yield* Extension.run({ onInvoke: (event) => Effect.andThen(handled(event), Effect.die(new TypeError("bug"))) })
      assert.deepStrictEqual(
        (yield* words).filter((word) => word.startsWith("handled")),
        ["handled request-1"]
      )
      assert.strictEqual((yield* count(ExtensionMetrics.handlerDefects)) - before, 1)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), invoke(), shutdown()])))
  )

  it.effect("a handler that throws before it returns an effect dies like any other", () =>
    Effect.gen(function* () {
      const boom = (): never => {
        throw new TypeError("bug")
      }
      yield* Extension.run({ onInvoke: boom, onShutdown: boom })
      assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
  )

  it.effect("handler passes its budget (deadline - margin): abandoned, counted, loop goes on", () =>
    Effect.gen(function* () {
      const before = yield* count(ExtensionMetrics.abandoned)
      const exit = yield* runInTime(
        Extension.run({
          onInvoke: (event) => (event.requestId === "request-1" ? Effect.uninterruptible(Effect.never) : handled(event))
        })
      )
      assert.isTrue(Exit.isSuccess(exit))
      assert.include(yield* words, "handled request-2")
      assert.strictEqual((yield* count(ExtensionMetrics.abandoned)) - before, 1)
      const nexts = (yield* journal).filter((entry) => entry._tag === "Next")
      assert.strictEqual(nexts[1]!.at - nexts[0]!.at, 2800)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "3 seconds" }), invoke(), shutdown()])))
  )

  it.effect("handler still running while the platform already shuts down: maxHandlerTime bounds it", () =>
    Effect.gen(function* () {
      const exit = yield* runInTime(Extension.run({ onInvoke: () => Effect.never, maxHandlerTime: "1 second" }))
      assert.isTrue(Exit.isSuccess(exit))
      const entries = yield* journal
      assert.strictEqual(entries.findLast((entry) => entry._tag === "Event")!.at, 1000)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "15 minutes" }), shutdown()])))
  )

  it.effect("function crashes or times out under a running handler: telemetry tells, the handler is abandoned", () =>
    Effect.gen(function* () {
      const sink = TelemetrySink.make({ name: "sink", export: (batch) => note(`sent ${batch.events.length}`) })
      const exit = yield* runInTime(
        Extension.run({
          layer: TelemetryReceiver.layer(),
          telemetry: Telemetry.make({ sink }),
          onInvoke: () => Effect.never
        })
      )
      assert.isTrue(Exit.isSuccess(exit))
      const entries = yield* journal
      assert.strictEqual(entries.findLast((entry) => entry._tag === "Event")!.at, 1500)
      assert.deepStrictEqual((yield* words).slice(-4), ["Next", "SHUTDOWN", "ExitAt", "sent 2"])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          invoke({
            timeout: "15 minutes",
            delivers: [
              TelemetryTest.delivery([TelemetryTest.start("request-1")]),
              TelemetryTest.delivery([TelemetryTest.runtimeDone("request-1", "timeout")], { after: "1500 millis" })
            ]
          }),
          shutdown({ reason: "timeout" })
        ])
      )
    )
  )

  describe("background fiber fails", () => {
    const layer = (onFork: Effect.Effect<unknown, string>) =>
      Layer.effect(Resource, Effect.as(Background.fork(onFork), { name: "resource" }))

    it.effect("as a defect, never silent; the parked next is not interrupted", () => {
      const logs = capturedLogs()
      return Effect.gen(function* () {
        const before = yield* count(ExtensionMetrics.backgroundFailures)
        const exit = yield* runInTime(
          Extension.run({ layer: layer(Effect.delay(Effect.fail("lost"), "1 second")), onInvoke: handled })
        )
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
        assert.strictEqual((yield* count(ExtensionMetrics.backgroundFailures)) - before, 1)
        assert.isTrue(logs.messages.some((message) => message.startsWith("Error: background failed")))
      }).pipe(Effect.provide([ExtensionTest.layer([delay("5 seconds"), invoke(), shutdown()]), logs.layer]))
    })

    it.effect('under "exit" the parked next is interrupted, exit/error is sent', () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(
          Extension.run({
            layer: layer(Effect.delay(Effect.fail("lost"), "1 second")),
            onDefect: "exit",
            onInvoke: handled
          })
        )
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* words, [
          "Registered",
          "Next",
          "PollInterrupted",
          "ExitError Extension.UnknownError",
          "ExitAt"
        ])
      }).pipe(Effect.provide(ExtensionTest.layer([delay("5 seconds"), invoke(), shutdown()])))
    )
  })

  it.effect('a background failure under "exit" does not wait for a handler that is at work', () =>
    Effect.gen(function* () {
      const layer = Layer.effectDiscard(Background.fork(Effect.delay(Effect.fail("lost"), "1 second")))
      yield* runInTime(Extension.run({ layer, onDefect: "exit", onInvoke: () => Effect.never }))
      const entry = (yield* journal).find((entry) => entry._tag === "ExitError")!
      assert.strictEqual(entry.at, 1000)
    }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "15 minutes" })])))
  )

  it.effect('a background failure under "exit" during shutdown is logged', () => {
    const logs = capturedLogs()
    return Effect.gen(function* () {
      const layer = Layer.effectDiscard(Background.fork(Effect.delay(Effect.fail("lost"), "100 millis")))
      yield* runInTime(Extension.run({ layer, onDefect: "exit", onShutdown: () => Effect.sleep("1 second") }))
      assert.isTrue(logs.messages.some((message) => message.startsWith("Error: background failed")))
    }).pipe(Effect.provide([ExtensionTest.layer([shutdown()]), logs.layer]))
  })

  it.effect("after a failed layer nothing of it goes on", () =>
    Effect.gen(function* () {
      const ticking = Layer.effectDiscard(Background.fork(Effect.forever(Effect.delay(note("tick"), "10 seconds"))))
      const layer = Layer.effectDiscard(Effect.fail("no")).pipe(
        Layer.provideMerge(ticking),
        Layer.provideMerge(resource(note("released")))
      )
      yield* runInTime(Extension.run({ layer, onInvoke: handled }))
      const text = yield* words
      assert.notInclude(text, "tick")
      assert.include(text, "released")
    }).pipe(Effect.provide(ExtensionTest.layer([delay("1 minute"), shutdown()])))
  )

  it.effect("a failure that cannot be printed is a failure like any other", () => {
    const logs = capturedLogs()
    const unprintable = {
      get message(): string {
        throw new Error("no")
      },
      toJSON() {
        throw new Error("no")
      }
    }
    return Effect.gen(function* () {
      yield* Extension.run({ onInvoke: () => Effect.fail(unprintable) })
      assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide([ExtensionTest.layer([invoke(), shutdown()]), logs.layer]))
  })

  it.effect("a parked next loses its connection: polls again until the old poll is gone", () =>
    Effect.gen(function* () {
      const before = yield* count(ExtensionMetrics.pollsLost)
      const exit = yield* runInTime(Extension.run({ onInvoke: handled }))
      assert.isTrue(Exit.isSuccess(exit))
      assert.include(yield* words, "handled request-1")
      assert.strictEqual((yield* count(ExtensionMetrics.pollsLost)) - before, 1)
      const nexts = (yield* journal).filter((entry) => entry._tag === "Next").map((entry) => entry.at)
      // Lost at 0; 403 "Ready to Ready" meanwhile; back-off 100 ms doubling up to 1 s, without end.
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

  describe("SHUTDOWN", () => {
    it.effect("case 72: finalizers in reverse order within the deadline, no further next", () =>
      Effect.gen(function* () {
        const first = Layer.effectDiscard(Effect.acquireRelease(note("first"), () => note("release first")))
        const second = Layer.effectDiscard(Effect.acquireRelease(note("second"), () => note("release second")))
        yield* Extension.run({
          layer: second.pipe(Layer.provideMerge(first)),
          onShutdown: () =>
            Effect.flatMap(Deadline.remaining, (left) => note(`shutdown with ${Duration.toMillis(left)} ms`))
        })
        assert.deepStrictEqual(yield* words, [
          "Registered",
          "first",
          "second",
          "Next",
          "SHUTDOWN",
          "ExitAt",
          "shutdown with 2000 ms",
          "release second",
          "release first"
        ])
        const exitAt = (yield* journal).find((entry) => entry._tag === "ExitAt")!
        assert.isTrue(exitAt._tag === "ExitAt" && exitAt.epochMillis === 1900)
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
    )

    it.effect("background work lives until onShutdown is done and is interrupted before the layer is released", () =>
      Effect.gen(function* () {
        const layer = Layer.effectDiscard(
          Background.fork(Effect.never.pipe(Effect.onInterrupt(() => note("background interrupted"))))
        ).pipe(Layer.provideMerge(resource(note("released"))))
        yield* Extension.run({ layer, onShutdown: () => note("shutdown") })
        assert.deepStrictEqual((yield* words).slice(-3), ["shutdown", "background interrupted", "released"])
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
    )
  })

  describe("finalizer, sink or handler that ignores interruption", () => {
    it.effect("is abandoned within the deadline; a slow onShutdown cannot take the finalizers' time", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(
          Extension.run({
            layer: resource(note("released")),
            onShutdown: () => Effect.uninterruptible(Effect.never)
          })
        )
        assert.isTrue(Exit.isSuccess(exit))
        const released = (yield* journal).at(-1)!
        assert.isTrue(released._tag === "Note" && released.text === "released")
        assert.strictEqual(released.at, 1300)
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
    )

    it.effect("a finalizer that never ends does not hold the run", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(Extension.run({ layer: resource(Effect.never) }))
        assert.isTrue(Exit.isSuccess(exit))
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
    )

    it.effect("background work that ignores its interruption does not hold the layer", () =>
      Effect.gen(function* () {
        const layer = Layer.effectDiscard(Background.fork(Effect.uninterruptible(Effect.never))).pipe(
          Layer.provideMerge(resource(note("released")))
        )
        const exit = yield* runInTime(Extension.run({ layer }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual((yield* words).at(-1), "released")
      }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
    )
  })

  describe("SIGTERM/SIGINT: as SHUTDOWN", () => {
    const layer = (signalAfter: Duration.Input) =>
      Layer.effectDiscard(Background.fork(Effect.delay(terminate("SIGTERM"), signalAfter))).pipe(
        Layer.provideMerge(resource(note("released")))
      )
    const onShutdown = (event: { readonly shutdownReason: string }) =>
      Effect.flatMap(Deadline.remaining, (left) => note(`${event.shutdownReason}, ${Duration.toMillis(left)} ms left`))

    it.effect("while the poll is parked", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(Extension.run({ layer: layer("1 second"), onInvoke: handled, onShutdown }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(yield* words, [
          "Registered",
          "acquired",
          "Next",
          "PollInterrupted",
          "ExitAt",
          "SIGTERM, 2000 ms left",
          "released"
        ])
      }).pipe(Effect.provide(ExtensionTest.layer([delay("1 minute"), invoke()])))
    )

    it.effect("while a handler runs: it is abandoned, and the two seconds count from the signal", () =>
      Effect.gen(function* () {
        const exit = yield* runInTime(
          Extension.run({ layer: layer("1 second"), onInvoke: () => Effect.uninterruptible(Effect.never), onShutdown })
        )
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual((yield* words).slice(-3), ["ExitAt", "SIGTERM, 2000 ms left", "released"])
        assert.strictEqual((yield* journal).at(-1)!.at, 1000)
      }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "15 minutes" }), invoke()])))
    )

    it.effect("while the layer is built: what is acquired is released, nothing is polled", () =>
      Effect.gen(function* () {
        const slow = Layer.effectDiscard(Effect.sleep("5 seconds")).pipe(Layer.provideMerge(layer("1 second")))
        const exit = yield* runInTime(Extension.run({ layer: slow, onShutdown }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(yield* words, ["Registered", "acquired", "released", "ExitAt"])
      }).pipe(Effect.provide(ExtensionTest.layer([invoke()])))
    )
  })

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
