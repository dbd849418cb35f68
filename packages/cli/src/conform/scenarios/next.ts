/** Scenarios of the poll for the next event. */
import type * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Scenario } from "../play/Scenario.ts"

const pollAgain = "Call next again when a poll fails, after a pause; an error of a connection is no reason to exit."

/** An extension that holds the environment for longer costs more than most functions. Programs wait for half a second. */
const heldMs = 400

/** More invocations than three if a busy machine made those unclear. */
const mostInvocations = 8

export const next: ReadonlyArray<Scenario> = [
  {
    name: "next/returns",
    title: "Three invocations, with a freeze between them.",
    basis: "documented",
    aws: "An invocation is over when the runtime and every extension have called next.",
    protocol: "docs/protocol.md#an-invocation",
    advice: "Call next again after each event, also after an error in the work for it.",
    needs: ["INVOKE"],
    play: (run) => Observe.worksOn(run, "after each of three invocations")
  },
  {
    name: "next/held",
    title: "Three invocations of a fast function.",
    basis: "documented",
    aws: "The time from the function's response to the last next is billed, and the next invocation waits for it.",
    protocol: "docs/protocol.md#an-extension-overruns",
    advice: "Do the work while the function runs, or give it a limit that is shorter than what an invocation may cost.",
    needs: ["INVOKE"],
    play: Effect.fnUntraced(function* (run) {
      const held: Array<Journal.EntryOf<"InvocationDone">> = []
      for (let number = 1; number <= mostInvocations; number++) {
        const done = yield* run.invoke()
        if (done.status !== "success") return Judgement.fail(`invocation ${number} ${Observe.failureOf(done)}`, done)
        // The first one may still wait for what the extension loads late.
        if (number > 1) held.push(done)
        if (held.length > 1 && !Judgement.isTooBusy(Observe.judgeHeld(run, held, heldMs))) break
      }
      return Observe.judgeHeld(run, held, heldMs)
    })
  },
  {
    name: "next/freeze",
    title: "A long freeze between two invocations.",
    basis: "documented",
    aws: "The environment is stopped while all wait in next. After the thaw timers may fire before sockets are read.",
    protocol: "docs/protocol.md#the-freeze",
    advice: "Give the poll no time limit, and let no timer decide about an answer that may be there already.",
    needs: ["INVOKE"],
    limit: "2 hours",
    setup: ({ longFreezeSeconds }) => ({ faults: [`hold-thaw@2=${longFreezeSeconds}s`] }),
    play: (run) => Observe.worksOn(run, "after a long freeze")
  },
  {
    name: "next/stale-connection",
    // The emulator holds the process until the end of the connection is there, so no client can be faster than it.
    title: "The connection ends with each answer, unannounced: the next request on it meets a dead one.",
    basis: "conceivable",
    aws: "The Runtime API keeps its connections. A connection may be dead after a freeze.",
    protocol: "docs/protocol.md#the-freeze",
    advice: "Send the request again over a new connection when a kept one turns out to be dead.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["close:next@every"] }),
    play: (run) => Effect.map(Observe.worksOn(run, "after its kept connection had ended"), Judgement.softened)
  },
  {
    name: "next/lost-poll",
    title: "The connection of a waiting poll is lost, and an event with it.",
    basis: "seen",
    aws: "The poll of a lost connection still stands and takes the next event, which is gone. Later events come to a new poll.",
    protocol: "docs/protocol.md#a-lost-poll",
    advice: pollAgain,
    needs: ["INVOKE"],
    setup: () => ({ faults: ["drop-parked-next@2"] }),
    play: (run) => Observe.worksOn(run, "after the connection of its poll was lost")
  },
  {
    name: "next/reset",
    title: "A poll is reset before it has reached the platform.",
    basis: "conceivable",
    aws: "Nothing is known of a reset by the Runtime API itself; a proxy or a restart of it would do so.",
    protocol: "docs/protocol.md#a-lost-poll",
    advice: pollAgain,
    needs: ["INVOKE"],
    setup: () => ({ faults: ["reset:next@2"] }),
    play: (run) => Effect.map(Observe.worksOn(run, "after a poll was reset"), Judgement.softened)
  },
  {
    name: "next/half-answer",
    title: "The answer to a poll ends in its middle.",
    basis: "conceivable",
    aws: "The event was delivered for the platform, which waits for the next poll.",
    protocol: "docs/protocol.md#a-lost-poll",
    advice: "Take an answer that is not complete for a lost event: poll again.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["partial:next@2=20"] }),
    play: (run) => Effect.map(Observe.worksOn(run, "after half an answer to its poll"), Judgement.softened)
  },
  {
    name: "next/status-500",
    title: "A poll is answered with 500.",
    basis: "documented",
    aws: "AWS calls the state not recoverable, and asks the extension to exit promptly.",
    protocol: "docs/protocol.md#next",
    advice: "Exit promptly, or poll again after a pause. An extension that does neither holds every invocation open.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["status:next@2=500"] }),
    play: Effect.fnUntraced(function* (run) {
      const judgement = yield* Observe.worksOn(run, "after a poll was answered with 500")
      const crash = Observe.crashOf(yield* run.entries, run.names)
      return crash === undefined
        ? judgement
        : Judgement.info(`${crash.sentence} at once, as AWS asks: the environment starts again`, crash.entry)
    })
  },
  {
    name: "next/status-403",
    title: "A poll is answered with 403.",
    basis: "seen",
    aws: "A poll in the wrong state, such as behind a poll that was lost, is refused with 403, and a later poll is taken.",
    protocol: "docs/protocol.md#next",
    advice: pollAgain,
    needs: ["INVOKE"],
    setup: () => ({ faults: ["status:next@2=403"] }),
    play: (run) => Observe.worksOn(run, "after a poll was refused with 403")
  },
  {
    name: "next/unknown-event",
    title: "An event of a type that no document names.",
    basis: "conceivable",
    aws: "The API has two types of events. A later one would come in the same way.",
    protocol: "docs/protocol.md#next",
    advice: "Leave an unknown event alone, and call next.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["event:next@2=RESTORE"] }),
    play: (run) => Effect.map(Observe.worksOn(run, "after an event of an unknown type"), Judgement.softened)
  },
  {
    name: "next/unknown-fields",
    title: "Events with fields that no document names.",
    basis: "conceivable",
    aws: "Fields were added to answers before, such as accountId to that of register.",
    protocol: "docs/protocol.md#the-invoke-event",
    advice: "Read the fields that you need, and ignore the others.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["fields:next@every"] }),
    play: (run) => Effect.map(Observe.worksOn(run, "after events with unknown fields"), Judgement.softened)
  },
  {
    name: "next/absurd-deadline",
    title: "Events whose deadlines are negative, long ago, or a year ahead.",
    basis: "conceivable",
    aws: "AWS's own sample of INVOKE has the deadline 676051, which is no point in time.",
    protocol: "docs/protocol.md#the-invoke-event",
    advice: "Bound the time that is left from below and from above before you use it.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["deadline:invoke@1=-1", "deadline:invoke@2=676051", "deadline:invoke@3=year-ahead"] }),
    play: (run) => Effect.map(Observe.worksOn(run, "after events with absurd deadlines"), Judgement.softened)
  },
  {
    name: "next/no-tracing",
    title: "An INVOKE without a trace header.",
    basis: "seen",
    aws: "Lambda always sent tracing; AWS's own emulator leaves it out when an invocation has no header.",
    protocol: "docs/protocol.md#the-invoke-event",
    advice: "Treat tracing as optional.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["no-tracing@every"] }),
    play: (run) => Observe.worksOn(run, "after an INVOKE without tracing")
  }
]
