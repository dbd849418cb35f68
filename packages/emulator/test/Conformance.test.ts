/** The cases of docs/conformance.md, byte for byte over a raw socket, under every profile they name. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { cases, conformanceTest, render } from "./conformance/cases.ts"
import { delivery } from "./conformance/delivery.ts"
import { errors } from "./conformance/errors.ts"
import { init } from "./conformance/init.ts"
import { invoke } from "./conformance/invoke.ts"
import { managedSubscription } from "./conformance/managedSubscription.ts"
import { next } from "./conformance/next.ts"
import { register } from "./conformance/register.ts"
import { runtime } from "./conformance/runtime.ts"
import { shutdown } from "./conformance/shutdown.ts"
import { subscription } from "./conformance/subscription.ts"
import { makeWorld, manualExtensions } from "./conformance/world.ts"

const sections = {
  register,
  next,
  errors,
  init,
  invoke,
  shutdown,
  subscription,
  managedSubscription,
  delivery,
  runtime
}
const scenarios = Object.values(sections).flat()
const caseOf = (number: number) => cases.find((known) => known.number === number)
const root = new URL("../../../", import.meta.url)

for (const [section, members] of Object.entries(sections)) {
  // At the same time, because some of them wait for the time limits of a shutdown.
  describe.concurrent(`9: ${section}`, () => {
    for (const scenario of members) {
      const { options = manualExtensions("a"), part, run } = scenario
      const known = caseOf(scenario.case)
      for (const profile of scenario.profiles ?? known?.profiles ?? []) {
        const title = `case ${scenario.case} [${profile}]: ${known?.text ?? ""}${part === undefined ? "" : `: ${part}`}`
        it.live(title, () => Effect.flatMap(makeWorld(profile, options), run))
      }
    }
  })
}

describe("the table of cases", () => {
  it("has every case once, in order", () => {
    assert.deepStrictEqual(
      cases.map(({ number }) => number),
      Array.from({ length: 125 }, (_, index) => index + 1)
    )
  })

  it("says shown exactly for the profiles under which a scenario runs", () => {
    for (const { number, profiles, shown } of cases) {
      const own = scenarios.filter((scenario) => scenario.case === number)
      const run = new Set(own.flatMap((scenario) => scenario.profiles ?? profiles))
      const claimed = shown.includes(conformanceTest) ? profiles : []
      assert.deepStrictEqual([...run].toSorted(), claimed.toSorted(), `case ${number}`)
    }
  })

  it("names test files that name the case", () => {
    for (const { number, shown } of cases) {
      for (const file of shown) {
        const text = Fs.readFileSync(new URL(`packages/${file}`, root), "utf8")
        const named = file === conformanceTest || new RegExp(`cases? ([\\d, ]|and )*\\b${number}\\b`).test(text)
        assert.isTrue(named, `case ${number} in ${file}`)
      }
    }
  })

  it("is what docs/conformance.md shows (else: node packages/emulator/test/conformance/write.ts)", () => {
    assert.strictEqual(Fs.readFileSync(new URL("docs/conformance.md", root), "utf8"), render())
  })
})
