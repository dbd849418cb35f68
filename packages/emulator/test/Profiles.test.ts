/** Differences of the profiles rie and lmi that no numbered case shows. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { request } from "./conformance/raw.ts"
import { accepted, expectAnswer, expectRefusal, json, makeWorld, manualExtensions } from "./conformance/world.ts"
import { script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const requestIdOf = (answer: { readonly headers: Readonly<Record<string, string>> }) =>
  answer.headers["lambda-runtime-aws-request-id"] ?? ""

/** A managed instance whose init is done: the manual extension `a` waits for SHUTDOWN, a worker of the runtime polls. */
const managed = Effect.fnUntraced(function* (options: Emulator.Options = manualExtensions("a")) {
  const world = yield* makeWorld("lmi", options)
  return { world, ...(yield* world.ready()) }
})

describe.concurrent("lmi", () => {
  it.live("invocations run at the same time, as many as workers poll, each checked by its id", () =>
    Effect.gen(function* () {
      const { runtimePoll, world } = yield* managed()
      const secondPoll = yield* world.pollRuntime
      const one = yield* Effect.forkScoped(world.emulator.invoke("1", { requestId: "one" }))
      assert.strictEqual(requestIdOf(yield* Fiber.join(runtimePoll)), "one")
      const two = yield* Effect.forkScoped(world.emulator.invoke("2", { requestId: "two" }))
      assert.strictEqual(requestIdOf(yield* Fiber.join(secondPoll)), "two")
      const refused = yield* Effect.flip(world.emulator.invoke("3"))
      assert.include(refused.message, "Runtime.Unavailable")
      expectAnswer(yield* world.respond("two", '"b"'), 202, json, accepted)
      expectAnswer(
        yield* world.respondError("one", { "Lambda-Runtime-Function-Error-Type": "Function.No" }),
        202,
        json,
        accepted
      )
      assert.strictEqual((yield* Fiber.join(two)).payload, '"b"')
      assert.strictEqual((yield* Fiber.join(one)).functionError, "Function.No")
      expectRefusal(yield* world.respond("two"), "InvalidRequestID", "Invalid request ID", 400)
      assert.lengthOf(yield* world.entries("EventDelivered"), 0)
    })
  )

  it.live("an answer after the timeout is 410 once, and the worker goes on", () =>
    Effect.gen(function* () {
      const { runtimePoll, world } = yield* managed({ ...manualExtensions("a"), timeout: "2 seconds" })
      const caller = yield* Effect.forkScoped(world.emulator.invoke("1", { requestId: "slow" }))
      yield* Fiber.join(runtimePoll)
      const { functionError, payload } = yield* Fiber.join(caller)
      assert.strictEqual(functionError, "Sandbox.Timedout")
      assert.include(payload, "Task timed out after 2.00 seconds")
      expectRefusal(yield* world.respond("slow"), "InvokeTimeout", "Invoke timeout", 410)
      expectRefusal(yield* world.respond("slow"), "InvalidRequestID", "Invalid request ID", 400)
      yield* world.pollRuntime
      assert.lengthOf(yield* world.entries("ShutdownStarted"), 0)
    })
  )

  it.live("an error body over 1 MiB is refused, and the invocation still waits", () =>
    Effect.gen(function* () {
      const { runtimePoll, world } = yield* managed()
      const caller = yield* Effect.forkScoped(world.emulator.invoke("1", { requestId: "r" }))
      yield* Fiber.join(runtimePoll)
      const message = "Exceeded maximum allowed payload size (6291556 bytes)."
      const answer = yield* world.respondError("r", {}, "x".repeat(1_048_577))
      expectRefusal(answer, "RequestEntityTooLarge", message, 413)
      yield* world.respond("r", "{}")
      assert.strictEqual((yield* Fiber.join(caller)).payload, "{}")
    })
  )

  it.live("the first crash ends the environment: callers are told, extensions get SHUTDOWN failure, no reset", () =>
    Effect.gen(function* () {
      const { extensionPoll, runtimePoll, world } = yield* managed()
      const caller = yield* Effect.forkScoped(world.emulator.invoke("1", { requestId: "r" }))
      yield* Fiber.join(runtimePoll)
      yield* world.emulator.endManualProcess("runtime", { _tag: "Code", code: 1 })
      assert.strictEqual((yield* Fiber.join(caller)).functionError, "Runtime.ExitError")
      assert.match((yield* Fiber.join(extensionPoll)).body, /"shutdownReason":"failure"\}$/)
      yield* world.emulator.endManualProcess("extension:a")
      yield* world.emulator.shutdown()
      const ended = yield* world.journal.waitFor(Journal.is("ShutdownEnded"))
      assert.isFalse(ended.reset)
      const late = yield* Effect.flip(world.emulator.invoke("2"))
      assert.strictEqual(late.reason._tag, "AlreadyShutDown")
    })
  )

  it.live("init that takes too long ends the environment; the caller that waited is told", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("lmi", { ...manualExtensions("a"), timeout: "1 second" })
      const waiting = yield* Effect.forkScoped(Effect.flip(world.emulator.invoke("1")))
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["timeout", "Sandbox.Timedout"])
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "InvocationAbandoned")
    })
  )

  it.live("processes are told that they run on a managed instance", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const show = script("console.log(process.env.AWS_LAMBDA_INITIALIZATION_TYPE)")
      const emulator = yield* startEmulator({
        profile: "lmi",
        function: { command: [writeExecutable(directory, "function.cjs", show)] }
      })
      const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
      assert.strictEqual(line, "lambda-managed-instances")
    })
  )
})

