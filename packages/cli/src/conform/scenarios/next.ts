/** Scenarios of the poll for the next event. */
import * as Effect from "effect/Effect"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Observe from "../play/Observe.ts"
import type { Scenario } from "../play/Scenario.ts"
import * as Judgement from "../play/Judgement.ts"

export const next: ReadonlyArray<Scenario> = [
  {
    name: "next/returns",
    title: "Three invocations, with a freeze between them.",
    basis: "documented",
    aws: "An invocation is over when the runtime and every extension have called next.",
    protocol: "docs/protocol.md#an-invocation",
    advice: "Call next again after each event, also after an error in the work for it.",
    needs: ["INVOKE"],
    play: Effect.fnUntraced(function* (run) {
      for (let number = 1; number <= 3; number++) {
        const done = yield* run.invoke()
        if (done.status !== "success") {
          return Judgement.fail(`invocation ${number} ended with ${done.errorType ?? done.status}`, done)
        }
      }
      const entries = yield* run.entries
      const crash = Observe.crashOf(entries)
      return crash === undefined
        ? Judgement.pass("each of three invocations was followed by next", entries.findLast(Journal.is("NextCalled")))
        : Judgement.fail(crash.sentence, crash.entry)
    })
  },
  {
    name: "next/lost-poll",
    title: "The connection of a waiting poll is lost, and an event with it.",
    basis: "seen",
    aws: "The poll of a lost connection still stands, takes the next event, and the event is gone. Later events come to a new poll.",
    protocol: "docs/protocol.md#a-lost-poll",
    advice: "Call next again when a poll ends without an answer; an error of the connection is no reason to exit.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["drop-parked-next@2"] }),
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke()
      yield* run.invoke()
      const last = yield* run.invoke()
      const crash = Observe.crashOf(yield* run.entries)
      if (crash !== undefined)
        return Judgement.fail(`${crash.sentence}, after the connection of its poll was lost`, crash.entry)
      return last.status === "success"
        ? Judgement.pass("the extension polled again", last)
        : Judgement.fail(`the invocation after the lost poll ended with ${last.errorType ?? last.status}`, last)
    })
  }
]
