/** The memory of the processes in the journal, for the REPORT line. Linux tells it, other systems do not. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import NodeProcess from "node:process"
import { echoFunction, hasPython, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const megabytes = 1_048_576

/** Fills so much memory at its first event, and forgets it. */
const greedy = (size: number, after: string): string =>
  script(`
  await register(["INVOKE", "SHUTDOWN"])
  await next()
  Buffer.alloc(${size * megabytes}, 1)
  ${after}`)

/** On Linux the number, elsewhere nothing. */
const known = (bytes: number | undefined): number => {
  assert.strictEqual(bytes !== undefined, NodeProcess.platform === "linux")
  return bytes ?? 0
}

/** A process is at least so large; nothing is known elsewhere. */
const assertBetween = (bytes: number, least: number, most: number): void => {
  if (NodeProcess.platform !== "linux") return assert.strictEqual(bytes, 0)
  assert.isAbove(bytes, least * megabytes)
  assert.isBelow(bytes, most * megabytes)
}

describe("memory", { concurrent: true }, () => {
  it.live("an invocation shows the most memory that runtime and extensions had, the end of a process its own", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const command = writeExecutable(directory, "function.cjs", echoFunction)
      const again = "if ((await next()).eventType === 'SHUTDOWN') process.exit(0)"
      const extension = writeExecutable(directory, "greedy", greedy(200, again))
      const emulator = yield* startEmulator({ extensions: [extension], function: { command: [command] } })
      yield* emulator.invoke("1")
      const done = yield* emulator.journal.waitFor(Journal.is("InvocationDone"))
      yield* emulator.shutdown()
      const exited = (yield* emulator.journal.entries).filter(Journal.is("ProcessExited"))
      const peakOf = (source: Journal.Source) => known(exited.find((entry) => entry.source === source)?.peakMemoryBytes)
      assertBetween(peakOf("extension:greedy"), 200, 400)
      // Pages of Node itself are shared with every Node of the machine, so not all of them count.
      assertBetween(peakOf("runtime"), 8, 200)
      const most = known(done.maxMemoryBytes)
      assertBetween(most, 208, 600)
      assert.isAtMost(most, peakOf("extension:greedy") + peakOf("runtime"))
    })
  )

  it.live("a process that has to be killed is looked at before", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const extension = writeExecutable(directory, "greedy", greedy(200, "console.log('full'); for (;;);"))
      const emulator = yield* startEmulator({ extensions: [extension], timeout: "10 seconds" })
      const { journal, runtimeApi } = emulator
      yield* journal.waitFor(Journal.is("NextCalled"))
      yield* Effect.forkScoped(Effect.promise(() => fetch(`http://${runtimeApi}/2018-06-01/runtime/invocation/next`)))
      yield* Effect.forkScoped(Effect.ignore(emulator.invoke("1")))
      yield* journal.waitFor(Journal.is("Output"))
      yield* emulator.shutdown()
      const exited = yield* journal.waitFor(Journal.is("ProcessExited", ({ source }) => source !== "runtime"))
      assertBetween(known(exited.peakMemoryBytes), 200, 400)
    })
  )

  it.live("a wrapper that does not exec counts with the program that it starts", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const program = writeExecutable(directory, "program.cjs", greedy(200, "await next()"))
      const named = program.replace("program.cjs", "wrapper")
      Fs.writeFileSync(program, Fs.readFileSync(program, "utf8").replace("path.basename(__filename)", "'wrapper'"))
      writeExecutable(directory, "wrapper", `#!/bin/sh\n"${program}"\nexit $?\n`)
      const command = writeExecutable(directory, "function.cjs", echoFunction)
      const emulator = yield* startEmulator({ extensions: [named], function: { command: [command] } })
      yield* emulator.invoke("1")
      yield* emulator.journal.waitFor(Journal.is("InvocationDone"))
      yield* emulator.shutdown()
      const exited = (yield* emulator.journal.entries).find(Journal.is("ProcessExited", (e) => e.source !== "runtime"))
      assertBetween(known(exited?.peakMemoryBytes), 200, 400)
    })
  )

  it.live.runIf(hasPython)("pages that several processes share count once", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      // Five processes with the same 100 MiB, which the first one has filled.
      const forking = `#!/usr/bin/env python3
import os, time, urllib.request
filled = b"1" * (100 << 20)
for _ in range(4):
    if os.fork() == 0:
        time.sleep(1000)
urllib.request.urlopen("http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/next")
`
      const command = writeExecutable(directory, "bootstrap", forking)
      const emulator = yield* startEmulator({ function: { command: [command] } })
      yield* Effect.forkScoped(Effect.ignore(emulator.invoke("1")))
      yield* emulator.journal.waitFor(Journal.is("InvocationDelivered"))
      yield* emulator.shutdown()
      const exited = yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      assertBetween(known(exited.peakMemoryBytes), 100, 200)
    })
  )

  it.live("a manual process has no memory", () =>
    Effect.gen(function* () {
      const emulator = yield* startEmulator({ extensions: [{ manual: "a" }] })
      yield* emulator.shutdown()
      const entries = yield* emulator.journal.entries
      const exited = entries.filter(Journal.is("ProcessExited"))
      assert.deepStrictEqual(
        exited.map(({ peakMemoryBytes, source }) => [source, peakMemoryBytes]),
        [["extension:a", undefined]]
      )
    })
  )
})
