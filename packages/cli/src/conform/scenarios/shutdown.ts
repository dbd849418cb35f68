/** Scenarios of the end of an environment. */
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Command, Run, Scenario } from "../play/Scenario.ts"

const endItself =
  "Flush with a limit that is below the deadline of SHUTDOWN, and exit with code 0 without another next."

/** The end after the failing invocation, or after a good one, and how the extension took it. */
const endsAfter = Effect.fnUntraced(function* (run: Run, command: Command | undefined, reason: string) {
  yield* run.invoke()
  if (command === undefined) yield* run.shutdown
  else {
    const { index } = yield* run.invoke(command)
    yield* run.waitFor("ShutdownEnded", (ended) => ended.index > index)
  }
  const entries = yield* run.entries
  const crash = Observe.crashOf(entries, run.names)
  if (crash !== undefined) return Judgement.fail(`${crash.sentence} before SHUTDOWN`, crash.entry)
  return Observe.judgeEnd(entries, run.names, reason)
})

export const shutdown: ReadonlyArray<Scenario> = [
  {
    name: "shutdown/spindown",
    title: "The environment is not needed any more.",
    basis: "documented",
    aws: "SHUTDOWN has a deadline 2 seconds after its start. Then the process gets SIGKILL.",
    protocol: "docs/protocol.md#the-shutdown-sequence",
    advice: endItself,
    needs: ["INVOKE", "SHUTDOWN"],
    play: (run) => endsAfter(run, undefined, "for spindown")
  },
  {
    name: "shutdown/timeout",
    title: "The function ran into its timeout.",
    basis: "seen",
    aws: "SHUTDOWN has the reason timeout, and 2 seconds. The environment starts again with the next invocation.",
    protocol: "docs/protocol.md#the-shutdown-sequence",
    advice: endItself,
    needs: ["INVOKE", "SHUTDOWN"],
    // The function waits until then.
    setup: () => ({ options: { timeout: "6 seconds" } }),
    play: (run) => endsAfter(run, { end: "hang" }, "for a timeout")
  },
  {
    name: "shutdown/failure",
    title: "The process of the function has ended.",
    basis: "documented",
    aws: "SHUTDOWN has the reason failure, and 2 seconds. The environment starts again with the next invocation.",
    protocol: "docs/protocol.md#the-shutdown-sequence",
    advice: endItself,
    needs: ["INVOKE", "SHUTDOWN"],
    play: (run) => endsAfter(run, { end: "exit" }, "for a failure")
  },
  {
    name: "shutdown/last-records",
    title: "The environment ends right after an invocation that printed lines.",
    basis: "documented",
    aws: "The last lines of an invocation come with SHUTDOWN. The extension has 2 seconds to send them.",
    protocol: "docs/protocol.md#delivery-and-the-freeze",
    advice: "Send what is there before you exit, and say the number of records that could not be sent.",
    needs: ["SHUTDOWN", "function telemetry", "lines at the sink"],
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke({ lines: 50 })
      yield* run.shutdown
      return yield* Observe.judgeLoss(run)
    })
  },
  {
    name: "shutdown/in-flush",
    title: "The process of the function ends after it printed lines, and the backend takes 400 ms for each request.",
    basis: "documented",
    aws: "SHUTDOWN comes while the extension still sends. It waits for the poll, and its deadline of 2 seconds does not move.",
    protocol: "docs/protocol.md#a-release-is-kept",
    advice:
      "Let a flush end before the deadline of SHUTDOWN, also one that an INVOKE began; say what could not be sent.",
    needs: ["INVOKE", "SHUTDOWN", "function telemetry", "lines at the sink"],
    setup: () => ({ sink: { slowMs: 400 } }),
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke({ lines: 50 })
      const { index } = yield* run.invoke({ lines: 50, end: "exit" })
      yield* run.waitFor("ShutdownEnded", (ended) => ended.index > index)
      const ended = Observe.judgeEnd(yield* run.entries, run.names, "in the middle of a flush")
      yield* run.shutdown
      const lost = yield* Observe.judgeLoss(run)
      return lost.status === "pass" ? ended : lost
    })
  }
]
