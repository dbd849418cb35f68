/** Recordings of AWS's own emulator, played against the profile `rie`: the same calls, the same answers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { init } from "./rie/init.ts"
import { invocations } from "./rie/invocation.ts"
import { play } from "./rie/play.ts"
import { reset } from "./rie/reset.ts"

const recordings = [...init, ...invocations, ...reset]

// At the same time, because they mostly wait.
describe.concurrent("AWS's emulator, recorded", () => {
  for (const recording of recordings) {
    it.live(recording.name, () =>
      Effect.map(play(recording), (transcript) => {
        assert.deepStrictEqual(
          transcript,
          recording.steps.map(([, ...outcomes]) => outcomes.toSorted())
        )
      })
    )
  }
})

describe("the recordings", () => {
  it("name each difference as the table of the documentation does", () => {
    const table = Fs.readFileSync(new URL("../../../docs/emulator.md", import.meta.url), "utf8")
    const unknown = recordings.filter(({ differs }) => differs !== undefined && !table.includes(`| ${differs} |`))
    assert.deepStrictEqual(unknown, [])
  })
})
