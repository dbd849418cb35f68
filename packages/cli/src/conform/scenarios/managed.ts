/** Scenarios of managed instances, whose extensions get SHUTDOWN only. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Run, Scenario } from "../play/Scenario.ts"

const refusalOf = (entries: ReadonlyArray<Journal.JournalEntry>, path: string) =>
  entries.find(Journal.is("ApiRefused", (refused) => refused.path.endsWith(path)))

/** What keeps the target from working there, after init. */
const obstacleOf = Effect.fnUntraced(function* (run: Run) {
  const ended = yield* run.waitFor("InitEnded")
  const entries = yield* run.entries
  const refused = refusalOf(entries, "/register")
  const crash = Observe.crashOf(entries, run.names)
  if (ended.status === "success" && crash === undefined) return undefined
  if (refused !== undefined) {
    return Judgement.warn(`register was refused, so it cannot be used there: ${refused.message}`, refused, crash?.entry)
  }
  return crash === undefined
    ? Judgement.fail(`init ended with ${ended.errorType ?? ended.status}`, ended)
    : Judgement.fail(`${crash.sentence} in init`, crash.entry)
})

export const managed: ReadonlyArray<Scenario> = [
  {
    name: "managed/instance",
    title: "The function runs on a managed instance, where invocations run side by side and nothing is frozen.",
    basis: "documented",
    aws: "INVOKE is refused with 403. Telemetry has the schema 2025-01-29 alone.",
    protocol: "docs/protocol.md#extensions-on-managed-instances",
    advice:
      "Register for SHUTDOWN alone if AWS_LAMBDA_INITIALIZATION_TYPE is lambda-managed-instances, and send by time or size.",
    needs: ["SHUTDOWN"],
    setup: () => ({ options: { profile: "lmi", freeze: false } }),
    play: Effect.fnUntraced(function* (run) {
      const obstacle = yield* obstacleOf(run)
      if (obstacle !== undefined) return obstacle
      const done = yield* run.invoke()
      yield* run.shutdown
      const entries = yield* run.entries
      const crash = Observe.crashOf(entries, run.names)
      if (crash !== undefined) return Judgement.fail(`${crash.sentence} on a managed instance`, crash.entry)
      if (done.status !== "success") return Judgement.fail(`an invocation ${Observe.failureOf(done)}`, done)
      const subscribed = entries.some(Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed"))
      if (run.traits.subscriptions.length > 0 && !subscribed) {
        return Judgement.warn(
          "it hears no telemetry there, since no subscription was accepted",
          refusalOf(entries, "/telemetry")
        )
      }
      const ended = Observe.judgeEnd(entries, run.names, "on a managed instance")
      if (ended.status !== "pass" || !run.traits.sendsLines) return ended
      return Judgement.softened(yield* Observe.judgeLoss(run))
    })
  }
]
