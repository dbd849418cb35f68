/** An invocation (docs/protocol.md#an-invocation). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Scenario } from "./world.ts"
import { expectAnswer, expectFailure, failureDocument, manualExtensions, text } from "./world.ts"

export const invoke: ReadonlyArray<Scenario> = [
  {
    case: 57,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      const b = yield* world.registered("b", ["SHUTDOWN"])
      const pollB = yield* world.pollExtension("b", b)
      const { caller, extensionPoll, identifier, requestId } = yield* world.invoking()
      yield* Fiber.join(extensionPoll)
      yield* world.respond(requestId)
      yield* world.pollRuntime
      yield* world.pollExtension("a", identifier)
      yield* world.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      yield* Fiber.join(caller)
      assert.isUndefined(pollB.pollUnsafe())
      const delivered = yield* world.entries("EventDelivered")
      assert.isTrue(delivered.every(({ source }) => source === "extension:a"))
    })
  },
  {
    case: 58,
    run: Effect.fnUntraced(function* (world) {
      const { caller, extensionPoll, identifier, requestId } = yield* world.invoking()
      yield* Fiber.join(extensionPoll)
      yield* world.respond(requestId, '"early"')
      assert.strictEqual((yield* Fiber.join(caller)).payload, '"early"')
      const runtimePoll = yield* world.pollRuntime
      yield* Effect.forkScoped(world.emulator.invoke("{}"))
      assert.strictEqual((yield* world.call("GET", "/2018-06-01/ping")).body, "pong")
      assert.lengthOf(yield* world.entries("InvocationStarted"), 1)
      yield* world.pollExtension("a", identifier)
      assert.strictEqual((yield* Fiber.join(runtimePoll)).status, 200)
    })
  },
  {
    case: 59,
    run: Effect.fnUntraced(function* (world) {
      const { caller, extensionPoll, identifier, requestId } = yield* world.invoking()
      yield* Fiber.join(extensionPoll)
      yield* world.respond(requestId, '"late"')
      yield* world.pollRuntime
      assert.strictEqual((yield* world.call("GET", "/2018-06-01/ping")).body, "pong")
      assert.isUndefined(caller.pollUnsafe())
      yield* world.pollExtension("a", identifier)
      assert.strictEqual((yield* Fiber.join(caller)).payload, '"late"')
    })
  },
  {
    case: 60,
    options: { ...manualExtensions("a"), timeout: "1 second" },
    run: Effect.fnUntraced(function* (world) {
      const { caller, extensionPoll, identifier, requestId } = yield* world.invoking()
      yield* Fiber.join(extensionPoll)
      yield* world.respond(requestId)
      assert.strictEqual((yield* Fiber.join(caller)).functionError, undefined)
      const done = yield* world.journal.waitFor(Journal.is("InvocationDone"))
      assert.strictEqual(done.status, "timeout")
      const event = yield* world.next(identifier)
      assert.match(event.body, /^\{"eventType":"SHUTDOWN","deadlineMs":\d+,"shutdownReason":"timeout"\}$/)
    })
  },
  {
    case: 61,
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId } = yield* world.posting
      yield* world.emulator.endManualProcess("extension:a", { _tag: "Code", code: 17 })
      const document = failureDocument("Extension.Crash", requestId, "exit status 17")
      expectFailure(world.profile, yield* Fiber.join(caller), document)
      const shutdown = yield* world.journal.waitFor(Journal.is("ShutdownEnded"))
      assert.strictEqual(shutdown.reset, world.profile !== "lmi")
    })
  },
  {
    case: 62,
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId } = yield* world.invoking()
      yield* world.respond(requestId)
      assert.strictEqual((yield* Fiber.join(caller)).functionError, undefined)
      yield* world.emulator.endManualProcess("extension:a", { _tag: "Code", code: 3 })
      const done = yield* world.journal.waitFor(Journal.is("InvocationDone"))
      assert.deepStrictEqual([done.status, done.errorType], ["error", "Extension.Crash"])
      yield* Effect.forkScoped(world.emulator.invoke("{}"))
      yield* world.journal.waitFor(Journal.is("InitStarted", ({ phase }) => phase === "invoke"))
    })
  },
  {
    case: 63,
    run: Effect.fnUntraced(function* (world) {
      const { caller, extensionPoll, identifier, requestId } = yield* world.posting
      yield* Fiber.join(extensionPoll)
      yield* world.emulator.endManualProcess("runtime")
      yield* world.next(identifier)
      yield* world.emulator.endManualProcess("extension:a")
      const message = "Runtime exited without providing a reason"
      expectFailure("rie", yield* Fiber.join(caller), failureDocument("Runtime.ExitError", requestId, message))
    })
  },
  {
    case: 64,
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.post("{}"), 400, {}, "")
      const { caller, requestId, extensionPoll, identifier } = yield* world.posting
      expectAnswer(yield* world.post("{}"), 400, {}, "")
      // The one that runs goes on.
      yield* Fiber.join(extensionPoll)
      yield* world.respond(requestId, "[1]")
      yield* world.pollRuntime
      yield* world.pollExtension("a", identifier)
      expectAnswer(yield* Fiber.join(caller), 200, text, "[1]")
    })
  }
]
