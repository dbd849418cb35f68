/** init/error and exit/error (docs/protocol.md#error-reports). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Scenario } from "./world.ts"
import { accepted, expectAnswer, expectRefusal, json, manualExtensions, unknownIdentifier } from "./world.ts"

export const errors: ReadonlyArray<Scenario> = [
  {
    case: 37,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      const body = '{"errorMessage":"no config","errorType":"Extension.ConfigInvalid","stackTrace":[]}'
      expectAnswer(yield* world.report("init", identifier, "Extension.ConfigInvalid", body), 202, json, accepted)
      const reported = yield* world.journal.waitFor(Journal.is("ErrorReported"))
      assert.deepStrictEqual([reported.errorType, reported.body], ["Extension.ConfigInvalid", body])
    })
  },
  {
    case: 38,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      const first = yield* world.registered("a", [])
      expectAnswer(yield* world.report("init", first, "x", ""), 202, json, accepted)
      const second = yield* world.registered("b", [])
      expectAnswer(yield* world.report("init", second, "x", "not json"), 202, json, accepted)
    })
  },
  {
    case: 39,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      for (const route of ["init", "exit"] as const) {
        const answer = yield* world.call("POST", `/2020-01-01/extension/${route}/error`, {
          "Lambda-Extension-Identifier": identifier
        })
        expectRefusal(answer, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
      }
    })
  },
  {
    case: 40,
    run: Effect.fnUntraced(function* (world) {
      for (const route of ["init", "exit"] as const) {
        const unknown = ["Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier"] as const
        expectRefusal(yield* world.report(route, unknownIdentifier), ...unknown)
        const missing = ["Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"] as const
        expectRefusal(yield* world.report(route, unknownIdentifier, ""), ...missing)
        const invalid = ["Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"] as const
        expectRefusal(yield* world.report(route, "x", ""), ...invalid)
      }
    })
  },
  {
    case: 41,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      expectAnswer(yield* world.report("init", identifier, "First.Type"), 202, json, accepted)
      expectAnswer(yield* world.report("init", identifier, "Second.Type"), 202, json, accepted)
      const reported = yield* world.entries("ErrorReported")
      assert.deepStrictEqual(
        reported.map(({ errorType }) => errorType),
        ["First.Type"]
      )
    })
  },
  {
    case: 42,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.running()
      const message = world.notAllowed("Running", "InitError", `extension ${identifier}`)
      expectRefusal(yield* world.report("init", identifier), "Extension.InvalidExtensionState", message)
    })
  },
  {
    case: 43,
    part: "exit/error from Registered, Ready and Running, not after init/error",
    options: manualExtensions("a", "b", "c"),
    run: Effect.fnUntraced(function* (world) {
      const registered = yield* world.registered("a", [])
      expectAnswer(yield* world.report("exit", registered), 202, json, accepted)
      expectAnswer(yield* world.report("exit", registered), 202, json, accepted)
      const ready = yield* world.registered("b", [])
      yield* world.pollExtension("b", ready)
      expectAnswer(yield* world.report("exit", ready), 202, json, accepted)
      const failed = yield* world.registered("c", [])
      yield* world.report("init", failed)
      // The platform prints Exited as the target.
      const message = world.notAllowed("InitError", "Exited", `extension ${failed}`)
      expectRefusal(yield* world.report("exit", failed), "Extension.InvalidExtensionState", message)
    })
  },
  {
    case: 43,
    part: "exit/error from Running",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.running()
      expectAnswer(yield* world.report("exit", identifier), 202, json, accepted)
    })
  },
  {
    case: 44,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      yield* world.report("init", identifier, "Mine")
      // Init goes on: the runtime is still welcome.
      yield* world.pollRuntime
      assert.lengthOf(yield* world.entries("InitEnded"), 0)
      yield* world.emulator.endManualProcess("extension:a")
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["error", "Extension.InitError"])
    })
  },
  {
    case: 45,
    run: Effect.fnUntraced(function* (world) {
      const failOnce = Effect.fnUntraced(function* (after: number) {
        const at = (entry: Journal.JournalEntry) => entry.index > after
        const started = yield* world.journal.waitFor(
          Journal.is("ProcessStarted", (entry) => at(entry) && entry.source === "extension:a")
        )
        const identifier = yield* world.registered("a", ["INVOKE"])
        yield* world.report("init", identifier, "Probe.Deliberate")
        yield* world.emulator.endManualProcess("extension:a")
        return started.index
      })
      const caller = yield* Effect.forkScoped(world.emulator.invoke("{}", { requestId: "the-request" }))
      const first = yield* failOnce(-1)
      // The first init failed outside the invocation, which therefore starts a second one.
      yield* failOnce(first)
      const result = yield* Fiber.join(caller)
      assert.strictEqual(result.functionError, "Extension.InitError")
      assert.strictEqual(
        result.payload,
        '{"errorType":"Extension.InitError","errorMessage":"RequestId: the-request Error: exit code 0"}'
      )
    })
  },
  ...(["Extension.MyThing", "x"] as const).map((errorType): Scenario => ({
    case: 46,
    part: errorType,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      expectAnswer(yield* world.report("init", identifier, errorType), 202, json, accepted)
      yield* world.emulator.endManualProcess("extension:a")
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      assert.strictEqual(ended.errorType, errorType === "x" ? "Extension.InitError" : errorType)
    })
  }))
]
