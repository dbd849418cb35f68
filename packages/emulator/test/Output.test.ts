/**
 * The output of a process: every line is in the journal and in telemetry, whatever ends the process, in any language.
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import NodeProcess from "node:process"
import { listen } from "./conformance/listener.ts"
import { bodyFor } from "./conformance/subscription.ts"
import {
  awaitEnd,
  awaitTrue,
  echoFunction,
  hasPython,
  request,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"

interface Ending {
  readonly lines: number
  readonly ending: "exits" | "kills itself"
  readonly status: Journal.ExitStatus
}

const endings: ReadonlyArray<Ending> = [
  { lines: 20_000, ending: "exits", status: { _tag: "Code", code: 7 } },
  { lines: 2001, ending: "kills itself", status: { _tag: "Signal", signal: "SIGKILL" } }
]

/** Statements of a language that print the lines to a descriptor and end the process. */
type Language = (asked: Ending, descriptor: 1 | 2) => string

/** Node keeps what a full pipe does not take, so 20,000 lines, three full pipes, are written by hand; 2,001 are in the pipe in any case. */
const node: Language = ({ ending, lines }, descriptor) => `
  const write = (text) => {
    for (;;) {
      try {
        return require("node:fs").writeSync(${descriptor}, text)
      } catch (error) {
        if (error.code !== "EAGAIN") throw error
      }
    }
  }
  const print = (text) => ${ending === "exits" ? 'write(text + "\\n")' : descriptor === 1 ? "console.log(text)" : "console.error(text)"}
  for (let line = 1; line <= ${lines}; line++) print("line " + line)
  ${ending === "exits" ? "process.exit(7)" : "process.kill(process.pid, 'SIGKILL')"}`

const python: Language = ({ ending, lines }, descriptor) => `
for line in range(1, ${lines} + 1):
    os.write(${descriptor}, b"line %d\\n" % line)
${ending === "exits" ? "os._exit(7)" : "os.kill(os.getpid(), 9)"}
`

const bash: Language = ({ ending, lines }, descriptor) => `
for ((line = 1; line <= ${lines}; line++)); do echo "line $line" >&${descriptor}; done
${ending === "exits" ? "exit 7" : "kill -KILL $$"}
`

const pythonHead = `#!/usr/bin/env python3
import json, os, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, headers={}, body=None):
    return urllib.request.urlopen(urllib.request.Request(base + path, body, headers, method=method))
`

/** `call METHOD PATH HEADER BODY` answers with the head of the response, without any other program. */
const bashHead = `#!/bin/bash
call() {
  exec 3<>"/dev/tcp/\${AWS_LAMBDA_RUNTIME_API/://}"
  printf '%s %s HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n%s\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "$1" "$2" "$3" "\${#4}" "$4" >&3
  while read -r line <&3 && [ "$line" != $'\\r' ]; do
    case $line in [Ll]ambda-[Ee]xtension-[Ii]dentifier:*) identifier=\${line#*: } identifier=\${identifier%$'\\r'} ;; esac
  done
}
`

const next = "/2018-06-01/runtime/invocation/next"
const extension = "/2020-01-01/extension"

const functions: Readonly<Record<string, (asked: Ending) => string>> = {
  Node: (asked) => script(`await nextInvocation()\n${node(asked, 1)}`),
  Python: (asked) => `${pythonHead}call("GET", "${next}").read()\n${python(asked, 1)}`,
  bash: (asked) => `${bashHead}call GET ${next} "X: y"\n${bash(asked, 1)}`
}

const extensions: Readonly<Record<string, (asked: Ending) => string>> = {
  Node: (asked) => script(`await register(["INVOKE"])\nawait next()\n${node(asked, 2)}`),
  Python: (asked) => `${pythonHead}
answer = call("POST", "${extension}/register", {"Lambda-Extension-Name": "printer"}, b'{"events":["INVOKE"]}')
identified = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
call("GET", "${extension}/event/next", identified).read()
${python(asked, 2)}`,
  bash: (asked) => `${bashHead}
call POST ${extension}/register "Lambda-Extension-Name: printer" '{"events":["INVOKE"]}'
call GET ${extension}/event/next "Lambda-Extension-Identifier: $identifier"
${bash(asked, 2)}`
}

const cases = (programs: Readonly<Record<string, (asked: Ending) => string>>) =>
  Object.entries(programs).flatMap(([language, program]) =>
    // A machine without Python has nothing to show here.
    language === "Python" && !hasPython
      ? []
      : endings.map((asked) => ({
          language,
          lines: asked.lines,
          ending: asked.ending,
          program: program(asked),
          status: asked.status
        }))
  )

