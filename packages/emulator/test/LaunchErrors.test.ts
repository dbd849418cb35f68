/** A file that cannot be executed is a launch error with advice, found before anything is spawned. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import NodeProcess from "node:process"
import { startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** The header of a program for a processor that this machine does not have. */
const foreignElf = (): Buffer => {
  const head = Buffer.alloc(64)
  head.write("7f454c46020101", "hex")
  head.writeUInt16LE(2, 16)
  head.writeUInt16LE(NodeProcess.arch === "x64" ? 183 : 62, 18)
  return head
}

describe("a file that cannot be executed is a launch error, found before anything is spawned", () => {
  const cases: ReadonlyArray<{
    readonly title: string
    readonly content: string | Buffer
    readonly mode?: number
    readonly errorType: "PermissionDenied" | "UnknownError"
    readonly message: string
    readonly advice: (file: string) => string
  }> = [
    {
      title: "no x bit",
      content: "#!/bin/sh\necho started\n",
      mode: 0o644,
      errorType: "PermissionDenied",
      message: "permission denied",
      advice: (file) => `${file} is not executable. Set the x bit: chmod +x ${file}`
    },
    {
      title: "neither #! nor a program",
      content: "echo started\n",
      errorType: "UnknownError",
      message: "exec format error",
      advice: (file) =>
        `${file} begins neither with #! nor with the header of a program. Add a first line such as #!/usr/bin/env node, or build an executable.`
    },
    {
      title: "an empty file",
      content: "",
      errorType: "UnknownError",
      message: "exec format error",
      advice: (file) =>
        `${file} begins neither with #! nor with the header of a program. Add a first line such as #!/usr/bin/env node, or build an executable.`
    },
    {
      title: "a missing interpreter",
      content: "#!/does/not/exist -x\n",
      errorType: "UnknownError",
      message: "no such file or directory",
      advice: (file) => `The interpreter /does/not/exist of ${file} does not exist. Install it, or correct the #! line.`
    },
    {
      title: "an interpreter that is no program",
      content: "#!/etc/passwd\n",
      errorType: "PermissionDenied",
      message: "permission denied",
      advice: (file) =>
        `The interpreter /etc/passwd of ${file} is not executable. Name another interpreter in the #! line.`
    },
    {
      title: "a #! line without interpreter",
      content: "#!\necho started\n",
      errorType: "UnknownError",
      message: "exec format error",
      advice: (file) => `The #! line of ${file} names no interpreter. Add one, such as #!/bin/sh.`
    },
    {
      title: "CRLF in the #! line",
      content: "#!/bin/sh\r\necho started\r\n",
      errorType: "UnknownError",
      message: "no such file or directory",
      advice: (file) =>
        `The #! line of ${file} ends with CRLF, so the system looks for an interpreter whose name ends with a carriage return. Save the file with LF line endings.`
    },
    {
      title: "CRLF in the #! line, by way of env",
      content: "#!/usr/bin/env node\r\nconsole.log(1)\r\n",
      errorType: "UnknownError",
      message: "no such file or directory",
      advice: (file) =>
        `The #! line of ${file} ends with CRLF, so the system looks for an interpreter whose name ends with a carriage return. Save the file with LF line endings.`
    },
    {
      title: "a program for another processor",
      content: foreignElf(),
      errorType: "UnknownError",
      message: "exec format error",
      advice: (file) =>
        `${file} is built for another processor than the ${NodeProcess.arch === "x64" ? "x86_64" : "arm64"} of this machine. Build it for this machine.`
    }
  ]

  it.live.each(cases)("$title", ({ advice, content, errorType, message, mode }) =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = writeExecutable(directory, "a", content, mode)
      const emulator = yield* startEmulator({ extensions: [file] })
      const failed = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
      assert.deepInclude(failed, {
        source: "extension:a",
        errorType,
        message: `fork/exec ${file}: ${message}`,
        advice: advice(file)
      })
      const ended = yield* emulator.journal.waitFor(Journal.is("InitEnded"))
      assert.strictEqual(ended.errorType, "Extension.LaunchError")
      const started = (yield* emulator.journal.entries).filter(Journal.is("ProcessStarted"))
      assert.deepStrictEqual(started, [])
    })
  )

  it.live("a directory, and a name that PATH does not have, as the function", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const results = yield* Effect.forEach(
        [directory, "no-such-program"],
        Effect.fnUntraced(function* (command) {
          const emulator = yield* startEmulator({ function: { command: [command] }, environment: { PATH: "/bin" } })
          const { functionError, payload } = yield* emulator.invoke("{}", { requestId: "r" })
          const { advice } = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
          return { functionError, payload, advice }
        })
      )
      const functionError = "Runtime.InvalidEntrypoint"
      const payload = (text: string) =>
        JSON.stringify({ errorType: functionError, errorMessage: `RequestId: r Error: ${text}` })
      assert.deepStrictEqual(results, [
        {
          functionError,
          payload: payload(`fork/exec ${directory}: permission denied`),
          advice: `${directory} is not a file. Name the program itself.`
        },
        {
          functionError,
          payload: payload('exec: "no-such-program": executable file not found in $PATH'),
          advice: "There is no program no-such-program in /bin. Install it, or give its path."
        }
      ])
    })
  )

  it.live("a program whose loader is missing", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      // A copy of this machine's own sleep, linked with a loader of another name.
      const program = Fs.readFileSync("/bin/sleep")
      const loader = program.indexOf("/lib")
      assert.isAbove(loader, 0)
      program.write("/lob", loader)
      const file = writeExecutable(directory, "a", program)
      const emulator = yield* startEmulator({ extensions: [file] })
      const failed = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
      assert.deepInclude(failed, {
        errorType: "UnknownError",
        message: `fork/exec ${file}: no such file or directory`,
        advice: `${file} exists, but the loader it is linked with does not. Build it for this system.`
      })
    })
  )
})
