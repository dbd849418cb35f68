/** The function side for any client of the Runtime API: streams, limits, and functions that are none. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { request, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** A client of the Runtime API that this test drives, beside a function that is none. */
const driven = Effect.fnUntraced(function* () {
  const emulator = yield* startEmulator({ timeout: "10 seconds" })
  const runtime = "/2018-06-01/runtime"
  const call = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = "") =>
    request(emulator.runtimeApi, method, `${runtime}${path}`, headers, body)
  return { emulator, call }
})

describe("any client of the Runtime API", () => {
  it.live("a bootstrap that exits at once is one clear sentence", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const command = writeExecutable(directory, "bootstrap", "#!/bin/sh\nexit 0\n")
      const emulator = yield* startEmulator({ function: { command: [command] } })
      const result = yield* emulator.invoke("{}", { requestId: "r" })
      assert.strictEqual(
        result.payload,
        '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: Runtime exited without providing a reason"}'
      )
    })
  )

  it.live("a response of exactly the limit passes, one byte more is refused and told to the invoker", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const bytes = 6_291_556
      const sizes = script(`
        for (;;) {
          const { id, body } = await nextInvocation()
          const { status } = await respond(id, Buffer.alloc(Number(body), "x"))
          console.log("status " + status)
        }`)
      const command = writeExecutable(directory, "function.cjs", sizes)
      const emulator = yield* startEmulator({ function: { command: [command] }, timeout: "10 seconds" })
      const largest = yield* emulator.invoke(String(bytes))
      assert.deepStrictEqual([largest.payload.length, largest.functionError], [bytes, undefined])
      const tooLarge = yield* emulator.invoke(String(bytes + 1))
      assert.strictEqual(tooLarge.functionError, "Function.ResponseSizeTooLarge")
      yield* emulator.journal.waitFor(Journal.is("Output", ({ line }) => line === "status 413"))
      assert.deepStrictEqual(
        (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ line }) => line),
        ["status 202", "status 413"]
      )
    })
  )

  it.live("the error in the trailers of a stream counts only for a stream", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const streaming = script(`
        for (;;) {
          const { id, body } = await nextInvocation()
          const outgoing = http.request({ host, port, agent, method: "POST", path: "/2018-06-01/runtime/invocation/" + id + "/response",
            headers: { ...JSON.parse(body), "Transfer-Encoding": "chunked",
              Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body" } })
          const answered = new Promise((done) => outgoing.on("response", (response) => response.resume().on("end", done)))
          outgoing.write("half")
          outgoing.addTrailers({ "Lambda-Runtime-Function-Error-Type": "Function.Midway",
            "Lambda-Runtime-Function-Error-Body": Buffer.from('{"errorMessage":"€"}').toString("base64") })
          outgoing.end()
          await answered
        }`)
      const command = writeExecutable(directory, "function.cjs", streaming)
      const emulator = yield* startEmulator({ function: { command: [command] }, timeout: "10 seconds" })
      const mode = (text: string) => JSON.stringify({ "Lambda-Runtime-Function-Response-Mode": text })
      const failed = yield* emulator.invoke(mode("streaming"))
      assert.deepStrictEqual([failed.functionError, failed.payload], ["Function.Midway", '{"errorMessage":"€"}'])
      const buffered = yield* emulator.invoke("{}")
      assert.deepStrictEqual([buffered.functionError, buffered.payload], [undefined, "half"])
    })
  )

  it.live("a value that no header can hold arrives as Go would send it", () =>
    Effect.gen(function* () {
      const { call, emulator } = yield* driven()
      yield* Effect.forkScoped(emulator.invoke("{}", { clientContext: '{\n"a":"€"}', tenantId: "a\r\nInjected: b" }))
      const { headers } = yield* call("GET", "/invocation/next")
      assert.strictEqual(
        Buffer.from(headers["lambda-runtime-client-context"] ?? "", "latin1").toString("utf8"),
        '{ "a":"€"}'
      )
      assert.strictEqual(headers["lambda-runtime-aws-tenant-id"], "a  Injected: b")
    })
  )
})

describe("a function that is no function", () => {
  it.live("one sentence each", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const text = Path.join(directory, "index.txt")
      Fs.writeFileSync(text, "")
      const options: ReadonlyArray<Emulator.FunctionOptions> = [
        { handler: "/does/not/exist.mjs" },
        { command: ["/does/not/exist"] },
        { command: ["sh"], cwd: "/does/not/exist" },
        { handler: text }
      ]
      const messages = yield* Effect.forEach(options, (option) =>
        Effect.map(Effect.flip(startEmulator({ function: option })), ({ message }) => message)
      )
      assert.deepStrictEqual(messages, [
        "Emulator.layer: No file at /does/not/exist.mjs. Build it first, or correct the path.",
        "Emulator.layer: No file at /does/not/exist. Build it first, or correct the path.",
        "Emulator.layer: The function's cwd /does/not/exist does not exist. Correct it.",
        `Emulator.layer: ${text} is neither a JavaScript nor a Python file. Give a program that speaks the Runtime API as function.command.`
      ])
    })
  )
})
