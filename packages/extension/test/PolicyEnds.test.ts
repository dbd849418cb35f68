/** Rows of the policy table in docs/architecture.md about background work and the end; the names are the rows. */
import { Background, Deadline, Extension, ExtensionMetrics } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { capturedLogs, runInTime, words } from "./support.ts"
import { count, handled, Resource } from "./policy.ts"

const { delay, invoke, journal, note, shutdown, terminate } = ExtensionTest

const resource = (release: Effect.Effect<unknown, never, ExtensionTest.ExtensionTest>) =>
  Layer.effect(
    Resource,
    Effect.acquireRelease(Effect.as(note("acquired"), { name: "resource" }), () => release)
  )

describe("policy", () => {
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
})