describe.concurrent("rie", () => {
  it.live(
    "before the first invocation nothing runs: the runtime's call is dropped, a register is an internal one",
    () =>
      Effect.gen(function* () {
        const emulator = yield* startEmulator({ ...manualExtensions("a"), profile: "rie" })
        const next = yield* request(emulator.runtimeApi, "GET", "/2018-06-01/runtime/invocation/next")
        assert.strictEqual(next.statusLine, "")
        const name = { "Lambda-Extension-Name": "a" }
        const register = yield* request(emulator.runtimeApi, "POST", "/2020-01-01/extension/register", name, "{}")
        assert.strictEqual(register.status, 200)
        const registered = yield* emulator.journal.waitFor(Journal.is("Registered"))
        assert.strictEqual(registered.kind, "internal")
        // The internal extension has taken the name of the file.
        const { functionError } = yield* emulator.invoke("{}")
        assert.strictEqual(functionError, "Extension.LaunchError")
        const failed = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
        assert.strictEqual(failed.message, "ErrAgentNameCollision")
      })
  )

  it.live("a failed init is cleared away with the reason spindown, the next invocation starts everything", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("rie", { ...manualExtensions("a", "b"), timeout: "4 seconds" })
      const pollA = yield* world.pollExtension("a", yield* world.registered("a", ["SHUTDOWN"]))
      yield* world.emulator.endManualProcess("extension:b", { _tag: "Code", code: 1 })
      assert.match((yield* Fiber.join(pollA)).body, /"shutdownReason":"spindown"\}$/)
      yield* world.emulator.endManualProcess("extension:a")
      const failed = world.starter === undefined ? undefined : yield* Fiber.join(world.starter)
      assert.deepStrictEqual([failed?.status, failed?.body], [502, ""])
      // The caller hears of it when the environment can take the next invocation.
      assert.strictEqual((yield* world.entries("ShutdownEnded")).length, 1)
      // No client does anything, so the time of the whole invocation runs out.
      const result = yield* world.emulator.invoke("{}")
      assert.deepStrictEqual(
        [result.functionError, result.payload],
        ["Sandbox.Timeout", "Task timed out after 4.00 seconds"]
      )
      const started = yield* world.entries("InitStarted")
      assert.deepStrictEqual(
        started.map(({ phase }) => phase),
        ["init", "invoke"]
      )
    })
  )

  it.live("the runtime has no trace header, extensions have it", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("rie", manualExtensions("a"))
      const { extensionPoll, invocation } = yield* world.invoking({ traceHeader: "Root=1-2-3" })
      assert.isUndefined(invocation.headers["lambda-runtime-trace-id"])
      assert.include((yield* Fiber.join(extensionPoll)).body, '"value":"Root=1-2-3"')
    })
  )
})
