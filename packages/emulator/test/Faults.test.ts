/**
 * Every fault, in the words of the command line, with two extensions. The hello extension of this repository gets over
 * it; the naive one, written in a hurry, fails as it would on Lambda.
 */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Path from "node:path"
import { bundled, compileCache } from "../../tools/programs.ts"
import { echoFunction, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const files = {
  hello: await bundled(Path.join(import.meta.dirname, "../../examples/hello/src/hello.ts")),
  naive: Path.join(import.meta.dirname, "fixtures/naive.mjs")
}

const environment = { NODE_COMPILE_CACHE: compileCache }

/** A line of an extension: the naive one writes plain words, hello logs JSON. Other lines explain a crash. */
const said = (line: string): ReadonlyArray<string> => {
  if (line === "INVOKE") return ["handled"]
  if (line === "SHUTDOWN") return ["ended"]
  if (!line.startsWith('{"')) return []
  const { message } = JSON.parse(line)
  if (message.startsWith("invocation ")) return ["handled"]
  return [message.includes("invocations, then shutdown") ? "ended" : message.split(" ", 4).join(" ")]
}

/** The story of the extension: its words, the events that were lost, the end of its processes. */
const lifeOf = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<string> =>
  entries.flatMap((entry) => {
    if (!("source" in entry) || entry.source === "runtime") return []
    if (entry._tag === "Output") return said(entry.line)
    if (entry._tag === "EventDelivered") return entry.lost ? [`lost ${entry.eventType}`] : []
    if (entry._tag !== "ProcessExited") return []
    return [`${entry.state} ${entry.status._tag === "Code" ? entry.status.code : entry.status.signal}`]
  })

/** The failure of init and the ends of the invocations. */
const resultsOf = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<string> =>
  entries.flatMap((entry) => {
    if (entry._tag === "InitEnded") return entry.status === "success" ? [] : [`init ${entry.errorType}`]
    return entry._tag === "InvocationDone" ? [entry.errorType ?? entry.status] : []
  })

/** Two invocations and a shutdown, with faults one after another. */
const live = Effect.fnUntraced(function* (who: keyof typeof files, faults: string, options: Emulator.Options = {}) {
  const directory = yield* temporaryDirectory
  const command = writeExecutable(directory, "function.cjs", echoFunction)
  const { invoke, journal, shutdown } = yield* startEmulator({
    extensions: [files[who]],
    function: { command: [command] },
    timeout: "10 seconds",
    environment,
    faults: faults.split(" ").map((text) => Result.getOrThrow(Fault.parse(text))),
    ...options
  })
  for (let number = 1; number <= 2; number++) {
    const result = yield* Effect.result(invoke("1"))
    // A fault has ended the environment before.
    if (Result.isFailure(result)) break
    const { requestId } = result.success
    yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
  }
  yield* shutdown()
  const entries = yield* journal.entries
  const injected = entries.filter(Journal.is("FaultInjected"))
  assert.isAtLeast(injected.length, faults.split(" ").length)
  const timeline = Timeline.make()
  for (const entry of injected) assert.include(timeline.render(entry), entry.description)
  return { life: lifeOf(entries), results: resultsOf(entries), entries }
})

const twice = { life: ["handled", "handled", "ended", "Exited 0"], results: ["success", "success"] }
const lostPoll = "the poll was lost,"
const works = "the poll for events"

/** The effect of the fault on each of them. */
const table: ReadonlyArray<{
  readonly fault: string
  readonly hello: { readonly life: ReadonlyArray<string>; readonly results: ReadonlyArray<string> }
  readonly naive: { readonly life: ReadonlyArray<string>; readonly results: ReadonlyArray<string> }
  readonly options?: Emulator.Options
}> = [
  {
    fault: "reset:register",
    hello: twice,
    naive: { life: ["Started 1", ...twice.life], results: ["init Extension.Crash", "success", "success"] }
  },
  {
    fault: "reset:next@2",
    hello: twice,
    naive: { life: ["handled", "Running 1", "handled", "ended", "Exited 0"], results: ["Extension.Crash", "success"] }
  },
  // The wait harms neither of them.
  { fault: "slow:register=300ms slow:next=300ms", hello: twice, naive: twice },
  {
    // The registration counts, its identifier is lost: hello is refused when it tries again, and says why it ends.
    fault: "partial:register=10",
    hello: {
      life: ["the extension ends: register:", "Registered 1", ...twice.life],
      results: ["init Extension.Crash", "success", "success"]
    },
    naive: { life: ["Registered 1", ...twice.life], results: ["init Extension.Crash", "success", "success"] }
  },
  {
    fault: "partial:next=20",
    hello: { life: [lostPoll, works, "handled", "ended", "Exited 0"], results: twice.results },
    naive: { life: ["Running 1", "handled", "ended", "Exited 0"], results: ["Extension.Crash", "success"] }
  },
  {
    fault: "status:next@2=500",
    hello: twice,
    naive: { life: ["handled", "Running 1", "handled", "ended", "Exited 0"], results: ["Extension.Crash", "success"] }
  },
  {
    fault: "event:next@2=RESTORE",
    hello: { life: ["handled", "Lambda sent an event", "handled", "ended", "Exited 0"], results: twice.results },
    naive: twice
  },
  { fault: "fields:register fields:next@every no-tracing@every", hello: twice, naive: twice },
  {
    // The function's fault; both get SHUTDOWN in time.
    fault: "timeout@2",
    options: { timeout: "1 second" },
    hello: { life: twice.life, results: ["success", "Sandbox.Timedout"] },
    naive: { life: twice.life, results: ["success", "Sandbox.Timedout"] }
  },
  {
    fault: "shutdown:during-invoke@2",
    hello: { life: twice.life, results: ["success", "abandoned"] },
    naive: { life: twice.life, results: ["success", "abandoned"] }
  },
  {
    fault: "shutdown:after-response",
    hello: { life: ["handled", "ended", "Exited 0"], results: ["abandoned"] },
    naive: { life: ["handled", "ended", "Exited 0"], results: ["abandoned"] }
  },
  {
    fault: "crash:runtime:during-invoke",
    hello: {
      life: ["handled", "ended", "Exited 0", "handled", "ended", "Exited 0"],
      results: ["Runtime.ExitError", "success"]
    },
    naive: {
      life: ["handled", "ended", "Exited 0", "handled", "ended", "Exited 0"],
      results: ["Runtime.ExitError", "success"]
    }
  }
]

describe.each(["hello", "naive"] as const)("%s", { concurrent: true }, (who) => {
  it.live.each(table)("$fault", (row) =>
    Effect.gen(function* () {
      const { life, results } = yield* live(who, row.fault, row.options)
      assert.deepStrictEqual({ life, results }, { life: row[who].life, results: row[who].results })
    })
  )

  const name = Path.basename(files[who])

  it.live.each([
    ["init", ["Started SIGKILL", "Exited 0"], ["init Extension.Crash", "success", "success"]],
    ["during-invoke", ["Running SIGKILL", "Exited 0"], ["Extension.Crash", "success"]],
    ["shutdown", ["ShutdownFailed SIGKILL"], ["success", "success"]]
  ] as const)("a crash at %s: the next environment starts with a new process", ([moment, exits, expected]) =>
    Effect.gen(function* () {
      // On a busy machine the process would register before it is killed.
      const held = moment === "init" ? "slow:register=2s " : ""
      const { entries, results } = yield* live(who, `${held}crash:extension:${name}:${moment}`)
      const ended = lifeOf(entries).filter((word) => word.includes(" "))
      assert.deepStrictEqual({ ended, results }, { ended: [...exits], results: [...expected] })
    })
  )
})

describe("naive, at work for three seconds", { concurrent: true }, () => {
  const options = { environment: { NAIVE_WORK_MS: "3000" } }

  it.live("SHUTDOWN while it is at work: it never asks again and is killed at the deadline", () =>
    Effect.gen(function* () {
      const { life, results } = yield* live("naive", "shutdown:during-invoke+100ms", options)
      assert.deepStrictEqual({ life, results }, { life: ["ShutdownFailed SIGKILL"], results: ["abandoned"] })
    })
  )

  it.live("a crash after the response: the invoker has its answer, the invocation has failed", () =>
    Effect.gen(function* () {
      const fault = "crash:extension:naive.mjs:after-response@1+50ms"
      const { entries, results } = yield* live("naive", fault, { ...options, timeout: "2 seconds" })
      assert.strictEqual(results[0], "Extension.Crash")
      const responded = entries.find(Journal.is("RuntimeResponded"))
      assert.deepInclude(responded, { functionError: undefined })
    })
  )
})

describe("deadlines that cannot be", { concurrent: true }, () => {
  const told = ["-1", "0", "676051", "year-ahead"]

  it.live.each(["-1 0", "676051 year-ahead"])("hello takes %s for no deadline at all", (pair) =>
    Effect.gen(function* () {
      const [first, second] = pair.split(" ")
      const faults = `deadline:invoke@1=${first} deadline:invoke@2=${second} deadline:shutdown=${second}`
      const { life, results } = yield* live("hello", faults)
      assert.deepStrictEqual({ life, results }, twice)
    })
  )

  it.live.each(told)("naive, told %s with INVOKE, crashes", (time) =>
    Effect.gen(function* () {
      const { life, results } = yield* live("naive", `deadline:invoke=${time}`)
      assert.deepStrictEqual(life, ["Running 1", "handled", "ended", "Exited 0"])
      assert.deepStrictEqual(results, ["Extension.Crash", "success"])
    })
  )

  it.live.each(told)("naive, told %s with SHUTDOWN, fails at the end", (time) =>
    Effect.gen(function* () {
      const { life, results } = yield* live("naive", `deadline:shutdown=${time}`)
      assert.deepStrictEqual(life, ["handled", "handled", "ShutdownFailed 1"])
      assert.deepStrictEqual(results, twice.results)
    })
  )
})

describe("drop-parked-next", { concurrent: true }, () => {
  it.live("hello keeps asking until the old poll has swallowed an event; the function does not notice", () =>
    Effect.gen(function* () {
      const { life, results } = yield* live("hello", "drop-parked-next")
      // When it notices at once that its connection is gone, it says nothing.
      const events = life.filter((word) => word !== lostPoll && word !== works)
      assert.deepStrictEqual(events, ["lost INVOKE", "handled", "ended", "Exited 0"])
      assert.deepStrictEqual(results, twice.results)
    })
  )

  it.live("naive crashes", () =>
    Effect.gen(function* () {
      const { life, results } = yield* live("naive", "drop-parked-next")
      // Before the end of init, or after an invocation has begun.
      assert.include(
        ["Ready 1", "Running 1"],
        life.find((word) => word.endsWith(" 1"))
      )
      // A process that gets no CPU notices it in the second one.
      assert.match(results.join("\n"), /Extension\.Crash$/m)
    })
  )
})

it.live("naive takes a 403 for an event, and crashes", () =>
  Effect.gen(function* () {
    const { life } = yield* live("naive", "status:next@2=403")
    assert.deepStrictEqual(life.slice(0, 2), ["handled", "Running 1"])
  })
)

it.live("hello ends as at SHUTDOWN, with 0, when next is refused for good", () =>
  Effect.gen(function* () {
    const { life } = yield* live("hello", "status:next@every=500")
    assert.deepStrictEqual(life.slice(0, 3), ["next failed for good;", "ended", "Registered 0"])
  })
)
