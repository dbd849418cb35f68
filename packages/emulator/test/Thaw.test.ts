/**
 * The effect of a freeze on a program that sends something. An answer that came during the freeze loses against a timer
 * that was armed before, and a kept connection is gone. A naive program, and one with the extension libraries.
 */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { bundled } from "../../tools/programs.ts"
import { makeReceiver } from "./receiver.ts"
import {
  awaitTrue,
  echoFunction,
  processState,
  script,
  startEmulator,
  temporaryDirectory,
  writeExecutable
} from "./support.ts"

const naive = Path.join(import.meta.dirname, "fixtures/sender.mjs")
const cured = await bundled(Path.join(import.meta.dirname, "programs/sender.ts"))

/** Answers when the request of the extension has arrived, so that it is on its way before the freeze. */
const patientFunction = script(`
  for (;;) {
    const { id } = await nextInvocation()
    await new Promise((resolve) =>
      http.get(process.env.RECEIVER, { agent: false }, (response) => response.resume().on("end", resolve))
    )
    await respond(id, "")
  }`)

/** The words of the extension about an invocation; the libraries log JSON. */
const said = (line: string): ReadonlyArray<string> => /(?:kept|lost) [a-z0-9]+/.exec(line) ?? []

const start = Effect.fnUntraced(function* (file: string, sender: "timer" | "pool", options: Emulator.Options) {
  const directory = yield* temporaryDirectory
  const command = writeExecutable(directory, "function.cjs", sender === "timer" ? patientFunction : echoFunction)
  const receiver = yield* makeReceiver
  const { invoke, journal, shutdown } = yield* startEmulator({
    extensions: [file],
    function: { command: [command] },
    timeout: "10 seconds",
    environment: { RECEIVER: receiver.url, SENDER: sender },
    ...options
  })
  const frozen = yield* journal.waitFor(Journal.is("Frozen"))
  let last = frozen.index
  const started = (yield* journal.entries).find(Journal.is("ProcessStarted", ({ source }) => source !== "runtime"))
  const pid = started?.pid ?? 0
  return {
    receiver,
    /** Invokes and waits for the freeze after it. */
    invoke: Effect.fnUntraced(function* (requestId: string) {
      yield* invoke("1", { requestId })
      last = (yield* journal.waitFor(Journal.is("Frozen", ({ index }) => index > last))).index
      // A signal takes effect when the process is given the processor. Only Linux shows that.
      yield* awaitTrue(() => ["T", "alive"].includes(processState(pid)))
    }),
    /** The words of the extension until it was gone. */
    end: Effect.gen(function* () {
      yield* shutdown()
      const lines = (yield* journal.entries).filter(Journal.is("Output", ({ source }) => source !== "runtime"))
      return lines.flatMap(({ line }) => said(line))
    })
  }
})

describe("thaw", { concurrent: true }, () => {
  /** The answer to the request of the first invocation comes while everything is frozen. */
  const answeredMeanwhile = Effect.fnUntraced(function* (file: string) {
    const { end, invoke, receiver } = yield* start(file, "timer", {
      // Not at once: a program is caught asleep, as after most invocations, not in the middle of its work.
      freeze: { after: "400 millis" },
      // The second freeze, after the first invocation: longer than the program's limit for an answer.
      faults: [{ _tag: "HoldThaw", hold: "1500 millis", when: { at: 2 } }]
    })
    receiver.hold()
    yield* invoke("r1")
    receiver.answer()
    yield* invoke("r2")
    assert.deepStrictEqual(receiver.received, ["r1", "r2"])
    return yield* end
  })

  it.live("a timer that was armed before the freeze fires before the answer is read: naive takes it for lost", () =>
    Effect.gen(function* () {
      assert.include(yield* answeredMeanwhile(naive), "lost r1")
    })
  )

  it.live("the same with Deadline.abandonAfter: the answer counts", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* answeredMeanwhile(cured), ["kept r1", "kept r2"])
    })
  )

  /** The connection that the first invocation used is gone when the second invocation uses it. */
  const goneMeanwhile = Effect.fnUntraced(function* (file: string) {
    const { end, invoke, receiver } = yield* start(file, "pool", { freeze: true })
    yield* invoke("r1")
    receiver.forgetConnections()
    yield* invoke("r2")
    return { said: yield* end, received: receiver.received }
  })

  it.live("a kept connection that is gone is reset when it is used again: naive loses its request", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* goneMeanwhile(naive), { said: ["kept r1", "lost r2"], received: ["r1"] })
    })
  )

  it.live("with one more try, a kept connection that is gone costs nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* goneMeanwhile(cured), { said: ["kept r1", "kept r2"], received: ["r1", "r2"] })
    })
  )

  it.live.each(["pool", "timer"] as const)("20 invocations, %s: nothing is lost, nothing comes twice", (sender) =>
    Effect.gen(function* () {
      const { end, invoke, receiver } = yield* start(cured, sender, { freeze: true })
      const ids = Array.from({ length: 20 }, (_, index) => `r${index + 1}`)
      for (const [index, id] of ids.entries()) {
        yield* invoke(id)
        if (index % 2 === 0) receiver.closeIdleConnections()
        else receiver.forgetConnections()
      }
      assert.sameMembers(
        [...(yield* end)],
        ids.map((id) => `kept ${id}`)
      )
      assert.deepStrictEqual(receiver.received, ids)
    })
  )
})
