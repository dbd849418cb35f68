/** The shutdown sequence (docs/protocol.md#the-shutdown-sequence). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { script, startEmulator, temporaryDirectory, writeExecutable } from "../support.ts"
import { request } from "./raw.ts"
import type { Scenario } from "./world.ts"
import { manualExtensions } from "./world.ts"

export const shutdown: ReadonlyArray<Scenario> = [
  {
    case: 65,
    options: manualExtensions(),
    run: Effect.fnUntraced(function* (world) {
      yield* world.pollRuntime
      yield* world.emulator.shutdown()
      const killed = (yield* world.journal.entries).filter(Journal.is("Killed"))
      assert.deepStrictEqual(
        killed.map(({ source, signal }) => [source, signal]),
        [["runtime", "SIGKILL"]]
      )
    })
  },
  {
    case: 66,
    options: manualExtensions(),
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("x", [])
      yield* world.pollExtension("x", identifier)
      yield* world.pollRuntime
      yield* world.emulator.shutdown()
      const entries = yield* world.journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("Killed")).map(({ source, signal }) => [source, signal]),
        [["runtime", "SIGTERM"]]
      )
      assert.lengthOf(entries.filter(Journal.is("EventDelivered")), 0)
    })
  },
  {
    case: 67,
    run: Effect.fnUntraced(function* (world) {
      const directory = yield* temporaryDirectory
      const stubborn = script(`process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)`)
      const command = [writeExecutable(directory, "function.cjs", stubborn)] as const
      const emulator = yield* startEmulator({ ...manualExtensions("a"), profile: world.profile, function: { command } })
      if (world.profile === "rie") yield* Effect.forkScoped(Effect.ignore(emulator.invoke("{}")))
      yield* emulator.journal.waitFor(Journal.is("ProcessStarted"))
      const registered = yield* request(
        emulator.runtimeApi,
        "POST",
        "/2020-01-01/extension/register",
        { "Lambda-Extension-Name": "a" },
        '{"events":["SHUTDOWN"]}'
      )
      // The program is up and ignores the signal from here on.
      yield* emulator.journal.waitFor(Journal.is("Output"), "15 seconds")
      const shutdown = yield* Effect.forkScoped(emulator.shutdown())
      const event = yield* request(emulator.runtimeApi, "GET", "/2020-01-01/extension/event/next", {
        "Lambda-Extension-Identifier": registered.headers["lambda-extension-identifier"] ?? ""
      })
      yield* emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
      const entries = yield* emulator.journal.entries
      const started = entries.find(Journal.is("ShutdownStarted"))
      const begin = started?.at ?? 0
      assert.include(event.body, `"deadlineMs":${begin + 2000},`)
      const steps = entries.filter((entry) => ["Killed", "EventDelivered"].includes(entry._tag))
      assert.deepStrictEqual(
        steps.map((entry) => (entry._tag === "Killed" ? entry.signal : entry._tag)),
        ["SIGTERM", "SIGKILL", "EventDelivered"]
      )
      const killed = entries.find(Journal.is("Killed", ({ signal }) => signal === "SIGKILL"))
      // A timer may be a few milliseconds early by the clock.
      assert.isAtLeast(killed?.at ?? 0, begin + 590)
    })
  },
  {
    case: 68,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      const pollA = yield* world.pollExtension("a", yield* world.registered("a", ["SHUTDOWN"]))
      const pollB = yield* world.pollExtension("b", yield* world.registered("b", ["SHUTDOWN"]))
      yield* world.pollRuntime
      yield* world.journal.waitFor(Journal.is("InitEnded"))
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      yield* Fiber.join(pollA)
      yield* Fiber.join(pollB)
      yield* world.emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
      const ended = (yield* world.entries("ProcessExited")).filter(({ source }) => source !== "runtime")
      assert.deepStrictEqual(
        ended.map(({ source, state }) => [source, state]),
        [
          ["extension:a", "Exited"],
          ["extension:b", "ShutdownFailed"]
        ]
      )
      const started = yield* world.journal.waitFor(Journal.is("ShutdownStarted"))
      const killed = yield* world.journal.waitFor(Journal.is("Killed", ({ source }) => source === "extension:b"))
      assert.strictEqual(killed.signal, "SIGKILL")
      assert.isAtLeast(killed.at, started.at + 1990)
    })
  },
  {
    case: 69,
    run: Effect.fnUntraced(function* (world) {
      yield* world.ready(world.profile === "lmi" ? [] : ["INVOKE"])
      yield* world.emulator.shutdown()
      const entries = yield* world.journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("Killed")).map(({ source, signal }) => [source, signal]),
        [
          ["runtime", "SIGTERM"],
          ["extension:a", "SIGKILL"]
        ]
      )
      const isShutdown = Journal.is("EventDelivered", ({ eventType }) => eventType === "SHUTDOWN")
      assert.lengthOf(entries.filter(isShutdown), 0)
    })
  },
  {
    case: 70,
    run: Effect.fnUntraced(function* (world) {
      // At work: with INVOKE in hand, or, on a managed instance, before its first poll.
      const { profile } = world
      const identifier = profile === "lmi" ? yield* world.registered("a", ["SHUTDOWN"]) : yield* world.running()
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      yield* world.journal.waitFor(Journal.is("ProcessExited", ({ source }) => source === "runtime"))
      const event = yield* world.next(identifier)
      assert.match(event.body, /^\{"eventType":"SHUTDOWN"/)
      yield* world.emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
      const ended = yield* world.journal.waitFor(Journal.is("ProcessExited", ({ source }) => source !== "runtime"))
      assert.strictEqual(ended.state, "Exited")
    })
  },
  {
    case: 71,
    part: "a function timeout",
    profiles: ["real"],
    options: { ...manualExtensions("a"), timeout: "500 millis" },
    run: Effect.fnUntraced(function* (world) {
      const { caller, extensionPoll, identifier } = yield* world.invoking({ requestId: "the-request" })
      yield* Fiber.join(extensionPoll)
      const result = yield* Fiber.join(caller)
      const message = "RequestId: the-request Error: Task timed out after 0.50 seconds"
      assert.strictEqual(result.payload, `{"errorType":"Sandbox.Timedout","errorMessage":"${message}"}`)
      const event = yield* world.next(identifier)
      assert.match(event.body, /"shutdownReason":"timeout"\}$/)
    })
  },
  {
    case: 71,
    part: "a function timeout",
    profiles: ["rie"],
    options: { ...manualExtensions("a"), timeout: "2 seconds" },
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      const event = yield* world.next(identifier)
      assert.match(event.body, /"shutdownReason":"Timeout"\}$/)
      yield* world.emulator.endManualProcess("extension:a")
      const result = world.starter === undefined ? undefined : yield* Fiber.join(world.starter)
      assert.strictEqual(result?.body, "Task timed out after 2.00 seconds")
    })
  },
  {
    case: 71,
    part: "a crash",
    profiles: ["real", "rie"],
    run: Effect.fnUntraced(function* (world) {
      const { caller, extensionPoll, identifier } = yield* world.invoking()
      yield* Fiber.join(extensionPoll)
      yield* world.emulator.endManualProcess("runtime", { _tag: "Code", code: 3 })
      const event = yield* world.next(identifier)
      const reason = world.profile === "rie" ? "ReleaseFail" : "failure"
      assert.match(event.body, new RegExp(`"shutdownReason":"${reason}"\\}$`))
      yield* world.emulator.endManualProcess("extension:a")
      assert.strictEqual((yield* Fiber.join(caller)).functionError, "Runtime.ExitError")
    })
  }
]
