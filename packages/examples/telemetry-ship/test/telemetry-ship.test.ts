import { Emulator, Journal } from "@effect-lambda/emulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Receiver from "../src/Receiver.ts"
import { bundled, compileCache } from "../../../tools/programs.ts"

const example = join(import.meta.dirname, "..")
const ship = await bundled(join(example, "src/telemetry-ship.ts"))
const flush = await bundled(join(example, "test/programs/flush.ts"))
const demonstration = await bundled(join(example, "src/start.ts"))

/** The example in the emulator, and what it logs. */
const start = Effect.fnUntraced(function* (
  options: Omit<Emulator.Options, "extensions" | "function">,
  extension = ship
) {
  const emulator = yield* Emulator.make({
    ...options,
    environment: { NODE_COMPILE_CACHE: compileCache, ...options.environment },
    extensions: [extension],
    function: { command: [join(example, "function/function.mjs")] }
  })
  const invoke = Effect.fnUntraced(function* (invocation: number, lines: number, hang = false) {
    const { requestId } = yield* emulator.invoke(JSON.stringify({ invocation, lines, hang }))
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "1 minute"
    )
    return requestId
  })
  const messages = Effect.map(emulator.journal.entries, (entries) =>
    entries
      .filter(Journal.is("Output"))
      .filter(({ source }) => source === "extension:telemetry-ship.ts")
      .map(({ line }): string => JSON.parse(line).message)
  )
  return { ...emulator, invoke, messages }
})

/** Below the range that the system gives out by itself, so that no other program gets it between the two processes. */
const fixedPort = 20_000 + (process.pid % 10_000)

const types = (lines: ReadonlyArray<string>) => lines.map((line): string => JSON.parse(line).type)

