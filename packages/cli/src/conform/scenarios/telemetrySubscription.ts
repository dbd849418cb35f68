/** Scenarios of a subscription to telemetry: when it is asked for, with which parameters, and which records it brings. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as ExtensionName from "../../emulate/summary/ExtensionName.ts"
import process from "node:process"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Command, Scenario } from "../play/Scenario.ts"

/** Both APIs: that of telemetry, and the older one of logs. */
const isSubscription = ({ path }: { readonly path: string }): boolean => /\/(?:telemetry|logs)$/.test(path)

const isClosed = ({ errorType }: { readonly errorType: string }): boolean => errorType.endsWith(".SubscriptionClosed")

const accepted = Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed")

/** An address of this machine that is not the usual one, as that of Lambda's sandbox. */
const sandboxAddress = "127.0.0.6"

/** The port of Lambda's Runtime API. An extension may listen on 127.0.0.1 alone where another port shows an emulator. */
const port = 9001

/** The function's timeout, which covers an init that runs again. Three seconds are short for it on a slow machine. */
const options = { timeout: "15 seconds" } as const

const neverSubscribes = "the extension does not subscribe to telemetry"

/** Every kind of record: lines as text and as JSON, an error and a crash of the function, an init that runs again. */
const everyRecord: ReadonlyArray<Command> = [
  {},
  { json: true },
  { lines: 0, end: "throw" },
  { lines: 0, end: "exit" },
  { json: true },
  ...Observe.drain
]

/** The scenario of an extension that asks for this version of the schema. No other version is ever delivered to it. */
const schema = (version: string, aws: string): Scenario => ({
  name: `telemetry/schema-${version}`,
  title: `Every kind of record in the schema ${version}, lines as text and as JSON.`,
  basis: "documented",
  aws,
  protocol: "docs/protocol.md#platform-events",
  advice: "Take a record of a line as text or as an object, and leave out fields of events that are not there.",
  needs: [`schema ${version}`],
  setup: () => ({ options: { ...options, logFormat: "json" } }),
  play: Effect.fnUntraced(function* (run) {
    const when = `with records of the schema ${version}`
    const harm = yield* Observe.harmOf(run, everyRecord, when)
    if (harm !== undefined) return harm
    yield* run.shutdown
    return yield* Observe.judgeTaking(run, when)
  })
})

