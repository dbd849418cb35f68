/** Scenarios of a function, or of another extension, that fails: the environment is reset, and begins again. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import { neighbour, neighbourName } from "../play/Programs.ts"
import * as Observe from "../play/Observe.ts"
import type { Command, Run, Scenario } from "../play/Scenario.ts"

/** Two invocations, of which the second fails, and two more: the extension has to be there again. */
const survives = Effect.fnUntraced(function* (run: Run, failing: Command, what: string) {
  yield* run.invoke()
  const failed = yield* run.invoke(failing)
  for (let number = 1; number <= 2; number++) {
    const done = yield* run.invoke()
    const crash = Observe.crashOf(yield* run.entries, run.names)
    if (crash !== undefined) return Judgement.fail(`${crash.sentence} ${what}`, failed, crash.entry)
    if (done.status !== "success")
      return Judgement.fail(`an invocation ${what} ${Observe.failureOf(done)}`, failed, done)
  }
  return Judgement.pass(`two invocations ${what} succeeded`, failed)
})

const beginAgain = "Treat the start after a reset like the first: register, listen on the same port, subscribe again."

export const invoke: ReadonlyArray<Scenario> = [
  {
    name: "invoke/function-error",
    title: "The handler of the function throws an error.",
    basis: "documented",
    aws: "The caller gets the error; the environment lives on, and telemetry says the status error.",
    protocol: "docs/protocol.md#runtime-error",
    advice: "An error of the function is no error of the extension: call next.",
    needs: ["INVOKE"],
    play: (run) => survives(run, { end: "throw" }, "after the function threw an error")
  },
  {
    name: "invoke/function-timeout",
    title: "The function runs into its timeout.",
    basis: "seen",
    aws: "The environment is shut down with the reason timeout. The next invocation starts all processes again.",
    protocol: "docs/protocol.md#reset",
    advice: beginAgain,
    needs: ["INVOKE"],
    // The function waits until then, so this is shorter than usual.
    setup: () => ({ options: { timeout: "6 seconds" } }),
    play: (run) => survives(run, { end: "hang" }, "after the function ran into its timeout")
  },
  {
    name: "invoke/function-crash",
    title: "The process of the function ends in the middle of an invocation.",
    basis: "documented",
    aws: "The environment is shut down with the reason failure. The next invocation starts all processes again.",
    protocol: "docs/protocol.md#failures",
    advice: beginAgain,
    needs: ["INVOKE"],
    play: (run) => survives(run, { end: "exit" }, "after the function's process had ended")
  },
  {
    name: "invoke/other-crash",
    title: "Another extension crashes in the middle of an invocation.",
    basis: "documented",
    aws: "The invocation fails with Extension.Crash, and the environment is shut down with the reason failure.",
    protocol: "docs/protocol.md#a-process-ends",
    advice: beginAgain,
    needs: ["INVOKE"],
    setup: () => ({ neighbours: [neighbour], faults: [`crash:extension:${neighbourName}:during-invoke@2`] }),
    play: (run) => survives(run, {}, "after another extension had crashed")
  },
  {
    name: "invoke/new-identifier",
    title: "The environment is reset, so that the identifier is new, and the port of a listener was in use before.",
    basis: "seen",
    aws: "Old identifiers are unknown after a reset. A subscription survives it: the same body is AlreadySubscribed.",
    protocol: "docs/protocol.md#a-subscription-outlives-a-reset",
    advice:
      "Keep no identifier beyond the process; bind the same port again, and take AlreadySubscribed for a success.",
    needs: ["INVOKE"],
    play: Effect.fnUntraced(function* (run) {
      const judgement = yield* survives(run, { end: "exit" }, "after a reset")
      if (judgement.status !== "pass") return judgement
      const entries = yield* run.entries
      const reset = entries.find(Journal.is("ShutdownEnded", (ended) => ended.reset))
      const refused = entries.find(
        Journal.is("ApiRefused", ({ index, path }) => index > (reset?.index ?? 0) && path.startsWith("/20"))
      )
      return refused === undefined
        ? judgement
        : Judgement.warn(
            `a call after the reset was refused: ${refused.method} ${refused.path} ${refused.errorType} ${refused.message}`,
            refused
          )
    })
  }
]
