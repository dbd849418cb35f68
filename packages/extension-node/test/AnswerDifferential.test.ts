/** Hostile answers on real sockets: the client for sinks reads each as llhttp does, or refuses it for a listed reason. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { compareAnswers } from "./differential/answers.ts"

it.live(
  "1,000 answers at random, half of them with faults: none is read in another way, and no POST arrives twice",
  () =>
    Effect.gen(function* () {
      const { different, failed, lost, refused, same } = yield* compareAnswers(1000, 9)
      assert.deepStrictEqual(different.slice(0, 3), [])
      assert.isAbove(same, 500)
      assert.isAbove(failed, 200)
      assert.isAbove(refused.size, 0)
      assert.isBelow(lost, 100)
    })
)
