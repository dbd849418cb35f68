/** The examples as layers with both starts, and starts whose telemetry is refused for a while. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { playOnce, rows } from "../starts/once.ts"
import * as Start from "../starts/Start.ts"

const folder = mkdtempSync(join(tmpdir(), "starts-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

playOnce(rows, "managed")

describe("starts whose telemetry is refused until the listener is up", () => {
  const built = Effect.runSync(Effect.cached(Start.build(`starts-${process.pid}`, folder)))

  it.live("every record from platform.initStart on is at the backend or counted, and none is there twice", () =>
    Effect.gen(function* () {
      const opt = yield* built
      let refused = 0
      for (let index = 0; index < 8; index++) {
        const plan = Start.plan(1, index)
        const outcome = yield* Start.play(opt, plan)
        const { doubled, missing, problems } = outcome
        assert.deepStrictEqual(
          { doubled, missing, problems },
          { doubled: [], missing: [], problems: [] },
          JSON.stringify(plan)
        )
        refused += outcome.refused
      }
      assert.isAtLeast(refused, 8)
    })
  )

  it.live("a process that dies before it listens: Lambda starts another one, which gets what waits", () =>
    Effect.gen(function* () {
      const opt = yield* built
      // It may die in the first invocation: the process of the second one gets the rest.
      const plan: Start.Plan = {
        lateMillis: 0,
        diesOnce: true,
        initType: "on-demand",
        freeze: false,
        initLines: 3,
        lineLength: 200,
        invocations: [2, 2]
      }
      const { arrived, doubled, entries, missing, problems } = yield* Start.play(opt, plan)
      assert.deepStrictEqual({ doubled, missing, problems }, { doubled: [], missing: [], problems: [] })
      assert.isAbove(arrived, 10)
      const states = entries.filter(Journal.is("TelemetrySubscription")).map(({ state }) => state)
      assert.deepStrictEqual(states, ["Subscribed", "Already subscribed"])
    })
  )
})
