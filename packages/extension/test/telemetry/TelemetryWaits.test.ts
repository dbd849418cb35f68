/** The receiver and Lambda: how it subscribes, how it waits for the end of an invocation, and what its failure costs. */
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { Extension, ExtensionError, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryApiError from "@effect-lambda/extension/telemetry/TelemetryApiError"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { capturedLogs, runInTime, settableClock, words, types } from "../support.ts"
import { registration, receiving } from "./receiving.ts"

const { log, runtimeDone, start } = TelemetryTest

const invocation = (requestId: string, deadlineMs = 900_000) => ({
  eventType: "INVOKE" as const,
  requestId,
  deadlineMs,
  invokedFunctionArn: "arn"
})

describe("subscribing", () => {
  const unreachable = new TelemetryApiError.TelemetryApiError({
    method: "telemetry",
    reason: new ExtensionError.Unreachable({ url: "http://127.0.0.1:9001", cause: new Error("ECONNRESET") })
  })

  /** How often it was asked, and the result, if the first `failures` attempts get no answer. */
  const subscribing = Effect.fnUntraced(function* (failures: number) {
    let attempts = 0
    const receiver = yield* TelemetryReceiver.make({ types }).pipe(
      Effect.provide(TelemetryTransport.layer()),
      Effect.provideService(TelemetryListener.TelemetryListener, { listen: () => Effect.succeed({ port: 4243 }) }),
      Effect.provideService(TelemetryApi.TelemetryApi, {
        subscribe: () =>
          Effect.suspend(() =>
            ++attempts <= failures
              ? Effect.fail(unreachable)
              : Effect.succeed({ _tag: "Subscribed", schemaVersion: "2025-01-29" })
          )
      })
    )
    const exit = yield* runInTime(receiver.subscribe(registration))
    return { attempts, exit }
  })

  it.effect("asks again if there is no answer", () =>
    Effect.gen(function* () {
      const { attempts, exit } = yield* subscribing(3)
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(attempts, 4)
    })
  )

  it.effect("but not for ever", () =>
    Effect.gen(function* () {
      const { attempts, exit } = yield* subscribing(Infinity)
      assert.isTrue(Exit.isFailure(exit))
      // After 50, 100, 200, 400 and then 500 ms each time; the next attempt would be beyond three seconds.
      assert.strictEqual(attempts, 9)
    })
  )
})

describe("awaitRuntimeDone", () => {
  it.effect("completes when it comes, or at once if it has come", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1")), { startImmediately: true })
      deliver([start("1")])
      yield* TestClock.adjust("5 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      deliver([runtimeDone("1", { status: "failure" })])
      const done = yield* Fiber.join(fiber)
      assert.strictEqual(Option.getOrThrow(done).record.status, "failure")
      assert.deepStrictEqual(yield* receiver.awaitRuntimeDone(invocation("1")), done)
    })
  )

  it.effect("two invocations, out of order", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const wait = (id: string) =>
        Effect.forkChild(receiver.awaitRuntimeDone(invocation(id)), { startImmediately: true })
      const [one, other] = [yield* wait("1"), yield* wait("2")]
      deliver([runtimeDone("2")])
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(other)).record.requestId, "2")
      assert.isUndefined(one.pollUnsafe())
      deliver([runtimeDone("1")])
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(one)).record.requestId, "1")
    })
  )

  it.effect("64 invocations are remembered, and not many more", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      deliver(Array.from({ length: 200 }, (_, n) => runtimeDone(String(n))))
      assert.isTrue(Option.isSome(yield* receiver.awaitRuntimeDone(invocation("136"))))
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("0")), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.join(fiber)))
    })
  )

  it.effect("however many others come late, the end of the invocation that runs is not missed", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      yield* receiver.invoked(invocation("now"))
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("now")), { startImmediately: true })
      deliver(Array.from({ length: 300 }, (_, n) => runtimeDone(String(n))))
      deliver([start("now"), runtimeDone("now")])
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(fiber)).record.requestId, "now")
    })
  )

  it.effect("the records before runtimeDone can be read when it completes", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      let read = 0
      yield* Effect.forkChild(
        Stream.runForEach(receiver.events, () => Effect.sync(() => read++)),
        { startImmediately: true }
      )
      const fiber = yield* Effect.forkChild(
        Effect.map(receiver.awaitRuntimeDone(invocation("1")), () => read),
        { startImmediately: true }
      )
      deliver([start("1"), log("a"), runtimeDone("1")])
      assert.strictEqual(yield* Fiber.join(fiber), 3)
    })
  )

  it.effect.each([-3_600_000, 3_600_000])("a clock set by %d ms while it waits never makes it hang", (by) =>
    Effect.gen(function* () {
      const { clock, set } = yield* settableClock
      const waited = Effect.gen(function* () {
        const { deliver, receiver } = yield* receiving()
        // The test begins an hour after the epoch.
        const now = yield* Clock.currentTimeMillis
        const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1", now + 10_000)), {
          startImmediately: true
        })
        yield* TestClock.adjust("1 second")
        set(by)
        deliver([start("1")])
        yield* TestClock.adjust("12 seconds")
        assert.isDefined(fiber.pollUnsafe())
        deliver([runtimeDone("1")])
        return yield* receiver.awaitRuntimeDone(invocation("1", now + 10_000))
      })
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isSome(yield* Effect.provideService(waited, Clock.Clock, clock)))
    })
  )

  it.effect("None at the deadline, if no telemetry of the invocation comes before it", () =>
    Effect.gen(function* () {
      const { receiver } = yield* receiving()
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1", 500)), { startImmediately: true })
      yield* TestClock.adjust("499 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed(Option.none()))
    })
  )

  it.effect("does not wait after close: nothing comes any more", () =>
    Effect.gen(function* () {
      const { receiver } = yield* receiving()
      yield* receiver.close
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1")), { startImmediately: true })
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("functionFailed completes for a status other than success only", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const wait = (id: string) => Effect.forkChild(receiver.functionFailed(id), { startImmediately: true })
      const [one, other] = [yield* wait("1"), yield* wait("2")]
      deliver([runtimeDone("1", { status: "success" }), runtimeDone("2", { status: "timeout" })])
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(one.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(other)).record.status, "timeout")
    })
  )
})

