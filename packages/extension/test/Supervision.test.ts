/** Bounds, counters and orders of the supervised stream, each at its exact time. */
import { Background, Deadline, Extension, ExtensionError, ExtensionMetrics } from "@effect-lambda/extension"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { words, at, runInTime, logs } from "./supervised.ts"

const { delay, invoke, note, shutdown, terminate } = ExtensionTest

const count = (m: Metric.Counter<number>) => Effect.map(Metric.value(m), (s) => s.count)

const stuck = Layer.effectDiscard(Effect.uninterruptible(Effect.never))

const resource = Layer.effectDiscard(Effect.acquireRelease(Effect.void, () => note("released")))

const unreachable = new ExtensionError.Unreachable({ url: "u", cause: new Error("refused") })

const now = 1_767_225_600_000

it.effect("init is bounded by 8 s by default", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ layer: stuck }))
    assert.strictEqual(yield* at("Next"), 8000)
  }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
)

it.effect("initTimeout", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ layer: stuck, initTimeout: "1 second" }))
    assert.strictEqual(yield* at("Next"), 1000)
  }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
)

it.effect("exit releases the layer", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ layer: resource, onFailure: "exit", onInvoke: () => Effect.fail("no") }))
    assert.deepStrictEqual((yield* words).slice(-2), ["ExitAt", "released"])
  }).pipe(Effect.provide(ExtensionTest.layer([invoke()])))
)

it.effect("exit with a stuck finalizer ends after 1 s", () =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Effect.exit(
        Extension.run({
          layer: Layer.effectDiscard(Effect.addFinalizer(() => Effect.never)),
          onFailure: "exit",
          onInvoke: () => Effect.fail("no")
        })
      )
    )
    yield* TestClock.adjust("1 second")
    assert.isDefined(fiber.pollUnsafe())
  }).pipe(Effect.provide(ExtensionTest.layer([invoke()])))
)

it.effect("a signal during the handler wins before next is called", () =>
  Effect.gen(function* () {
    yield* Extension.run({ onInvoke: () => terminate("SIGTERM") })
    assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "ExitAt"])
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), delay("1 minute"), invoke()])))
)

it.effect("maxHandlerTime never exceeds the deadline", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ onInvoke: () => Effect.never, maxHandlerTime: "1 hour" }))
    assert.strictEqual(yield* at("ExitAt"), 2800)
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
)

it.effect("stuck background work and a stuck finalizer together stay within deadline - margin", () =>
  Effect.gen(function* () {
    const layer = Layer.effectDiscard(Background.fork(Effect.uninterruptible(Effect.never))).pipe(
      Layer.provideMerge(
        Layer.effectDiscard(Effect.acquireRelease(Effect.void, () => Effect.andThen(note("released"), Effect.never)))
      )
    )
    yield* runInTime(Extension.run({ layer }))
    yield* note("over")
    assert.strictEqual(yield* at("released"), 900)
    assert.strictEqual(yield* at("over"), 1800)
  }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
)

it.effect("margin", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ onInvoke: () => Effect.never, margin: "1 second" }))
    assert.strictEqual(yield* at("ExitAt"), 2000)
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
)

it.effect("a failure with a defect is a defect", () =>
  Effect.gen(function* () {
    const [failures, defects] = [
      yield* count(ExtensionMetrics.handlerFailures),
      yield* count(ExtensionMetrics.handlerDefects)
    ]
    yield* Extension.run({ onInvoke: () => Effect.failCause(Cause.combine(Cause.fail("a"), Cause.die("b"))) })
    assert.strictEqual((yield* count(ExtensionMetrics.handlerFailures)) - failures, 0)
    assert.strictEqual((yield* count(ExtensionMetrics.handlerDefects)) - defects, 1)
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
)

it.effect("background work interrupted at SHUTDOWN is no failure", () => {
  const l = logs()
  return Effect.gen(function* () {
    const before = yield* count(ExtensionMetrics.backgroundFailures)
    yield* Extension.run({ layer: Layer.effectDiscard(Background.fork(Effect.interrupt)), onDefect: "exit" })
    assert.strictEqual((yield* count(ExtensionMetrics.backgroundFailures)) - before, 0)
    assert.deepStrictEqual(l.messages, [])
  }).pipe(Effect.provide([ExtensionTest.layer([shutdown()]), l.layer]))
})

it.effect("idle is for good, whatever is continued after it", () =>
  Effect.gen(function* () {
    const layer = Layer.effectDiscard(Background.fork(Effect.delay(Effect.die("bug"), "1 second")))
    yield* runInTime(
      Extension.run({
        layer,
        onInvoke: () => Effect.andThen(note("handled"), Effect.andThen(Effect.sleep("2 seconds"), Effect.fail("no")))
      })
    )
    assert.lengthOf(
      (yield* words).filter((w) => w === "handled"),
      1
    )
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), invoke(), shutdown()])))
)

