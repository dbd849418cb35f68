/** What a function of a handler file prints: how it arrives, and that all of it does. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { hasPython, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const lines = 60_000

describe("everything that a function printed arrives, however its process ends", () => {
  const node = (print: string, end: string) =>
    `export const handler = () => { for (let i = 1; i <= ${lines}; i++) ${print}; ${end} }`
  const python = (end: string) => `import os, signal
def handler(event, context):
    for i in range(1, ${lines} + 1):
        print(f"line {i}")
    ${end}
`
  const exit = "process.exit(7)"
  const kill = 'process.kill(process.pid, "SIGKILL")'
  const cases: ReadonlyArray<readonly [title: string, file: string, text: string]> = [
    ["console.log, process.exit", "index.mjs", node('console.log("line", i)', exit)],
    ["process.stdout, SIGKILL", "index.mjs", node("process.stdout.write(`line ${i}\\n`)", kill)],
    ["process.stderr, process.exit", "index.mjs", node("process.stderr.write(`line ${i}\\n`)", exit)],
    ...(hasPython
      ? [
          ["print, os._exit", "main.py", python("os._exit(7)")] as const,
          ["print, SIGKILL", "main.py", python("os.kill(os.getpid(), signal.SIGKILL)")] as const
        ]
      : [])
  ]
  it.live.each(cases)("%s", ([, name, text]) =>
    Effect.gen(function* () {
      const handler = writeExecutable(yield* temporaryDirectory, name, text)
      const emulator = yield* startEmulator({ timeout: "60 seconds", function: { handler } })
      yield* emulator.invoke("{}")
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      const printed = (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ line }) => line)
      assert.strictEqual(printed.length, lines)
      assert.match(printed[0] ?? "", /\bline 1$/)
      assert.match(printed[lines - 1] ?? "", /\bline 60000$/)
    })
  )
})