describe("init fails", () => {
  const run = (onInitFailure: "idle" | "exit") =>
    Extension.run({
      telemetry: Telemetry.make({
        types,
        port: 9001,
        sink: TelemetrySink.make({ name: "sink", export: () => Effect.void })
      }),
      onInitFailure,
      onInvoke: () => ExtensionTest.note("handled")
    })
  type Run = ReturnType<typeof run>

  const refused = (run: Run): Run =>
    Effect.updateService(run, TelemetryTransport.TelemetryTransport, (transport) => ({
      ...transport,
      subscribe: () =>
        Effect.fail(
          new TelemetryApiError.TelemetryApiError({
            method: "telemetry",
            reason: new TelemetryApiError.SubscriptionRefused({
              status: 403,
              errorType: "Telemetry.SubscriptionClosed",
              errorMessage: "Telemetry API subscription is closed already"
            })
          })
        )
    }))
  const unbound = (run: Run): Run =>
    Effect.updateService(run, TelemetryTransport.TelemetryTransport, (transport) => ({
      ...transport,
      listen: ({ host, port }) =>
        Effect.fail(
          new TelemetryListener.TelemetryListenerError({
            host,
            port,
            cause: new Error("listen EADDRINUSE 0.0.0.0:9001")
          })
        )
    }))
  const script = ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])

  it.effect.each([
    ["a refused subscription", refused, "Telemetry.SubscriptionClosed"],
    ["an address that cannot be bound", unbound, "listen EADDRINUSE"]
  ] as const)('%s: "idle" leaves the function alone, and says why', ([, failing, why]) =>
    Effect.gen(function* () {
      const { causes, layer: logs } = capturedLogs()
      yield* runInTime(failing(run("idle"))).pipe(Effect.provide(logs))
      assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
      assert.include(causes.join("\n"), why)
    }).pipe(Effect.provide(script))
  )

  it.effect.each([
    ["a refused subscription", refused, "InitError Extension.TelemetryApiError"],
    ["an address that cannot be bound", unbound, "InitError Extension.TelemetryListenerError"]
  ] as const)('%s: "exit" reports it to Lambda', ([, failing, report]) =>
    Effect.gen(function* () {
      assert.isTrue(Exit.isFailure(yield* runInTime(failing(run("exit")))))
      assert.deepStrictEqual(yield* words, ["Registered", report, "ExitAt"])
    }).pipe(Effect.provide(script))
  )
})