it.effect("onFailure does not decide about defects", () =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Extension.run({ onFailure: "exit", onInvoke: () => Effect.die("bug") }))
    assert.strictEqual(exit._tag, "Success")
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()])))
)

it.effect("a failing onShutdown and a failing finalizer are logged", () => {
  const l = logs()
  return Effect.gen(function* () {
    yield* Extension.run({
      layer: Layer.effectDiscard(Effect.addFinalizer(() => Effect.die("f"))),
      onShutdown: () => Effect.fail("s")
    })
    assert.deepStrictEqual(l.messages, ["Error: onShutdown failed", "Error: a finalizer failed"])
  }).pipe(Effect.provide([ExtensionTest.layer([shutdown()]), l.layer]))
})

it.effect("an abandoned effect is told to stop", () =>
  Effect.gen(function* () {
    let isStopped = false
    const effect = Effect.onInterrupt(Effect.never, () =>
      Effect.sync(() => {
        isStopped = true
      })
    )
    const fiber = yield* Effect.forkChild(Effect.exit(Deadline.abandonAfter(effect, "1 second")))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(fiber)
    assert.isTrue(isStopped)
  })
)

for (const [name, event, expected] of [
  [
    "an hour ago",
    { eventType: "INVOKE", deadlineMs: now - 3_600_000, requestId: "r", invokedFunctionArn: "a" },
    now + 3000
  ],
  [
    "30 s ago",
    { eventType: "INVOKE", deadlineMs: now - 30_000, requestId: "r", invokedFunctionArn: "a" },
    now - 30_000
  ],
  ["a shutdown in two minutes", { eventType: "SHUTDOWN", deadlineMs: now + 120_000, shutdownReason: "x" }, now + 2000]
] as const)
  it.effect(name, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now)
      assert.strictEqual((yield* Deadline.fromEvent(event)).epochMillis, expected)
    })
  )

it.effect("a report that is never answered is given up after 1 s and logged", () => {
  const l = logs()
  return Effect.gen(function* () {
    const api = yield* ExtensionsApi.ExtensionsApi
    const fiber = yield* Effect.forkChild(
      Effect.exit(Extension.run({ onFailure: "exit", onInvoke: () => Effect.fail("no") })).pipe(
        Effect.provideService(ExtensionsApi.ExtensionsApi, {
          ...api,
          exitError: () => Effect.uninterruptible(Effect.never)
        })
      )
    )
    yield* TestClock.adjust("1 second")
    assert.isDefined(fiber.pollUnsafe())
    assert.isTrue(l.messages.some((m) => m.includes("could not be reported")))
  }).pipe(Effect.provide([ExtensionTest.layer([invoke()]), l.layer]))
})

it.effect("an interrupted stream is not reported", () =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Stream.runDrain(Extension.events()), { startImmediately: true })
    yield* Fiber.interrupt(fiber)
    assert.deepStrictEqual(yield* words, ["Registered", "Next", "PollInterrupted"])
  }).pipe(Effect.provide(ExtensionTest.layer([delay("1 minute"), invoke()])))
)

it.effect("initTimeout counts from the start, the time that register took included", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ layer: stuck }))
    assert.isAbove((yield* at("Registered")) ?? 0, 0)
    assert.strictEqual(yield* at("Next"), 8000)
  }).pipe(Effect.provide(ExtensionTest.layer([shutdown()], { registerFailures: [unreachable, unreachable] })))
)

it.effect("a signal during init is no failure of init", () => {
  const { layer, messages } = logs()
  return Effect.gen(function* () {
    const failures = yield* count(ExtensionMetrics.initFailures)
    const signalled = Layer.effectDiscard(Background.fork(Effect.delay(terminate("SIGTERM"), "1 second")))
    const slow = Layer.effectDiscard(Effect.sleep("5 seconds")).pipe(Layer.provideMerge(signalled))
    yield* runInTime(Extension.run({ layer: slow }))
    assert.strictEqual(yield* at("ExitAt"), 1000)
    assert.deepStrictEqual(messages, [])
    assert.strictEqual(yield* count(ExtensionMetrics.initFailures), failures)
  }).pipe(Effect.provide([ExtensionTest.layer([]), layer]))
})

it.effect("the first of two things that end the stream from outside wins", () =>
  Effect.gen(function* () {
    yield* Effect.forkChild(Effect.delay(terminate("SIGTERM"), "1 second"))
    const failWhen = Effect.delay(Effect.fail("late"), "2 seconds")
    const reasons = yield* runInTime(
      Extension.events({ failWhen }).pipe(
        Stream.tap(() => Effect.sleep("3 seconds")),
        Stream.map((event) => (event.eventType === "SHUTDOWN" ? event.shutdownReason : event.eventType)),
        Stream.runCollect
      )
    )
    assert.deepStrictEqual(reasons, Exit.succeed(["INVOKE", "SIGTERM"]))
  }).pipe(Effect.provide(ExtensionTest.layer([invoke({ timeout: "1 minute" })])))
)
