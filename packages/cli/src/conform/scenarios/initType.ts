/** Scenarios of the kinds of init other than on demand. */
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Run, Scenario } from "../play/Scenario.ts"

/** Init ends before there is an invocation; then come three of them. */
const worksAfterInit = Effect.fnUntraced(function* (run: Run, when: string) {
  const ended = yield* run.waitFor("InitEnded")
  const crash = Observe.crashOf(yield* run.entries, run.names)
  if (crash !== undefined) return Judgement.fail(`${crash.sentence} in init ${when}`, crash.entry)
  if (ended.status !== "success") {
    return Judgement.fail(`init ended with ${ended.errorType ?? ended.status} ${when}`, ended)
  }
  return yield* Observe.worksOn(run, when)
})

export const initType: ReadonlyArray<Scenario> = [
  {
    name: "init-type/snap-start",
    title: "The environment comes back from a snapshot, with SnapStart.",
    basis: "documented",
    aws: "There are no access keys among the variables, connections are cut, and no event tells of the restore.",
    protocol: "docs/protocol.md#snapstart",
    advice:
      "Take credentials from AWS_CONTAINER_CREDENTIALS_FULL_URI, as SDKs do, and expect dead connections after init.",
    needs: ["INVOKE"],
    setup: () => ({ options: { initType: "snap-start" } }),
    play: Effect.fnUntraced(function* (run) {
      const judgement = yield* worksAfterInit(run, "with SnapStart")
      if (judgement.status !== "pass") return judgement
      const { connections, problem } = yield* run.waitFor("SnapshotTaken")
      return problem === undefined
        ? Judgement.pass(`${judgement.sentence}; ${connections} connections were cut`)
        : Judgement.pass(`${judgement.sentence}; no connection could be cut: ${problem}`)
    })
  },
  {
    name: "init-type/provisioned",
    title: "With provisioned concurrency a long freeze comes between init and the first invocation.",
    basis: "documented",
    aws: "The environment is initialised ahead, and may wait for hours for its first invocation.",
    protocol: "docs/protocol.md#time-limits",
    advice: "Give the first poll no time limit, and renew what is too old when the first event comes.",
    needs: ["INVOKE"],
    limit: "2 hours",
    setup: ({ longFreezeSeconds }) => ({
      options: { initType: "provisioned-concurrency" },
      faults: [`hold-thaw@1=${longFreezeSeconds}s`]
    }),
    play: (run) => worksAfterInit(run, "with provisioned concurrency")
  }
]
