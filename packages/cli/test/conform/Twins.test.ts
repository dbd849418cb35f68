/** Every scenario tells a good extension from a bad one. Ten are played here, all by `npm run conform:twins`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { scenarios } from "../../src/conform/Scenarios.ts"
import { pairs, play } from "./twins.ts"

/** The scenarios that take the least time, of different families. */
const played = new Set([
  "init/register-in-time",
  "init/unknown-fields",
  "next/stale-connection",
  "next/lost-poll",
  "next/status-403",
  "next/no-tracing",
  "shutdown/failure",
  "telemetry/legal",
  "telemetry/not-supported",
  "environment/no-home"
])

it("each scenario has one pair of twins, and each pair a scenario", () => {
  assert.sameMembers(
    pairs.map(({ scenario }) => scenario),
    scenarios.map(({ name }) => name)
  )
})

describe("the good twin passes, the bad twin does not", () => {
  for (const pair of pairs) {
    const scenario = scenarios.find(({ name }) => name === pair.scenario)
    if (scenario === undefined || !played.has(pair.scenario)) continue
    it.live(pair.scenario, () =>
      Effect.gen(function* () {
        const { bad, good } = yield* play(scenario, pair)
        assert.strictEqual(good.judgement.status, "pass", good.judgement.sentence)
        assert.strictEqual(bad.judgement.status, pair.expected ?? "fail", bad.judgement.sentence)
      })
    )
  }
})