/**
 * Runs an invocation beside an extension that hears everything and ends when it has heard the last line. Gives the
 * lines in the journal, and the lines that the extension was told.
 */
const run = Effect.fnUntraced(function* (extensionFiles: ReadonlyArray<string>, command: string, lines: number) {
  const emulator = yield* startEmulator({
    extensions: [{ manual: "listener" }, ...extensionFiles],
    function: { command: [command] },
    timeout: "20 seconds"
  })
  const { journal, runtimeApi } = emulator
  const listener = yield* listen()
  const name = { "Lambda-Extension-Name": "listener" }
  const { headers } = yield* request(runtimeApi, "POST", `${extension}/register`, name, '{"events":["SHUTDOWN"]}')
  const identified = { "Lambda-Extension-Identifier": headers["lambda-extension-identifier"] ?? "" }
  yield* request(runtimeApi, "PUT", "/2022-07-01/telemetry", identified, bodyFor(listener.port))
  const ended = yield* Effect.forkScoped(
    Effect.gen(function* () {
      yield* request(runtimeApi, "GET", `${extension}/event/next`, identified)
      yield* awaitTrue(() => listener.deliveries.some(({ body }) => body.includes(`line ${lines}\\n`)))
      yield* emulator.endManualProcess("extension:listener")
    })
  )
  yield* emulator.invoke("{}")
  yield* Fiber.join(ended)
  yield* journal.waitFor(Journal.is("ShutdownEnded"))
  return { entries: yield* journal.entries, events: listener.events() }
})

const outputOf = (entries: ReadonlyArray<Journal.JournalEntry>, source: Journal.Source): ReadonlyArray<string> =>
  entries.filter(Journal.is("Output", (entry) => entry.source === source)).map(({ line }) => line)

/** `deepStrictEqual` of so many lines would show a difference that is too long to read. */
const assertAllLines = (found: ReadonlyArray<string | undefined>, count: number): void => {
  assert.deepStrictEqual(
    found.flatMap((line, index) => (line === `line ${index + 1}` ? [] : [{ index, line }])).slice(0, 3),
    []
  )
  assert.lengthOf(found, count)
}

describe("every line survives what ends the process", () => {
  it.live.each(cases(functions))(
    "a function in $language prints $lines lines and $ending",
    ({ lines, program, status }) =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const { entries, events } = yield* run([], writeExecutable(directory, "bootstrap", program), lines)
        assertAllLines(outputOf(entries, "runtime"), lines)
        assertAllLines(
          events.filter(({ type }) => type === "function").map(({ text }) => text?.trimEnd()),
          lines
        )
        const last = entries.findLastIndex(Journal.is("Output"))
        const exit = entries.findIndex(Journal.is("ProcessExited", ({ source }) => source === "runtime"))
        assert.isBelow(last, exit)
        assert.deepInclude(entries[exit], { status })
      })
  )

  it.live.each(cases(extensions))(
    "an extension in $language prints $lines lines to stderr and $ending",
    ({ lines, program, status }) =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const printer = writeExecutable(directory, "printer", program)
        const { entries, events } = yield* run([printer], writeExecutable(directory, "bootstrap", echoFunction), lines)
        assertAllLines(outputOf(entries, "extension:printer"), lines)
        assertAllLines(
          events.filter(({ type }) => type === "extension").map(({ text }) => text?.trimEnd()),
          lines
        )
        const exited = entries.find(Journal.is("ProcessExited", ({ source }) => source === "extension:printer"))
        assert.deepStrictEqual(exited?.status, status)
      })
  )

  it.live("a full pipe survives: 65,536 bytes in one write, without a line break at the end", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const text = `${"é".repeat(32_767)}\n!`
      const program = script(
        `require("node:fs").writeSync(1, "é".repeat(32767) + "\\n!")\nprocess.kill(process.pid, "SIGKILL")`
      )
      const emulator = yield* startEmulator({ extensions: [writeExecutable(directory, "a", program)] })
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      assert.strictEqual(Buffer.byteLength(text), 65_536)
      assert.strictEqual(outputOf(yield* emulator.journal.entries, "extension:a").join("\n"), text)
    })
  )
})

/** Ends of pipes that this process holds, as Linux shows them; none elsewhere. */
const openPipes = (): ReadonlyArray<string> => {
  if (NodeProcess.platform !== "linux") return []
  return Fs.readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = Fs.readlinkSync(`/proc/self/fd/${descriptor}`)
      return path.includes("effect-lambda-pipes") ? [path] : []
    } catch {
      return []
    }
  })
}

