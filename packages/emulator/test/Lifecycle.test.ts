import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Journal from "../src/Journal.ts"
import { echoFunction, politeExtension, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** The journal as short words, for order assertions. */
const words = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<string> =>
  entries.map((entry) => ("source" in entry ? `${entry._tag} ${entry.source}` : entry._tag))

/** The journal restricted to some kinds, as words. */
const only = (entries: ReadonlyArray<Journal.JournalEntry>, ...tags: ReadonlyArray<string>) =>
  words(entries.filter((entry) => tags.includes(entry._tag)))

const environment = (
  extensions: Readonly<Record<string, string>>,
  functionText: string,
  options: Parameters<typeof startEmulator>[0] = {}
) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const files = Object.entries(extensions).map(([name, text]) => writeExecutable(directory, name, text))
    const handler = writeExecutable(directory, "function.cjs", functionText)
    return yield* startEmulator({ extensions: files, function: { command: [handler] }, ...options })
  })

describe("with real processes", () => {
  it.live("init order, next-handle-next-handle, shutdown", () =>
    Effect.gen(function* () {
      const emulator = yield* environment({ b: politeExtension, a: politeExtension }, echoFunction)
      const first = yield* emulator.invoke('{"n":1}')
      assert.strictEqual(first.payload, '{"n":1}')
      assert.strictEqual(first.functionError, undefined)
      const second = yield* emulator.invoke('{"n":2}')
      yield* emulator.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === second.requestId))
      yield* emulator.shutdown()
      const entries = yield* emulator.journal.entries

      const init = only(entries, "InitStarted", "ProcessStarted", "InitEnded")
      assert.deepStrictEqual(init, [
        "InitStarted",
        "ProcessStarted extension:a",
        "ProcessStarted extension:b",
        "ProcessStarted runtime",
        "InitEnded"
      ])
      const ofA = words(entries.filter((entry) => "source" in entry && entry.source === "extension:a"))
      assert.deepStrictEqual(ofA, [
        "ProcessStarted extension:a",
        "Registered extension:a",
        "NextCalled extension:a",
        "EventDelivered extension:a",
        "Output extension:a",
        "NextCalled extension:a",
        "EventDelivered extension:a",
        "Output extension:a",
        "NextCalled extension:a",
        "EventDelivered extension:a",
        "Output extension:a",
        "ProcessExited extension:a"
      ])
      const shutdown = entries.findIndex((entry) => entry._tag === "ShutdownStarted")
      const ends = entries.slice(shutdown).filter(Journal.is("ProcessExited"))
      assert.strictEqual(ends[0]?.source, "runtime")
      assert.deepStrictEqual(
        ends.slice(1).map(({ state }) => state),
        ["Exited", "Exited"]
      )
    })
  )
})
