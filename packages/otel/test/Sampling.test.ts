/** Which invocations have spans. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Sampling from "../src/Sampling.ts"

const traceId = "5759e988bd862e3fe1be46a994272793"

describe("the decision", () => {
  it.each<readonly [string, Sampling.Sampler, isSampled: boolean | undefined, boolean]>([
    ["always_on", Sampling.alwaysOn, undefined, true],
    ["always_on against X-Ray", Sampling.alwaysOn, false, true],
    ["always_off", Sampling.alwaysOff, true, false],
    ["xray, sampled", Sampling.xray, true, true],
    ["xray, not sampled", Sampling.xray, false, false],
    ["xray without a header", Sampling.xray, undefined, true],
    ["a ratio of all", Sampling.traceIdRatio(1), false, true],
    ["a ratio of none", Sampling.traceIdRatio(0), true, false]
  ])("%s", (_, sampler, isSampled, expected) => {
    assert.strictEqual(Sampling.isSampled(sampler, { traceId, isSampled }), expected)
  })
})

describe("a ratio looks at the last eight bytes, as the samplers of Go and Python do", () => {
  const time = "5759e988bd862e3f"

  it.each([
    [0.5, "7fffffffffffffff", true],
    [0.5, "8000000000000000", false],
    [0.25, "3fffffffffffffff", true],
    [0.25, "4000000000000000", false],
    [0.1, "1999999999999998", true],
    [0.1, "199999999999a000", false],
    [1e-9, "0000000000000000", true],
    [1e-9, "00000005ffffffff", false],
    [0.999, "ffffffffffffffff", false]
  ])("%s of …%s: %s", (ratio, random, expected) => {
    for (const first of [time, "0".repeat(16), "f".repeat(16)]) {
      assert.strictEqual(Sampling.isSampled(Sampling.traceIdRatio(ratio), { traceId: first + random }), expected)
    }
  })

  it("has the share that was asked for, of X-Ray ids of one second", () => {
    const sampler = Sampling.traceIdRatio(0.2)
    // A linear congruential generator: the same ids in every run.
    let state = 7n
    const ids = Array.from({ length: 5000 }, () => {
      state = (state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & (2n ** 64n - 1n)
      return `5759e98800000000${state.toString(16).padStart(16, "0")}`
    })
    const sampled = ids.filter((id) => Sampling.isSampled(sampler, { traceId: id })).length
    assert.approximately(sampled / ids.length, 0.2, 0.02)
  })
})

describe("variables", () => {
  it.each<readonly [string, string | undefined, Sampling.Sampler]>([
    ["always_on", undefined, Sampling.alwaysOn],
    ["always_off", "0.5", Sampling.alwaysOff],
    ["xray", undefined, Sampling.xray],
    ["traceidratio", "0.25", Sampling.traceIdRatio(0.25)],
    ["traceidratio", " 1e-3 ", Sampling.traceIdRatio(0.001)],
    ["traceidratio", "", Sampling.traceIdRatio(1)],
    ["traceidratio", undefined, Sampling.traceIdRatio(1)]
  ])("%s %s", (name, argument, sampler) => {
    assert.deepStrictEqual(Sampling.parse(name, argument), Result.succeed(sampler))
  })

  it.each<readonly [string, string | undefined, string]>([
    ["traceidratio", "1.5", "is not a number from 0 to 1"],
    ["traceidratio", "-0.1", "is not a number from 0 to 1"],
    ["traceidratio", "half", "is not a number from 0 to 1"],
    ["traceidratio", "NaN", "is not a number from 0 to 1"],
    ["parentbased_always_on", undefined, "is none of always_on, always_off, traceidratio, xray"]
  ])("%s %s is refused", (name, argument, reason) => {
    assert.deepStrictEqual(Sampling.parse(name, argument), Result.fail(reason))
  })

  it.each([Sampling.alwaysOn, Sampling.alwaysOff, Sampling.xray, Sampling.traceIdRatio(0.25)])(
    "%j is told",
    (sampler) => {
      const sentence = Sampling.describe(sampler)
      assert.match(sentence, /\(sampler [a-z_]+\)\.$/)
      if (sampler._tag === "TraceIdRatio") assert.include(sentence, "0.25")
    }
  )
})
