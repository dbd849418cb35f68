/** Processes: the environment of each, a folder laid out as /opt, and that nothing is left behind whatever happens. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import NodeProcess from "node:process"
import {
  awaitEnd,
  awaitTrue,
  echoFunction,
  hangs,
  isListening,
  politeExtension,
  processesNamed,
  processState,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"

/** Says what it was given, then ends. */
const introspection = `#!/usr/bin/env node
const fs = require("node:fs")
console.log(JSON.stringify({
  environment: process.env,
  stdin: fs.readFileSync(0, "utf8"),
  stdinIsNull: fs.fstatSync(0).rdev === fs.statSync("/dev/null").rdev,
  group: Number(fs.existsSync("/proc/self/stat") ? fs.readFileSync("/proc/self/stat", "utf8").split(" ")[4] : process.pid),
  file: process.argv[1]
}))
process.exitCode = 9
`

const introspect = Effect.fnUntraced(function* (options: Emulator.Options, source: Journal.Source) {
  const emulator = yield* startEmulator({ environment: { CUSTOMER: "with = and\nnewline" }, ...options })
  const started = yield* emulator.journal.waitFor(Journal.is("ProcessStarted", (entry) => entry.source === source))
  const { line } = yield* emulator.journal.waitFor(Journal.is("Output", (entry) => entry.source === source))
  const exited = yield* emulator.journal.waitFor(Journal.is("ProcessExited", (entry) => entry.source === source))
  const said: {
    readonly environment: Readonly<Record<string, string>>
    readonly stdin: string
    readonly stdinIsNull: boolean
    readonly group: number
    readonly file: string
  } = JSON.parse(line)
  return { emulator, said, pid: started.pid, status: exited.status }
})

const hidden = [
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_XRAY_CONTEXT_MISSING",
  "AWS_XRAY_DAEMON_ADDRESS",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
  "_AWS_XRAY_DAEMON_ADDRESS",
  "_AWS_XRAY_DAEMON_PORT",
  "_HANDLER"
]

/** The names that are set. */
const namesOf = (environment: Readonly<Record<string, string>>, names: ReadonlyArray<string>) =>
  names.filter((name) => Object.hasOwn(environment, name))

const makeOpt = Effect.gen(function* () {
  const opt = yield* temporaryDirectory
  Fs.mkdirSync(Path.join(opt, "extensions"))
  Fs.mkdirSync(Path.join(opt, "bin"))
  writeExecutable(Path.join(opt, "extensions"), "a", introspection)
  return opt
})

/** Listening sockets of this process. Seen from outside, a port may belong to another process by now. */
const listeners = (): number => NodeProcess.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length

const withChild = script(`
  const child = require("node:child_process").spawn("sleep", ["1000"], { stdio: "inherit" })
  console.log("child " + child.pid)
  await register(["INVOKE", "SHUTDOWN"])
  for (;;) if ((await next()).eventType === "SHUTDOWN") process.exit(0)`)

