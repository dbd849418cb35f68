import { Emulator, Journal } from "@effect-lambda/emulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { bundled, compileCache } from "../../../tools/programs.ts"

const examples = join(import.meta.dirname, "../..")
const environment = { NODE_COMPILE_CACHE: compileCache }
const hello = await bundled(join(examples, "hello/src/hello.ts"))
const stream = await bundled(join(examples, "hello-stream/src/hello-stream.ts"))
const start = await bundled(join(examples, "hello/src/start.ts"))

describe.each([
  ["hello/src/hello.ts", hello],
  ["hello-stream/src/hello-stream.ts", stream]
])("%s beside a function in the emulator", (_, file) => {
  it.live("logs each invocation and a summary, and exits by itself", () =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.make({
        extensions: [file],
        environment,
        function: { command: [join(examples, "hello/function/function.mjs")] }
      })
      const { journal } = emulator
      const requestIds: Array<string> = []
      for (let number = 1; number <= 3; number++) {
        const { payload, requestId } = yield* emulator.invoke(`{"name":"${number}"}`)
        assert.strictEqual(payload, `{"hello":"${number}"}`)
        yield* journal.waitFor(
          Journal.is("InvocationDone", (done) => done.requestId === requestId),
          "1 minute"
        )
        requestIds.push(requestId)
      }
      yield* emulator.shutdown()

      const entries = (yield* journal.entries).filter(
        (entry) => "source" in entry && entry.source.startsWith("extension:")
      )
      const messages = entries.filter(Journal.is("Output")).map(({ line }) => JSON.parse(line).message)
      assert.lengthOf(messages, 4)
      requestIds.forEach((requestId, index) => assert.match(messages[index], new RegExp(`${requestId}: \\d+ ms left`)))
      assert.strictEqual(messages[3], "3 invocations, then shutdown: spindown")

      const order = entries.filter(Journal.is("EventDelivered")).map(({ eventType }) => eventType)
      assert.deepStrictEqual(order, ["INVOKE", "INVOKE", "INVOKE", "SHUTDOWN"])
      assert.lengthOf(entries.filter(Journal.is("NextCalled")), 4)
      const exited = entries.find(Journal.is("ProcessExited"))
      assert.deepInclude(exited, { status: { _tag: "Code", code: 0 }, state: "Exited" })
    })
  )
})

describe.each(["rie", "lmi"] as const)("hello under profile %s", (profile) => {
  it.live("lives until SHUTDOWN and exits by itself", () =>
    Effect.gen(function* () {
      const { invoke, journal, shutdown } = yield* Emulator.make({
        profile,
        extensions: [hello],
        environment,
        function: { command: [join(examples, "hello/function/function.mjs")] }
      })
      for (let number = 1; number <= 3; number++) {
        const { payload, requestId } = yield* invoke(`{"name":"${number}"}`)
        assert.strictEqual(payload, `{"hello":"${number}"}`)
        yield* journal.waitFor(
          Journal.is("InvocationDone", (done) => done.requestId === requestId),
          "1 minute"
        )
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

      const entries = yield* journal.entries
      const registered = entries.find(Journal.is("Registered"))
      // Managed instances have no INVOKE event.
      assert.deepStrictEqual(registered?.events, profile === "lmi" ? ["SHUTDOWN"] : ["INVOKE", "SHUTDOWN"])
      const invocations = profile === "lmi" ? 0 : 3
      const delivered = entries.filter(Journal.is("EventDelivered")).map(({ eventType }) => eventType)
      assert.deepStrictEqual(delivered, [...Array.from({ length: invocations }, () => "INVOKE" as const), "SHUTDOWN"])
      const output = entries
        .filter(Journal.is("Output"))
        .map(({ line }) => line)
        .join("\n")
      assert.include(output, `${invocations} invocations, then shutdown`)
      const exited = entries.find(Journal.is("ProcessExited", (entry) => entry.source === "extension:hello.ts"))
      assert.deepInclude(exited, { status: { _tag: "Code", code: 0 }, state: "Exited" })
    })
  )
})

describe("npm start", () => {
  const run = (...args: ReadonlyArray<string>) =>
    promisify(execFile)(process.execPath, [start, ...args]).then(
      ({ stderr, stdout }) => ({ code: 0, stderr, stdout }),
      (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error
    )

  it("prints a timeline, a summary and where its report lies, and ends with 0", async () => {
    const { code, stdout } = await run("--invocations", "4")
    assert.strictEqual(code, 0, stdout)
    for (const text of ["invoke 4", "SHUTDOWN spindown", "4 invocations", "no extension crashed or overran"]) {
      assert.include(stdout, text)
    }
    const [, report = ""] = /^report: (.*)$/m.exec(stdout) ?? []
    assert.include(readFileSync(report, "utf8"), "Invocation 4")
  })

  it.each([
    [["--invocatons", "4"], "--invocations"],
    [["--invocations", "0"], "between 1 and 1000"],
    [["--invocations", "many"], "many"]
  ])("%j explains itself", async (args, text) => {
    const { code, stderr, stdout } = await run(...args)
    assert.notStrictEqual(code, 0)
    assert.include(stdout + stderr, text)
    assert.notInclude(stdout + stderr, "    at ")
  })
})
