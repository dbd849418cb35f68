/** Extensions that know nothing of this emulator: bash with curl, Python, plain Node; and each of them misbehaving. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { echoFunction, hasProgram, hasPython, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const opt = Path.join(import.meta.dirname, "fixtures/opt")

const programs = [
  { name: "foreign.mjs", runs: true },
  { name: "foreign.py", runs: hasPython },
  { name: "foreign.sh", runs: hasProgram("curl") }
] as const

const start = Effect.fnUntraced(function* (options: Emulator.Options) {
  const directory = yield* temporaryDirectory
  const command = writeExecutable(directory, "function.cjs", echoFunction)
  return yield* startEmulator({ function: { command: [command] }, timeout: "10 seconds", ...options })
})

const startVariant = (name: string, variant: string, options: Emulator.Options = {}) =>
  start({
    extensions: [Path.join(opt, "extensions", name)],
    environment: { FOREIGN_VARIANT: variant },
    ...options
  })

/** The story of the extension, without the function and without times. */
const story = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<string> =>
  entries.flatMap((entry) => {
    switch (entry._tag) {
      case "InitEnded":
        return [`init ${entry.status}${entry.errorType === undefined ? "" : ` ${entry.errorType}`}`]
      case "Registered":
        return [`registered ${entry.events.join(" ")}`]
      case "NextCalled":
        return entry.source === "runtime" ? [] : ["next"]
      case "EventDelivered":
        return [entry.eventType]
      case "Output":
        return entry.source === "runtime" ? [] : [`${entry.channel}: ${entry.line}`]
      case "ErrorReported":
        return [`${entry.route} ${entry.errorType} ${JSON.stringify(JSON.parse(entry.body))}`]
      case "Killed":
        return entry.source === "runtime" ? [] : [entry.signal]
      case "ProcessExited": {
        if (entry.source === "runtime") return []
        const how = entry.status._tag === "Code" ? `code ${entry.status.code}` : entry.status.signal
        return [`${entry.state} ${how}`]
      }
      case "ShutdownStarted":
        return [`shutdown ${entry.reason}`]
      default:
        return []
    }
  })

/** The story of the first generation: up to the end of its shutdown. */
const firstStory = Effect.fnUntraced(function* (journal: Journal.Journal) {
  const ended = yield* journal.waitFor(Journal.is("ShutdownEnded"))
  return story((yield* journal.entries).slice(0, ended.index))
})

const registered = "registered INVOKE SHUTDOWN"

