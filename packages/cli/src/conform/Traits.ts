/** The first runs of a target: two invocations and SHUTDOWN. They show which scenarios apply. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Effect from "effect/Effect"
import * as UserError from "../shared/UserError.ts"
import * as Judgement from "./play/Judgement.ts"
import * as ListeningPorts from "./play/ListeningPorts.ts"
import * as Play from "./play/Play.ts"
import type { Scenario, Traits } from "./play/Scenario.ts"

const unknown: Traits = {
  sources: [],
  events: [],
  subscriptions: [],
  ports: [],
  reachesSink: false,
  sendsLines: false,
  copies: 0
}

/** Two invocations, so that a batch which waits for the next one arrives too. `onPorts` gets the ports between them. */
const firstRun = (onPorts: (ports: ReadonlyArray<number>) => void): Scenario => ({
  name: "first/run",
  title: "Two invocations and SHUTDOWN, without any fault.",
  aws: "",
  protocol: "",
  advice: "",
  basis: "documented",
  limit: "2 minutes",
  play: Effect.fnUntraced(function* (run) {
    const first = yield* run.invoke()
    const started = (yield* run.entries).filter(Journal.is("ProcessStarted", ({ source }) => source !== "runtime"))
    onPorts((yield* Effect.forEach(started, ({ pid }) => ListeningPorts.ofGroup(pid))).flat())
    if (first.status === "success") yield* run.invoke()
    yield* run.shutdown
    return Judgement.info("the first run is over")
  })
})

/** Runs the target once, and tells what it uses. Fails if it cannot be started, or no environment for it. */
export const learn = Effect.fnUntraced(function* (stage: Play.Stage) {
  let ports: ReadonlyArray<number> = []
  const run = firstRun((found) => {
    ports = found
  })
  const { journal, judgement, sink } = yield* Play.play(run, stage, unknown)
  if (judgement.status === "not testable") return yield* UserError.fail(judgement.sentence)
  const refused = journal.find(Journal.is("LaunchFailed"))
  if (refused !== undefined) {
    const file = refused.source === "runtime" ? `the function ${stage.handler}` : stage.target.path
    return yield* UserError.fail(LogLine.printable(`${file} cannot be started: ${refused.message}. ${refused.advice}`))
  }
  const registered = journal.filter(Journal.is("Registered"))
  const traits: Traits = {
    sources: registered.map(({ source }) => source),
    events: [...new Set(registered.flatMap(({ events }) => events))],
    subscriptions: journal.filter(
      Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed" || state === "Already subscribed")
    ),
    ports,
    reachesSink: sink.requests > 0,
    sendsLines: sink.lines > 0,
    copies: sink.copies
  }
  return traits
})

/** The port that the target listens on in every environment, so that two of them exclude each other. */
export const fixedPort = Effect.fnUntraced(function* (stage: Play.Stage, traits: Traits) {
  if (traits.ports.length === 0) return undefined
  const again = yield* learn(stage)
  return again.ports.find((port) => traits.ports.includes(port))
})