export const subscription: ReadonlyArray<Scenario> = [
  {
    name: "telemetry/subscribes-in-time",
    title: "A subscription is possible until init ends.",
    basis: "seen",
    aws: "Init ends when the runtime and every extension have called next. A later subscription is refused with 403.",
    protocol: "docs/protocol.md#answers-to-a-subscription",
    advice: "Subscribe between register and the first next, and wait for the answer before you call next.",
    // The function is slow, so a subscription that only comes beside the first next is in time in every run.
    setup: () => ({ functionInit: { sleepMs: 1000 } }),
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke()
      yield* run.invoke()
      const entries = yield* run.entries
      const late = entries.find(Journal.is("ApiRefused", isClosed))
      const inTime = entries.find(accepted)
      if (late !== undefined) {
        return inTime === undefined
          ? Judgement.fail(`it subscribed after init, and was refused with ${late.status}: ${late.message}`, late)
          : Judgement.warn(`one more subscription came after init, and was refused: ${late.message}`, inTime, late)
      }
      if (inTime === undefined) return Judgement.notApplicable(neverSubscribes)
      const polled = entries.find(
        Journal.is("NextCalled", ({ index, source }) => index < inTime.index && source === inTime.source)
      )
      const name = ExtensionName.of(inTime.source)
      return polled === undefined
        ? Judgement.pass(`${name} subscribed before its first next`, inTime)
        : Judgement.warn(
            `${name} subscribed after its first next, so only a slower process of the environment let it be in time`,
            polled,
            inTime
          )
    })
  },
  {
    name: "telemetry/legal",
    title: "A subscription with the parameters of the extension.",
    basis: "seen",
    aws: "The service checks every key, the limits of buffering, and the host of the destination.",
    protocol: "docs/protocol.md#subscribe",
    advice:
      "Change the parameter that the service names. Limits and hosts are in AWS's reference of the Telemetry API.",
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke()
      const entries = yield* run.entries
      const refused = entries.find(Journal.is("ApiRefused", (refusal) => isSubscription(refusal) && !isClosed(refusal)))
      const taken = entries.find(accepted)
      if (refused !== undefined) {
        const why = `${refused.status} ${refused.errorType}: ${refused.message}`
        return taken === undefined
          ? Judgement.fail(`its subscription was refused with ${why}`, refused)
          : Judgement.info(`a subscription was refused with ${why}, and another was accepted`, refused, taken)
      }
      if (taken === undefined) return Judgement.notApplicable(neverSubscribes)
      const types = taken.types.join(", ")
      return taken.api === "logs"
        ? Judgement.info(`it subscribes to ${types} by the Logs API, which the Telemetry API has superseded`, taken)
        : Judgement.pass(`it subscribes to ${types} in the schema ${taken.schemaVersion}`, taken)
    })
  },
  {
    name: "telemetry/own-address",
    title: "Deliveries come to the address of the sandbox, which is not 127.0.0.1.",
    basis: "seen",
    aws: "Lambda reached listeners at 169.254.100.6. A listener that is bound to 127.0.0.1 alone gets nothing.",
    protocol: "docs/protocol.md#destination",
    advice: "Bind the listener to 0.0.0.0 or to sandbox.localdomain, and not to 127.0.0.1 or localhost.",
    needs: ["telemetry"],
    setup: () => ({ options: { ...options, sandboxAddress, port } }),
    play: Effect.fnUntraced(function* (run) {
      const harm = yield* Observe.harmOf(run, [{}, ...Observe.drain], "with another address of the sandbox")
      if (harm !== undefined) return harm
      const entries = yield* run.entries
      const delivered = entries.find(Journal.is("TelemetryDelivered"))
      if (delivered !== undefined) return Judgement.pass("its listener took batches at another address", delivered)
      const missed = entries.find(Journal.is("TelemetryNotDelivered"))
      // A listener that is bound by name is bound to 127.0.0.1 if the names do not lead to the other address.
      const unnamed = run.emulator.notes.find((note) => note.includes(`"${sandboxAddress} `))
      return unnamed === undefined && process.platform === "linux"
        ? Judgement.fail(
            `no batch reached its listener at ${sandboxAddress}, another address than 127.0.0.1: ${missed?.problem ?? "none was sent"}`,
            missed
          )
        : Judgement.notTestable(
            unnamed ?? "only Linux answers on all addresses of loopback, so that the sandbox may have another"
          )
    })
  },
  schema("2022-07-01", "The oldest schema still works. A line is always text in it, also if the function logs JSON."),
  schema("2022-12-13", "A line is an object if the function logs JSON. Reports of init have a status."),
  schema(
    "2025-01-29",
    "A line is an object if the function logs JSON. Metrics and the status of a report may be absent."
  ),
  {
    name: "telemetry/not-supported",
    title: "The answer to a subscription is 202: there is no telemetry here.",
    basis: "documented",
    aws: "AWS's local emulator and SAM answer 202 with Telemetry.NotSupported. No record ever arrives.",
    protocol: "docs/protocol.md#answers-to-a-subscription",
    advice: "Go on without telemetry, and wait for no record of it.",
    needs: ["telemetry", "INVOKE"],
    setup: (_, { subscriptions }) => ({
      faults: [...new Set(subscriptions.map(({ api }) => `status:${api}@every=202`))]
    }),
    play: (run) => Observe.worksOn(run, "without telemetry")
  },
  {
    name: "telemetry/already-subscribed",
    title: "The environment is reset, and its subscription from before still delivers.",
    basis: "seen",
    aws: "The same body under the new identifier is AlreadySubscribed. Another body adds a second subscription.",
    protocol: "docs/protocol.md#a-subscription-outlives-a-reset",
    advice:
      "Bind the same port after a reset, send the same body, and take AlreadySubscribed for the success that it is.",
    needs: ["telemetry", "INVOKE"],
    setup: () => ({ options }),
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke()
      const { index: reset } = yield* run.invoke({ end: "exit" })
      const harm = yield* Observe.harmOf(run, [{}, {}, ...Observe.drain], "after a reset")
      if (harm !== undefined) return harm
      yield* run.shutdown
      const entries = (yield* run.entries).filter(({ index }) => index > reset)
      const refused = entries.find(Journal.is("ApiRefused", isSubscription))
      if (refused !== undefined) {
        return Judgement.fail(`its subscription after a reset was refused: ${refused.message}`, refused)
      }
      if (run.traits.sendsLines) {
        const loss = yield* Observe.judgeLoss(run, reset)
        if (loss.status !== "pass") return loss
      }
      const added = entries.find(accepted)
      if (added === undefined) return Judgement.pass("its subscription works on after a reset")
      return Judgement.warn(
        "it subscribed with other parameters after a reset: the end of the failed invocation goes to the old subscription, which has no listener any more",
        added
      )
    })
  }
]