describe("the environment of a process", () => {
  it.live("its own group, exactly its variables, null as stdin; its exit code is recorded", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = writeExecutable(directory, "a", introspection)
      const { emulator, pid, said, status } = yield* introspect({ extensions: [file] }, "extension:a")
      const { environment } = said
      assert.deepStrictEqual([said.stdin, said.stdinIsNull, said.group], ["", true, pid])
      assert.deepStrictEqual(status, { _tag: "Code", code: 9 })
      // Nothing of this process's own environment, nothing that is hidden on Lambda.
      assert.deepStrictEqual(Object.keys(environment).toSorted(), [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "CUSTOMER",
        "LANG",
        "PATH",
        "TZ"
      ])
      assert.strictEqual(environment.CUSTOMER, "with = and\nnewline")
      assert.strictEqual(environment.AWS_LAMBDA_RUNTIME_API, emulator.runtimeApi)
    })
  )

  it.live("under rie an extension also sees the runtime's variables; under lmi the kind of init is named", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = writeExecutable(directory, "a", introspection)
      const seen = Effect.fnUntraced(function* (profile: "rie" | "lmi") {
        const emulator = yield* startEmulator({ extensions: [file], profile, timeout: "10 seconds" })
        // Init of rie is lazy.
        yield* Effect.forkScoped(Effect.exit(emulator.invoke("{}")))
        const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
        const { environment }: { readonly environment: Readonly<Record<string, string>> } = JSON.parse(line)
        return environment
      })
      const rie = yield* seen("rie")
      assert.includeMembers(Object.keys(rie), [
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT"
      ])
      assert.deepStrictEqual(namesOf(rie, ["AWS_XRAY_CONTEXT_MISSING", "_HANDLER", "_AWS_XRAY_DAEMON_PORT"]), [])
      assert.strictEqual(rie.AWS_LAMBDA_INITIALIZATION_TYPE, "on-demand")
      const lmi = yield* seen("lmi")
      assert.deepStrictEqual(namesOf(lmi, hidden), [])
      assert.strictEqual(lmi.AWS_LAMBDA_INITIALIZATION_TYPE, "lambda-managed-instances")
    })
  )

  it.live("the runtime has the variables that extensions do not see", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = writeExecutable(directory, "bootstrap", introspection)
      const { said } = yield* introspect({ function: { command: [file], cwd: directory } }, "runtime")
      // AWS_EXECUTION_ENV belongs to the managed runtimes; a custom bootstrap has none.
      assert.includeMembers(
        Object.keys(said.environment),
        hidden.filter((name) => name !== "AWS_EXECUTION_ENV")
      )
      assert.strictEqual(said.environment.LAMBDA_TASK_ROOT, directory)
    })
  )

  it.live("a customer variable of a hidden name is hidden too", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = writeExecutable(directory, "a", introspection)
      const environment = { AWS_XRAY_CONTEXT_MISSING: "set", AWS_XRAY_DAEMON_ADDRESS: "set" }
      const { said } = yield* introspect({ extensions: [file], environment }, "extension:a")
      assert.deepStrictEqual(namesOf(said.environment, hidden), [])
    })
  )
})

describe("a folder laid out as /opt", () => {
  it.live("its extensions run from their own paths, its bin is in PATH, its switch file counts", () =>
    Effect.gen(function* () {
      const opt = yield* makeOpt
      const { said } = yield* introspect({ extensions: { opt } }, "extension:a")
      assert.strictEqual(said.file, Path.join(opt, "extensions/a"))
      assert.include((said.environment.PATH ?? "").split(":"), Path.join(opt, "bin"))

      Fs.writeFileSync(Path.join(opt, "disable-extensions-jwigqn8j"), "")
      const disabled = yield* startEmulator({ extensions: { opt } })
      yield* disabled.journal.waitFor(Journal.is("ProcessStarted", ({ source }) => source === "runtime"))
      assert.lengthOf((yield* disabled.journal.entries).filter(Journal.is("ProcessStarted")), 1)

      const missing = yield* Effect.flip(startEmulator({ extensions: { opt: "/does/not/exist" } }))
      assert.strictEqual(missing.reason._tag, "FileMissing")
    })
  )

  it.live("root: the processes see it as /opt, or one sentence says why they cannot", () =>
    Effect.gen(function* () {
      const opt = yield* makeOpt
      // Its interpreter is a literal path below /opt, and so are what it reads and what its own name is linked to.
      Fs.symlinkSync("/bin/sh", Path.join(opt, "bin/shell"))
      Fs.writeFileSync(Path.join(opt, "asset.txt"), "from the layer\n")
      const literal = `#!/opt/bin/shell\nread -r asset < /opt/asset.txt\necho "$0: $asset"\nenv | sort\nexit 4\n`
      writeExecutable(Path.join(opt, "bin"), "program", literal)
      Fs.rmSync(Path.join(opt, "extensions/a"))
      Fs.symlinkSync("/opt/bin/program", Path.join(opt, "extensions/a"))
      const command = writeExecutable(opt, "bootstrap", "#!/bin/sh\nexec sleep 1000\n")
      const before = Fs.readdirSync("/opt")
      const made = yield* Effect.result(
        startEmulator({ extensions: { opt, root: true }, function: { command: [command] } })
      )
      if (made._tag === "Failure") {
        assert.match(
          made.failure.message,
          /^Emulator\.layer: A directory cannot be shown as \/opt here: a private mount namespace is not permitted \(.+\)\. Run as root with CAP_SYS_ADMIN, or leave root out and use paths beside the extension\.$/
        )
        return
      }
      const { journal } = made.success
      const exited = yield* journal.waitFor(Journal.is("ProcessExited"))
      assert.deepStrictEqual(exited.status, { _tag: "Code", code: 4 })
      const lines = (yield* journal.entries).filter(Journal.is("Output")).map(({ line }) => line)
      assert.strictEqual(lines[0], "/opt/extensions/a: from the layer")
      assert.include((lines.find((line) => line.startsWith("PATH=")) ?? "").split(":"), "/opt/bin")
      // The shell of the fixture itself sets PWD (and `_`, `SHLVL`, if it is bash); nothing else came along.
      const names = lines.slice(1).map((line) => line.split("=")[0] ?? "")
      const expected = (name: string) =>
        name.startsWith("AWS_") || ["LANG", "PATH", "TZ", "PWD", "_", "SHLVL", "OLDPWD"].includes(name)
      assert.deepStrictEqual(
        names.filter((name) => !expected(name)),
        []
      )
      assert.deepStrictEqual(Fs.readdirSync("/opt"), before)
    })
  )

  it.live("root: a machine without unshare says so in one sentence", () =>
    Effect.gen(function* () {
      const opt = yield* makeOpt
      const empty = yield* temporaryDirectory
      const program = `
        import * as Emulator from "@effect-lambda/emulator/Emulator"
        import * as Effect from "effect/Effect"
        const make = Emulator.make({ extensions: { opt: ${JSON.stringify(opt)}, root: true } })
        Effect.runPromise(Effect.scoped(Effect.flip(make))).then((error) => console.log(error.message))`
      const { stderr, stdout } = ChildProcess.spawnSync(NodeProcess.execPath, ["--input-type=module", "-e", program], {
        cwd: import.meta.dirname,
        env: { PATH: empty },
        encoding: "utf8",
        timeout: 60_000
      })
      assert.strictEqual(
        stdout,
        "Emulator.layer: A directory cannot be shown as /opt here: a private mount namespace is not permitted (spawn unshare ENOENT). Run as root with CAP_SYS_ADMIN, or leave root out and use paths beside the extension.\n",
        stderr
      )
    })
  )
})

