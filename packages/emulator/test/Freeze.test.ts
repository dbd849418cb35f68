/** The freeze: no process runs between invocations, and no event is told to a process before it goes on. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import {
  awaitEnd,
  echoFunction,
  politeExtension,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"

/** The program and a child of it write the time every five milliseconds. */
const tickingExtension = script(`
  const tick = () => setInterval(() => console.log(Date.now()), 5)
  if (process.argv[2] === "child") {
    process.send("up")
    return tick()
  }
  const child = require("node:child_process").fork(__filename, ["child"])
  await new Promise((resolve) => child.once("message", resolve))
  tick()
  await register(["INVOKE", "SHUTDOWN"])
  for (;;) if ((await next()).eventType === "SHUTDOWN") process.exit(0)`)

/** Says after each answer, without any pause, whether the end of the connection is there. */
const pollingExtension = `#!/usr/bin/env bash
host=\${AWS_LAMBDA_RUNTIME_API%:*} port=\${AWS_LAMBDA_RUNTIME_API#*:} body='{"events":["INVOKE","SHUTDOWN"]}'
ask() {
  exec 3<>"/dev/tcp/$host/$port"
  printf '%s /2020-01-01/extension%s HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n%s\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "$1" "$2" "$3" "\${#4}" "$4" >&3
  while IFS= read -r line <&3 && line=\${line%$'\\r'} && [ -n "$line" ]; do
    case \${line,,} in
      content-length:*) length=$((\${line#*:})) ;;
      lambda-extension-identifier:*) identifier=\${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" answer <&3
}
ask POST /register "Lambda-Extension-Name: asks-at-once" "$body"
while :; do
  ask GET /event/next "Lambda-Extension-Identifier: $identifier"
  if read -r -t 0 <&3; then echo ended; else echo open; fi
  [[ $answer == *SHUTDOWN* ]] && exit 0
done
`

const programs = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const command = writeExecutable(directory, "function.cjs", echoFunction)
  const extension = writeExecutable(directory, "polite", politeExtension)
  return { directory, function: { command: [command] } as const, extensions: [extension] }
})

const tags = (entries: ReadonlyArray<Journal.JournalEntry>, ...wanted: ReadonlyArray<Journal.JournalEntry["_tag"]>) =>
  entries.flatMap(({ _tag }) => (wanted.includes(_tag) ? [_tag] : []))