describe.each(programs)("$name", { concurrent: true }, ({ name, runs }) => {
  /** A machine without the interpreter shows what Lambda shows in a runtime without it. */
  const whereItRuns = <E, R>(test: Effect.Effect<void, E, R>) =>
    runs
      ? test
      : Effect.gen(function* () {
          const emulator = yield* startVariant(name, "")
          const { payload } = yield* emulator.invoke("1", { requestId: "r" })
          assert.include(payload, "RequestId: r Error: exit status 127")
        })

  it.live("handles invocations and ends in order", () =>
    whereItRuns(
      Effect.gen(function* () {
        const emulator = yield* startVariant(name, "")
        const first = yield* emulator.invoke("1", { requestId: "first" })
        const second = yield* emulator.invoke("2", { requestId: "second" })
        assert.deepStrictEqual([first.payload, second.payload], ["1", "2"])
        yield* emulator.journal.waitFor(Journal.is("InvocationDone", ({ requestId }) => requestId === "second"))
        yield* emulator.shutdown()
        const told = story(yield* emulator.journal.entries)
        // The end of init comes with the last of two polls, the other one is the runtime's.
        assert.deepStrictEqual(
          told.filter((line) => line !== "init success"),
          [
            registered,
            "next",
            "INVOKE",
            "stdout: invoke first",
            "next",
            "INVOKE",
            "stdout: invoke second",
            "next",
            "shutdown spindown",
            "SHUTDOWN",
            "stdout: shutdown",
            "Exited code 0"
          ]
        )
      })
    )
  )

  it.live("reports init/error and exits with 3: the invoker is told Extension.InitError", () =>
    whereItRuns(
      Effect.gen(function* () {
        const emulator = yield* startVariant(name, "crash-at-init")
        const result = yield* emulator.invoke("1", { requestId: "r" })
        assert.strictEqual(
          result.payload,
          '{"errorType":"Extension.InitError","errorMessage":"RequestId: r Error: exit status 3"}'
        )
        assert.deepStrictEqual(yield* firstStory(emulator.journal), [
          registered,
          'init/error Extension.ConfigInvalid {"errorMessage":"no API key"}',
          "stderr: no API key",
          "InitError code 3",
          "init error Extension.InitError",
          "shutdown failure"
        ])
      })
    )
  )

  it.live("exits with 0 before it calls next: that is a crash too", () =>
    whereItRuns(
      Effect.gen(function* () {
        const emulator = yield* startVariant(name, "exits-early")
        const result = yield* emulator.invoke("1", { requestId: "r" })
        assert.strictEqual(
          result.payload,
          '{"errorType":"Extension.Crash","errorMessage":"RequestId: r Error: exit code 0"}'
        )
        assert.deepStrictEqual(yield* firstStory(emulator.journal), [
          registered,
          "Registered code 0",
          "init error Extension.Crash",
          "shutdown failure"
        ])
      })
    )
  )

  it.live("never calls next: init runs into its limit", () =>
    whereItRuns(
      Effect.gen(function* () {
        const emulator = yield* startVariant(name, "never-next", { initTimeout: "2 seconds" })
        const told = yield* firstStory(emulator.journal)
        assert.deepStrictEqual(told, [registered, "init timeout", "shutdown timeout", "SIGKILL", "Registered SIGKILL"])
      })
    )
  )

  it.live("hangs at shutdown: killed at the deadline", () =>
    whereItRuns(
      Effect.gen(function* () {
        const emulator = yield* startVariant(name, "hangs-at-shutdown")
        yield* emulator.journal.waitFor(Journal.is("InitEnded"))
        yield* emulator.shutdown()
        const entries = yield* emulator.journal.entries
        const begin = entries.findIndex(Journal.is("ShutdownStarted"))
        assert.deepStrictEqual(story(entries.slice(begin)), [
          "shutdown spindown",
          "SHUTDOWN",
          "stdout: shutdown",
          "SIGKILL",
          "ShutdownFailed SIGKILL"
        ])
        const deadline = entries.find(Journal.is("ShutdownStarted"))?.deadlineMs ?? 0
        const killed = entries.find(Journal.is("Killed", ({ signal }) => signal === "SIGKILL"))?.at ?? 0
        // A timer may be a little early.
        assert.isAtLeast(killed, deadline - 20)
      })
    )
  )
})

it.live("all of them beside each other, from a folder laid out as /opt", () =>
  Effect.gen(function* () {
    const emulator = yield* start({ extensions: { opt } })
    if (programs.every(({ runs }) => runs)) {
      const { payload } = yield* emulator.invoke("1", { requestId: "r" })
      assert.strictEqual(payload, "1")
      yield* emulator.journal.waitFor(Journal.is("InvocationDone"))
      yield* emulator.shutdown()
    } else {
      yield* emulator.journal.waitFor(Journal.is("ShutdownEnded"))
    }
    const entries = yield* emulator.journal.entries
    const started = entries.filter(Journal.is("ProcessStarted")).map(({ source }) => source)
    assert.deepStrictEqual(started.slice(0, 3), [
      "extension:foreign.mjs",
      "extension:foreign.py",
      "extension:foreign.sh"
    ])
    const ended = entries.filter(Journal.is("ProcessExited")).filter(({ source }) => source !== "runtime")
    const expected = programs.every(({ runs }) => runs) ? 3 : 0
    assert.lengthOf(
      ended.filter(({ state }) => state === "Exited"),
      expected
    )
  })
)
