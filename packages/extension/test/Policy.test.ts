/** Rows of the policy table in docs/architecture.md, from register to the end of a handler; the names are the rows. */
import { Extension, ExtensionError, ExtensionMetrics, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import type * as Registration from "@effect-lambda/extension/Registration"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { capturedLogs, runInTime, words, types } from "./support.ts"
import { count, handled, Resource } from "./policy.ts"

const { invoke, journal, note, shutdown } = ExtensionTest

const unreachable = new ExtensionError.Unreachable({ url: "http://lambda", cause: new Error("refused") })

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
          telemetry: Telemetry.make({ types, sink }),
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
              TelemetryTest.delivery([TelemetryTest.runtimeDone("request-1", { status: "timeout" })], {
                after: "1500 millis"
              })
            ]
          }),
          shutdown({ reason: "timeout" })
        ])
      )
    )
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
})