describe("pipes", () => {
  it.live("a request stands after every line that was printed before it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const printing = script(`
        for (;;) {
          const { id, body } = await nextInvocation()
          for (let line = 1; line <= 200; line++) require("node:fs").writeSync(1 + line % 2, id + "\\n")
          await respond(id, body)
        }`)
      const command = writeExecutable(directory, "bootstrap", printing)
      const emulator = yield* startEmulator({ function: { command: [command] } })
      for (let count = 0; count < 30; count++) yield* emulator.invoke("1")
      const entries = yield* emulator.journal.entries
      const before = entries.filter(Journal.is("RuntimeResponded")).map(({ index, requestId }) => {
        const printed = entries.filter(Journal.is("Output", ({ line }) => line === requestId))
        return printed.filter((entry) => entry.index < index).length
      })
      assert.deepStrictEqual(
        before,
        before.map(() => 200)
      )
      assert.lengthOf(before, 30)
    })
  )

  it.live("a descendant that left the group does not hold up the exit, and its next write fails", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const pid = Path.join(directory, "pid")
      // The child writes as fast as it can while the pipe is read.
      const program = `#!/bin/sh\nsetsid sh -c 'echo $$ > ${pid}; exec yes ${"y".repeat(1000)}' &\nwhile [ ! -s ${pid} ]; do sleep 0.01; done\nexit 3\n`
      const emulator = yield* startEmulator({ extensions: [writeExecutable(directory, "a", program)] })
      const { status } = yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      assert.deepStrictEqual(status, { _tag: "Code", code: 3 })
      yield* awaitEnd(Number(Fs.readFileSync(pid, "utf8")))
    })
  )

  it.live("a process that closes its output is read to its end, and goes on", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const program = script(`
        console.log("first")
        process.stdout.write("unfinished")
        require("node:fs").closeSync(1)
        await register(["SHUTDOWN"])
        await next()
        console.error("last")
        process.exit(0)`)
      const emulator = yield* startEmulator({ extensions: [writeExecutable(directory, "a", program)] })
      yield* emulator.journal.waitFor(Journal.is("NextCalled"))
      yield* emulator.shutdown()
      assert.deepStrictEqual(outputOf(yield* emulator.journal.entries, "extension:a"), ["first", "unfinished", "last"])
    })
  )

  it.live("/dev/stdout and /dev/stderr can be opened, as programs in containers do", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const program = "#!/bin/sh\necho out > /dev/stdout\necho err > /dev/stderr\n"
      const emulator = yield* startEmulator({ extensions: [writeExecutable(directory, "a", program)] })
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      const entries = (yield* emulator.journal.entries).filter(Journal.is("Output"))
      assert.sameDeepMembers(
        entries.map(({ channel, line }) => [channel, line]),
        [
          ["stdout", "out"],
          ["stderr", "err"]
        ]
      )
    })
  )

  it.live("nothing is left open, and no file is left behind", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const failing = writeExecutable(directory, "a", "#!/bin/sh\nexit 1\n")
      // Each reset starts it again: more processes than one batch of pipes serves.
      yield* Effect.scoped(
        Effect.gen(function* () {
          const emulator = yield* startEmulator({ extensions: [failing] })
          for (let count = 0; count < 12; count++) yield* emulator.invoke("1")
          assert.isAbove((yield* emulator.journal.entries).filter(Journal.is("ProcessStarted")).length, 12)
        })
      )
      assert.deepStrictEqual(openPipes(), [])
    })
  )

  it.live("a machine that gives no pipes says so in one sentence", () =>
    Effect.gen(function* () {
      const missing = Path.join(yield* temporaryDirectory, "missing")
      const program = `
        import * as Emulator from "@effect-lambda/emulator/Emulator"
        import * as Effect from "effect/Effect"
        Effect.runPromise(Effect.scoped(Effect.flip(Emulator.make({})))).then((error) => console.log(error.message))`
      const { stderr, stdout } = ChildProcess.spawnSync(NodeProcess.execPath, ["--input-type=module", "-e", program], {
        cwd: import.meta.dirname,
        env: { TMPDIR: missing },
        encoding: "utf8",
        timeout: 60_000
      })
      const sentence =
        /^Emulator\.layer: The output of the processes needs pipes, and mkfifo made none \(ENOENT: .+\)\. Put mkfifo into PATH, and let TMPDIR name a folder that you may write to\.\n$/
      assert.match(stdout, sentence, stderr)
    })
  )
})