describe("nothing is left behind", () => {
  it.live("when the emulator is killed with SIGKILL while all its processes are stopped", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const extension = writeExecutable(directory, "a", withChild)
      const command = writeExecutable(directory, "function.cjs", echoFunction)
      const fixture = Path.join(import.meta.dirname, "fixtures/left-behind.ts")
      const emulator = yield* Effect.acquireRelease(
        Effect.sync(() =>
          ChildProcess.spawn(NodeProcess.execPath, [fixture, extension, command], {
            stdio: ["ignore", "pipe", "inherit"]
          })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const text = yield* Effect.callback<string>((resume) => {
        emulator.stdout.setEncoding("utf8").once("data", (chunk: string) => resume(Effect.succeed(chunk)))
      }).pipe(Effect.timeout(hangs))
      const { pids, runtimeApi }: { readonly pids: ReadonlyArray<number>; readonly runtimeApi: string } =
        JSON.parse(text)
      assert.lengthOf(pids, 3)
      const reaper = processesNamed("effect-lambda-reaper", String(emulator.pid))
      if (NodeProcess.platform === "linux") assert.lengthOf(reaper, 1)

      for (const pid of pids) NodeProcess.kill(pid, "SIGSTOP")
      if (NodeProcess.platform === "linux") {
        yield* awaitTrue(() => pids.every((pid) => processState(pid) === "T"))
      }
      assert.isTrue(yield* isListening(runtimeApi))
      emulator.kill("SIGKILL")
      // The system closes its listeners with it; another program may have the port already.
      yield* Effect.forEach([emulator.pid ?? 0, ...pids, ...reaper], awaitEnd, { discard: true })
    })
  )

  it.live("environments that follow each other share a reaper", () =>
    Effect.gen(function* () {
      const command = writeExecutable(yield* temporaryDirectory, "function.cjs", echoFunction)
      const reapers = Effect.scoped(
        Effect.gen(function* () {
          const emulator = yield* startEmulator({ function: { command: [command] } })
          yield* emulator.invoke("1")
          return processesNamed("effect-lambda-reaper", String(NodeProcess.pid))
        })
      )
      assert.deepStrictEqual(yield* reapers, yield* reapers)
    })
  )

  it.live(
    "when eight environments were started and stopped",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const extension = writeExecutable(directory, "a", withChild.replace("1000", "1001"))
        const command = writeExecutable(directory, "function.cjs", echoFunction)
        const before = listeners()
        const pids: Array<number> = []
        const one = Effect.fnUntraced(function* (number: number) {
          const scope = yield* Scope.make()
          const emulator = yield* Scope.provide(
            startEmulator({
              extensions: [extension],
              function: { command: [command] },
              timeout: "20 seconds",
              invokeListen: { port: 0 }
            }),
            scope
          )
          yield* emulator.invoke("1")
          const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
          const started = (yield* emulator.journal.entries).filter(Journal.is("ProcessStarted"))
          pids.push(Number(line.split(" ")[1]), ...started.flatMap(({ pid }) => (pid === undefined ? [] : [pid])))
          assert.isAtLeast(listeners(), before + 2)
          // Every second environment ends in order, the others by the close of their scope.
          if (number % 2 === 0) yield* emulator.shutdown()
          yield* Scope.close(scope, Exit.void)
        })
        yield* Effect.forEach(
          Array.from({ length: 8 }, (_, index) => index),
          one,
          { concurrency: 4, discard: true }
        )
        assert.lengthOf(new Set(pids), 24)
        yield* Effect.forEach(pids, awaitEnd, { discard: true })
        yield* awaitTrue(() => listeners() === before)
        // The reaper waits a second for another process.
        yield* awaitTrue(() => processesNamed("effect-lambda-reaper", String(NodeProcess.pid)).length === 0)
      }),
    30_000
  )

  it.live("when processes have left their group, and one starts the next all the time", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const pids = Path.join(directory, "pids")
      const stubborn = `#!/bin/sh\ntrap "" TERM\necho $$ >> ${pids}\nexec sleep 1003\n`
      const chain = `#!/bin/sh\necho $$ >> ${pids}\nsetsid "$0" &\nexec sleep 0.05\n`
      const files = [writeExecutable(directory, "stubborn", stubborn), writeExecutable(directory, "chain", chain)]
      const leaving = script(`
        for (const file of ${JSON.stringify(files)}) {
          require("node:child_process").spawn(file, { detached: true, stdio: "ignore" }).unref()
        }
        await register(["SHUTDOWN"])
        await next()
        process.exit(0)`)
      const extension = writeExecutable(directory, "a", leaving)
      const scope = yield* Scope.make()
      const emulator = yield* Scope.provide(startEmulator({ extensions: [extension] }), scope)
      // A program that a person has started against the same address is not of the environment.
      const foreign = yield* Effect.acquireRelease(
        Effect.sync(() =>
          ChildProcess.spawn("sleep", ["1004"], {
            env: { PATH: "/usr/bin:/bin", AWS_LAMBDA_RUNTIME_API: emulator.runtimeApi },
            stdio: "ignore"
          })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      const written = () => (Fs.existsSync(pids) ? Fs.readFileSync(pids, "utf8").trim().split("\n").map(Number) : [])
      yield* awaitTrue(() => written().length > 5)
      yield* emulator.journal.waitFor(Journal.is("NextCalled"))
      yield* Scope.close(scope, Exit.void)
      const atEnd = written()
      assert.deepStrictEqual(
        atEnd.filter((pid) => !["gone", "Z"].includes(processState(pid))),
        []
      )
      assert.isFalse(["gone", "Z"].includes(processState(foreign.pid ?? 0)))
    })
  )

  it.live("when the emulator's program exits without closing anything", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const extension = writeExecutable(directory, "a", politeExtension)
      const program = `
        import * as Emulator from "@effect-lambda/emulator/Emulator"
        import * as Journal from "@effect-lambda/emulator/Journal"
        import * as Effect from "effect/Effect"
        import * as Scope from "effect/Scope"
        const program = Effect.gen(function* () {
          const emulator = yield* Scope.provide(Emulator.make({ extensions: [${JSON.stringify(extension)}] }), yield* Scope.make())
          const { pid } = yield* emulator.journal.waitFor(Journal.is("ProcessStarted"))
          console.log(pid)
          process.exit(0)
        })
        Effect.runFork(program)`
      const { stderr, stdout } = ChildProcess.spawnSync(NodeProcess.execPath, ["--input-type=module", "-e", program], {
        cwd: import.meta.dirname,
        encoding: "utf8",
        timeout: 60_000
      })
      const pid = Number(stdout)
      assert.isAbove(pid, 0, stderr)
      yield* awaitEnd(pid)
    })
  )
})