describe("freeze", { concurrent: true }, () => {
  it.live("between invocations no timer runs, not even of a child; an event comes after the thaw", () =>
    Effect.gen(function* () {
      const { directory, ...options } = yield* programs
      const extension = writeExecutable(directory, "ticking", tickingExtension)
      const { invoke, journal, shutdown } = yield* startEmulator({
        ...options,
        extensions: [extension],
        freeze: true,
        faults: [{ _tag: "HoldThaw", hold: "600 millis", when: { every: 1 } }]
      })
      yield* journal.waitFor(Journal.is("Frozen"))
      yield* invoke("1")
      yield* journal.waitFor(Journal.is("InvocationDone"))
      yield* shutdown()

      const entries = yield* journal.entries
      assert.deepStrictEqual(
        tags(entries, "InitEnded", "Frozen", "Thawed", "InvocationStarted", "InvocationDone", "ShutdownStarted"),
        "InitEnded Frozen Thawed InvocationStarted InvocationDone Frozen Thawed ShutdownStarted".split(" ")
      )
      for (const thawed of entries.filter(Journal.is("Thawed"))) {
        assert.isAtLeast(thawed.frozenMs, 600)
        const frozen = entries.filter(Journal.is("Frozen")).findLast(({ index }) => index < thawed.index)
        const between = entries.slice(frozen?.index, thawed.index)
        // A signal takes effect when the process is given the processor, at the latest after half of the time.
        const stopped = (frozen?.at ?? 0) + 300
        const written = entries.filter(Journal.is("Output")).map(({ line }) => Number(line))
        assert.deepStrictEqual(
          written.filter((time) => time > stopped && time < thawed.at),
          []
        )
        assert.deepStrictEqual(between.filter(Journal.is("EventDelivered")), [])
        assert.deepStrictEqual(between.filter(Journal.is("Killed")), [])
      }
    })
  )

  it.live("the end of a connection is there before a client that polls at once looks at it", () =>
    Effect.gen(function* () {
      const { directory, ...options } = yield* programs
      const extension = writeExecutable(directory, "asks-at-once", pollingExtension)
      const { invoke, journal, shutdown } = yield* startEmulator({
        ...options,
        extensions: [extension],
        freeze: true,
        faults: [{ _tag: "Close", route: "next", when: { every: 1 } }]
      })
      for (const payload of ["1", "2", "3"]) yield* invoke(payload)
      yield* shutdown()
      const said = (yield* journal.entries).filter(
        Journal.is("Output", ({ source }) => source === "extension:asks-at-once")
      )
      assert.deepStrictEqual(
        said.map(({ line }) => line),
        ["ended", "ended", "ended", "ended"]
      )
    })
  )

  it.live("nothing stays stopped when the scope closes", () =>
    Effect.gen(function* () {
      const { directory: _, ...options } = yield* programs
      const scope = yield* Scope.make()
      const { journal } = yield* Scope.provide(startEmulator({ ...options, freeze: true }), scope)
      yield* journal.waitFor(Journal.is("Frozen"))
      const pids = (yield* journal.entries).filter(Journal.is("ProcessStarted")).map(({ pid }) => pid ?? 0)
      yield* Scope.close(scope, Exit.void)
      assert.lengthOf(pids, 2)
      for (const pid of pids) yield* awaitEnd(pid)
    })
  )

  it.live.each([0, 1, 2])("after %i ms: invocations that come as the freeze begins meet no stopped process", (after) =>
    Effect.gen(function* () {
      const { directory: _, ...options } = yield* programs
      const { invoke, journal } = yield* startEmulator({ ...options, freeze: { after } })
      yield* journal.waitFor(Journal.is("InitEnded"))
      for (let number = 0; number < 50; number++) {
        const { functionError, requestId } = yield* invoke(String(number))
        assert.isUndefined(functionError)
        yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      }
      const entries = yield* journal.entries
      let frozen = false
      for (const { _tag } of entries) {
        if (_tag === "Frozen") frozen = true
        if (_tag === "Thawed") frozen = false
        if (_tag === "EventDelivered" || _tag === "InvocationDelivered") assert.isFalse(frozen)
      }
      // Without a delay every pause has its freeze, however short it is.
      if (after === 0) assert.lengthOf(entries.filter(Journal.is("Thawed")), 50)
    })
  )

  it.live("invocations that wait already are taken up without a freeze", () =>
    Effect.gen(function* () {
      const { directory: _, ...options } = yield* programs
      const { invoke, journal } = yield* startEmulator({ ...options, freeze: true })
      yield* Effect.all([invoke("1"), invoke("2"), invoke("3")], { concurrency: "unbounded" })
      yield* journal.waitFor(Journal.is("Frozen"))
      const order = tags(yield* journal.entries, "InvocationDone", "Frozen", "Thawed")
      assert.deepStrictEqual(order, ["InvocationDone", "InvocationDone", "InvocationDone", "Frozen"])
    })
  )

  it.live("a managed instance is never frozen", () =>
    Effect.gen(function* () {
      const { directory: _, ...options } = yield* programs
      const { invoke, journal, shutdown } = yield* startEmulator({
        ...options,
        extensions: [],
        profile: "lmi",
        freeze: true
      })
      yield* journal.waitFor(Journal.is("InitEnded"))
      yield* invoke("1")
      yield* shutdown()
      assert.deepStrictEqual((yield* journal.entries).filter(Journal.is("Frozen")), [])
    })
  )
})

// Not beside the tests above: the runtime has the 600 milliseconds of Lambda to end.
describe("freeze", () => {
  it.live("a frozen environment ends in order, and at once", () =>
    Effect.gen(function* () {
      const { directory: _, ...options } = yield* programs
      const { journal, shutdown } = yield* startEmulator({ ...options, freeze: true })
      yield* journal.waitFor(Journal.is("Frozen"))
      yield* shutdown()
      const entries = yield* journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("ProcessExited")).map(({ state, status }) => [status, state]),
        [
          [{ _tag: "Signal", signal: "SIGTERM" }, undefined],
          [{ _tag: "Code", code: 0 }, "Exited"]
        ]
      )
      assert.deepStrictEqual(entries.filter(Journal.is("Killed", ({ signal }) => signal === "SIGKILL")), [])
    })
  )
})
