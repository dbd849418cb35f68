/**
 * The built layer of hello, whose stub registers, against a register that is answered late. Run by itself
 * (`node packages/examples/hello/test/slowRegister.ts --runs 20`) it plays every delay so often and prints a table;
 * Layers.test.ts of the cli holds one run.
 */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const packages = join(import.meta.dirname, "../../..")
const name = "hello"
const source = `extension:${name}` as const

/** Seconds. */
const delays = [1.1, 1.3, 1.5, 1.9, 2.5, 5, 8]

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

/** Builds the layer into a temporary folder, and gives its /opt. */
export const buildLayer = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "slow-register-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const bin = join(packages, "cli/bin/effect-lambda.mjs")
  const entry = join(packages, "examples/hello/src/hello.ts")
  const flags = ["--name", name, "--no-check", "--no-zip", "--json", "--out", folder]
  const { stdout } = yield* Effect.promise(() => promisify(execFile)(process.execPath, [bin, "build", entry, ...flags]))
  const built: unknown = JSON.parse(stdout)
  return yield* Effect.orDie(Schema.decodeUnknownEffect(Built)(built)).pipe(
    Effect.map(({ layers: [{ directory }] }) => directory)
  )
})

const Built = Schema.Struct({ layers: Schema.NonEmptyArray(Schema.Struct({ directory: Schema.String })) })

/**
 * Plays an environment from init to SHUTDOWN: every crash in it, and how long init took. Its limits of time are wide,
 * since a busy machine is not a crash; `isCutOff` says that the two seconds of the shutdown had passed.
 */
export const play = Effect.fnUntraced(function* (opt: string, seconds: number) {
  const { invoke, journal, shutdown } = yield* Emulator.make({
    extensions: { opt },
    function: { command: [join(packages, "examples/hello/function/function.mjs")] },
    // Stands for /var/lang/bin/node, which only Lambda's own images have.
    environment: { EFFECT_LAMBDA_NODE: process.execPath },
    initTimeout: "1 minute",
    timeout: "1 minute",
    faults: [{ _tag: "Slow", route: "register", delay: `${seconds} seconds` }]
  })
  const ended = yield* journal.waitFor(Journal.is("InitEnded"), "1 minute")
  for (const invocation of [1, 2]) {
    const { requestId } = yield* invoke(`{"name":"${invocation}"}`)
    yield* journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "1 minute"
    )
  }
  const before = yield* journal.entries
  yield* shutdown()

  const entries = yield* journal.entries
  const started = entries.find(Journal.is("InitStarted"))
  const crashes = before.flatMap((entry): ReadonlyArray<string> => {
    switch (entry._tag) {
      case "LaunchFailed":
      case "Fatal":
        return [`${entry.source}: ${entry.errorType}`]
      case "InitEnded":
      case "InvocationDone":
        return entry.status === "success" ? [] : [`${entry._tag}: ${entry.status}`]
      case "ProcessExited":
        return [`${entry.source} ended as ${entry.state}`]
      default:
        return []
    }
  })
  const registered = entries.filter(Journal.is("Registered")).length
  if (registered !== 1) crashes.push(`registered ${registered} times`)
  const output = entries.filter(Journal.is("Output", (entry) => entry.source === source)).map(({ line }) => line)
  const handled = output.filter((line) => /invocation [-0-9a-f]+: /.test(line)).length
  if (handled !== 2) crashes.push(`handled ${handled} of 2 invocations`)
  return {
    crashes,
    output,
    isCutOff: !output.some((line) => line.includes("2 invocations, then shutdown")),
    initMillis: ended.at - (started?.at ?? ended.at)
  }
}, Effect.scoped)

const main = Command.make(
  "slowRegister",
  {
    runs: Flag.Int("runs").pipe(
      Flag.withDescription("How often each delay is played"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
      Flag.withDefault(20)
    ),
    atATime: Flag.Int("at-a-time").pipe(
      Flag.withDescription("How many environments run at the same time; they mostly wait"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 }))),
      Flag.withDefault(8)
    )
  },
  Effect.fnUntraced(function* ({ atATime, runs }) {
    const opt = yield* buildLayer
    let failed = 0
    for (const seconds of delays) {
      const plays = Array.from({ length: runs }, () => play(opt, seconds))
      const results = yield* Effect.all(plays, { concurrency: atATime })
      const bad = results.filter(({ crashes }) => crashes.length > 0)
      const cutOff = results.filter(({ isCutOff }) => isCutOff).length
      failed += bad.length
      const inits = results.map(({ initMillis }) => initMillis)
      yield* Console.log(
        `slow:register=${seconds}s  ${runs} runs  ${bad.length} crashes  ` +
          `init ${Math.round(Math.min(...inits))} to ${Math.round(Math.max(...inits))} ms  ${cutOff} cut off at the end`
      )
      for (const { crashes, output } of bad) yield* Console.log([...crashes, ...output].join("\n  "))
    }
    if (failed > 0) return yield* new Failed({ message: `${failed} runs crashed` })
  }, Effect.scoped)
).pipe(Command.withDescription("Plays the built layer of hello against a register that is answered late"))

if (import.meta.main)
  Command.run(main, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
