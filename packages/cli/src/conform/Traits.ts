/** The first run of a target: three invocations and SHUTDOWN. It shows which scenarios apply. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Play from "./play/Play.ts"
import type { Scenario, Traits } from "./play/Scenario.ts"
import * as Judgement from "./play/Judgement.ts"

const unknown: Traits = { sources: [], events: [], subscriptions: [], reachesSink: false, sendsLines: false }

/** Two invocations, so that a batch which waits for the next one arrives too. */
const firstRun: Scenario = {
  name: "first/run",
  title: "Two invocations and SHUTDOWN, without any fault.",
  aws: "",
  protocol: "",
  advice: "",
  basis: "documented",
  play: Effect.fnUntraced(function* (run) {
    const first = yield* run.invoke()
    if (first.status === "success") yield* run.invoke()
    yield* run.shutdown
    return Judgement.info("the first run is over")
  })
}

/** Runs the target once, and tells what it uses. */
export const learn = Effect.fnUntraced(function* (stage: Play.Stage) {
  const { journal, sink } = yield* Play.play(firstRun, stage, unknown)
  const registered = journal.filter(Journal.is("Registered"))
  const traits: Traits = {
    sources: registered.map(({ source }) => source),
    events: [...new Set(registered.flatMap(({ events }) => events))],
    subscriptions: journal.filter(
      Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed" || state === "Already subscribed")
    ),
    reachesSink: sink.requests > 0,
    sendsLines: sink.lines > 0
  }
  return { traits, journal }
})
