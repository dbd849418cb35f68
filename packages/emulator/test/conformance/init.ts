/**
 * The switch for all extensions (docs/protocol.md#the-switch-for-all-extensions) and the order of init
 * (docs/protocol.md#init).
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { startEmulator, temporaryDirectory, writeExecutable } from "../support.ts"
import { request } from "./raw.ts"
import type { Scenario } from "./world.ts"
import { expectAnswer, expectFailure, expectRefusal, failureDocument, manualExtensions } from "./world.ts"

const eleven = manualExtensions(...Array.from({ length: 11 }, (_, index) => `e${String(index).padStart(2, "0")}`))

/** Registers at once and waits to be killed; whatever it is called. */
const sleeper = "#!/bin/sh\nexec sleep 60\n"

export const init: ReadonlyArray<Scenario> = [
  {
    case: 24,
    run: Effect.fnUntraced(function* ({ profile }) {
      const root = yield* temporaryDirectory
      const directory = Path.join(root, "extensions")
      Fs.mkdirSync(directory)
      writeExecutable(directory, "a", sleeper)
      Fs.writeFileSync(Path.join(root, "disable-extensions-jwigqn8j"), "")
      const emulator = yield* startEmulator({ extensions: { directory }, profile })
      const name = { "Lambda-Extension-Name": "a" }
      const register = yield* request(emulator.runtimeApi, "POST", "/2020-01-01/extension/register", name, "{}")
      expectAnswer(register, 404, {}, "")
      const next = yield* request(emulator.runtimeApi, "GET", "/2020-01-01/extension/event/next")
      expectAnswer(next, 404, {}, "")
      // The stub of AWS's emulator is not guarded by the switch.
      const telemetry = yield* request(emulator.runtimeApi, "PUT", "/2022-07-01/telemetry", {}, "{}")
      assert.strictEqual(telemetry.status, profile === "rie" ? 202 : 404)
      const caller = yield* Effect.forkScoped(emulator.invoke("{}"))
      yield* emulator.journal.waitFor(Journal.is("ProcessStarted", ({ source }) => source === "runtime"))
      const started = (yield* emulator.journal.entries).filter(Journal.is("ProcessStarted"))
      assert.lengthOf(started, 1)
      yield* Fiber.interrupt(caller)
    })
  },
  {
    case: 47,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", [])
      const before = yield* world.entries("ProcessStarted")
      assert.deepStrictEqual(
        before.map(({ source }) => source),
        ["extension:a", "extension:b"]
      )
      yield* world.registered("b", [])
      yield* world.journal.waitFor(Journal.is("ProcessStarted", ({ source }) => source === "runtime"))
    })
  },
  ...([48, 49] as const).map((number): Scenario => ({
    case: number,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      yield* world.pollExtension("a", yield* world.registered("a", world.usualEvents))
      const identifier = yield* world.registered("b", number === 49 ? [] : world.usualEvents)
      const runtimePoll = yield* world.pollRuntime
      if (world.starter === undefined) yield* Effect.forkScoped(world.emulator.invoke("{}"))
      assert.strictEqual((yield* world.call("GET", "/2018-06-01/ping")).body, "pong")
      const early = yield* world.journal.entries
      assert.isFalse(early.some(Journal.is("InitEnded")) || early.some(Journal.is("InvocationDelivered")))
      yield* world.pollExtension("b", identifier)
      assert.strictEqual((yield* Fiber.join(runtimePoll)).status, 200)
    })
  })),
  {
    case: 50,
    run: Effect.fnUntraced(function* ({ profile }) {
      const root = yield* temporaryDirectory
      const directory = Path.join(root, "extensions")
      Fs.mkdirSync(Path.join(directory, "c"), { recursive: true })
      for (const name of [".hidden", "b", "f"]) writeExecutable(directory, name, sleeper)
      Fs.symlinkSync(writeExecutable(root, "target", sleeper), Path.join(directory, "d"))
      writeExecutable(directory, "e", sleeper, 0o644)
      const emulator = yield* startEmulator({ extensions: { directory }, profile })
      if (profile === "rie") yield* Effect.forkScoped(emulator.invoke("{}"))
      const ended = yield* emulator.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["error", "Extension.LaunchError"])
      const launches = (yield* emulator.journal.entries)
        .slice(0, ended.index)
        .flatMap((entry) =>
          entry._tag === "ProcessStarted" || entry._tag === "LaunchFailed" ? [`${entry._tag} ${entry.source}`] : []
        )
      assert.deepStrictEqual(launches, [
        "ProcessStarted extension:.hidden",
        "ProcessStarted extension:b",
        "ProcessStarted extension:d",
        "LaunchFailed extension:e"
      ])
    })
  },
  {
    case: 51,
    options: { extensions: { directory: "/does/not/exist" } },
    run: Effect.fnUntraced(function* (world) {
      const runtimePoll = yield* world.pollRuntime
      if (world.starter === undefined) yield* Effect.forkScoped(world.emulator.invoke("{}"))
      assert.strictEqual((yield* Fiber.join(runtimePoll)).status, 200)
      assert.lengthOf(yield* world.entries("ProcessStarted"), 1)
    })
  },
  {
    case: 52,
    options: eleven,
    run: Effect.fnUntraced(function* (world) {
      const failed = yield* world.journal.waitFor(Journal.is("LaunchFailed"))
      assert.deepStrictEqual([failed.source, failed.errorType], ["extension:e10", "TooManyExtensions"])
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["error", "Extension.LaunchError"])
      if (world.profile === "lmi") return
      // On Lambda the invocation fails with the init that runs inside it.
      const answer = yield* world.starter === undefined ? world.post("{}") : Fiber.join(world.starter)
      const requestId = answer.headers["x-amzn-requestid"] ?? ""
      const document = failureDocument("Extension.LaunchError", requestId, "ErrorTooManyExtensions")
      expectFailure(world.profile, answer, world.profile === "rie" ? "" : document)
      const started = yield* world.entries("ProcessStarted")
      assert.lengthOf(started, world.profile === "rie" ? 10 : 20)
      if (world.profile === "real") return
      expectFailure("rie", yield* world.post("{}"), "")
      assert.lengthOf(yield* world.entries("ProcessStarted"), 20)
    })
  },
  {
    case: 53,
    run: Effect.fnUntraced(function* (world) {
      yield* world.journal.waitFor(Journal.is("ProcessStarted"))
      yield* world.emulator.endManualProcess("extension:a")
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["error", "Extension.Crash"])
      if (world.profile === "lmi") return
      const startedAgain = world.journal.waitFor(Journal.is("ProcessStarted", ({ index }) => index > ended.index))
      if (world.starter !== undefined) {
        // AWS's emulator starts nothing a second time in that invocation; the next one starts everything.
        expectFailure("rie", yield* Fiber.join(world.starter), "")
        assert.lengthOf(yield* world.entries("ProcessStarted"), 1)
        yield* Effect.forkScoped(world.post("{}"))
        yield* startedAgain
        return
      }
      // On Lambda the invocation runs a second init, and fails with it.
      const caller = yield* Effect.forkScoped(world.post("{}"))
      yield* startedAgain
      yield* world.emulator.endManualProcess("extension:a")
      const answer = yield* Fiber.join(caller)
      const requestId = answer.headers["x-amzn-requestid"] ?? ""
      expectFailure("real", answer, failureDocument("Extension.Crash", requestId, "exit code 0"))
    })
  },
  {
    case: 54,
    run: Effect.fnUntraced(function* (world) {
      const before = yield* world.registered("a", [])
      yield* world.emulator.endManualProcess("extension:a")
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      // The next generation comes with the next invocation.
      if (world.starter !== undefined) expectFailure("rie", yield* Fiber.join(world.starter), "")
      yield* Effect.forkScoped(world.post("{}"))
      yield* world.journal.waitFor(Journal.is("ProcessStarted", ({ index }) => index > ended.index))
      const after = yield* world.registered("a", [])
      assert.notStrictEqual(after, before)
      const old = yield* world.next(before)
      expectRefusal(old, "Extension.UnknownExtensionIdentifier", `Unknown extension ${before}`)
    })
  },
  {
    case: 55,
    run: Effect.fnUntraced(function* (world) {
      yield* world.journal.waitFor(Journal.is("ProcessStarted"))
      yield* world.emulator.endManualProcess("extension:a", { _tag: "Code", code: 1 })
      const caller = yield* Effect.forkScoped(world.emulator.invoke('"hello"'))
      yield* world.journal.waitFor(Journal.is("InitStarted", ({ phase }) => phase === "invoke"))
      yield* world.pollExtension("a", yield* world.registered("a", []))
      const { headers } = yield* Fiber.join(yield* world.pollRuntime)
      yield* world.respond(headers["lambda-runtime-aws-request-id"] ?? "", '"there"')
      assert.strictEqual((yield* Fiber.join(caller)).payload, '"there"')
      const ended = yield* world.entries("InitEnded")
      assert.deepStrictEqual(
        ended.map(({ phase, status }) => [phase, status]),
        [
          ["init", "error"],
          ["invoke", "success"]
        ]
      )
    })
  }
]