describe("telemetry-ship", () => {
  it.live("case 92: ships every record, history included, before the freeze, and later records at SHUTDOWN", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver.make()
      const { invoke, messages, shutdown } = yield* start({
        environment: { TELEMETRY_URL: receiver.url, TELEMETRY_TOKEN: "Bearer secret" },
        freeze: true
      })
      for (const invocation of [1, 2, 3]) {
        yield* invoke(invocation, 50)
        const lines = receiver.accepted().filter((line) => line.includes(`invocation ${invocation}, line`))
        assert.lengthOf(lines, 50, "they are there when the invocation ends")
      }
      yield* shutdown()

      const accepted = receiver.accepted()
      assert.deepStrictEqual(
        types(accepted).filter((type) => type !== "function"),
        [
          "platform.initStart",
          "platform.telemetrySubscription",
          "platform.initRuntimeDone",
          "platform.extension",
          "platform.initReport",
          ...Array.from({ length: 3 }, () => ["platform.start", "platform.runtimeDone", "platform.report"]).flat()
        ]
      )
      assert.include(accepted.join("\n"), "the function starts")
      assert.include(accepted.join("\n"), "the function's last line")
      const last = (yield* messages).at(-1)
      assert.include(last, `${accepted.length} received, ${accepted.length} decoded, 0 undecodable`)
      assert.include(last, `http: ${accepted.length} delivered`)
      assert.notInclude((yield* messages).join("\n"), "secret")
    })
  )

  it.live("loses nothing to an endpoint that fails for two invocations, and repeats a batch under its id only", () =>
    Effect.gen(function* () {
      let invocation = 0
      const receiver = yield* Receiver.make(() => ({ status: invocation <= 2 ? 500 : 200 }))
      const { invoke, messages, shutdown } = yield* start({
        environment: { TELEMETRY_URL: receiver.url },
        freeze: true
      })
      for (invocation = 1; invocation <= 4; invocation++) yield* invoke(invocation, 100)
      yield* shutdown()

      const lines = receiver.accepted().flatMap((line) => /invocation \d+, line \d+/.exec(line) ?? [])
      assert.lengthOf(lines, 400)
      assert.lengthOf(new Set(lines), 400)
      const contents = new Map<string, Set<string>>()
      for (const { id, lines } of receiver.batches) {
        contents.set(id, (contents.get(id) ?? new Set()).add(lines.join("\n")))
      }
      for (const [id, bodies] of contents) assert.strictEqual(bodies.size, 1, `batch ${id} always has the same records`)
      assert.isAbove(receiver.batches.length, contents.size, "batches were repeated")
      assert.lengthOf(
        (yield* messages).filter((message) => message.includes("answered 500")),
        1,
        "one line for the outage"
      )
    })
  )

  it.live(
    "cases 91 and 103: on a fixed port, the report of an invocation that timed out reaches the next process",
    () =>
      Effect.gen(function* () {
        const receiver = yield* Receiver.make()
        const { invoke, journal, shutdown } = yield* start(
          {
            environment: { TELEMETRY_URL: receiver.url, STRATEGY: "endOfInvocation", PORT: String(fixedPort) },
            // The next generation's init is part of an invocation.
            timeout: 4000,
            freeze: true
          },
          flush
        )
        yield* invoke(1, 1)
        const timedOut = yield* invoke(2, 1, true)
        yield* invoke(3, 1)
        yield* shutdown()

        const accepted = receiver.accepted()
        const report = accepted.findIndex((line) => line.includes("platform.report") && line.includes(timedOut))
        assert.include(accepted[report], '"status":"timeout"')
        assert.notInclude(accepted[report], "errorType")
        const initStart = accepted.findLastIndex((line) => line.includes("platform.initStart"))
        assert.strictEqual(initStart, report + 1, "the report comes before the new generation's own events")
        assert.include(accepted[initStart], '"phase":"invoke"')
        assert.lengthOf(
          accepted.filter((line) => /invocation \d+, line/.test(line)),
          3
        )
        const states = (yield* journal.entries).filter(Journal.is("TelemetrySubscription")).map(({ state }) => state)
        assert.deepStrictEqual(states, ["Subscribed", "Already subscribed"])
      })
  )

  it.live("flushes periodically on managed instances", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver.make()
      const { invoke, journal, messages, shutdown } = yield* start({
        profile: "lmi",
        environment: { TELEMETRY_URL: receiver.url }
      })
      for (const invocation of [1, 2, 3]) {
        const requestId = yield* invoke(invocation, 20)
        const responded = yield* journal.waitFor(
          Journal.is("RuntimeResponded", (entry) => entry.requestId === requestId),
          "1 minute"
        )
        // A managed instance refuses an invocation while no worker polls.
        yield* journal.waitFor(
          Journal.is("NextCalled", (entry) => entry.source === "runtime" && entry.index > responded.index),
          "1 minute"
        )
      }
      yield* shutdown()

      const accepted = receiver.accepted()
      assert.lengthOf(
        accepted.filter((line) => /invocation \d+, line/.test(line)),
        60
      )
      assert.notInclude(types(accepted), "platform.runtimeDone")
      assert.include((yield* messages).at(-1), `http: ${accepted.length} delivered`)
      const subscription = (yield* journal.entries).find(Journal.is("TelemetrySubscription"))
      assert.strictEqual(subscription?.schemaVersion, "2025-01-29")
    })
  )

  it.live("goes on without telemetry under AWS's local emulator", () =>
    Effect.gen(function* () {
      const receiver = yield* Receiver.make()
      const { invoke, messages, shutdown } = yield* start({
        profile: "rie",
        environment: { TELEMETRY_URL: receiver.url }
      })
      yield* invoke(1, 1)
      yield* invoke(2, 1)
      yield* shutdown()
      assert.include((yield* messages)[0], "this environment has no telemetry")
      assert.deepStrictEqual(receiver.batches, [])
    })
  )

  it.live("idles if its configuration is missing: the function lives", () =>
    Effect.gen(function* () {
      const { invoke, messages, shutdown } = yield* start({})
      yield* invoke(1, 1)
      yield* shutdown()
      const [message] = yield* messages
      assert.include(JSON.stringify(message), "init failed")
    })
  )
})

describe("npm run start:telemetry", () => {
  const run = (...args: ReadonlyArray<string>) =>
    promisify(execFile)(process.execPath, [demonstration, ...args]).then(
      ({ stderr, stdout }) => ({ code: 0, stderr, stdout }),
      (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error
    )

  it("prints the accounting, and that every line has arrived", async () => {
    const { code, stderr, stdout } = await run("--invocations", "3", "--lines", "100", "--failing", "1")
    assert.strictEqual(code, 0, stdout + stderr)
    for (const text of [
      "invocation 1: success; the endpoint has 0 records",
      "302 function",
      "3 platform.report",
      " 0 unsent",
      "every line of the function has arrived"
    ]) {
      assert.include(stdout, text)
    }
  })

  it.each([
    [["--failling", "1"], "--failing"],
    [["--lines", "-1"], "between 0 and 10000"]
  ])("%j explains itself", async (args, text) => {
    const { code, stderr, stdout } = await run(...args)
    assert.notStrictEqual(code, 0)
    assert.include(stdout + stderr, text)
    assert.notInclude(stdout + stderr, "    at ")
  })
})
