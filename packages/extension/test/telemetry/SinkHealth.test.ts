/** The decisions on a sink that fails, as tables. */
import { assert, describe, it } from "@effect/vitest"
import { TelemetrySinkError } from "../../src/telemetry/TelemetrySink.ts"
import * as SinkHealth from "../../src/telemetry/internal/delivery/sinkHealth.ts"

const minute = 60_000

/** The sink after failures at these times, without a word from the backend. */
const failedAt = (...times: ReadonlyArray<number>) =>
  times.reduce((health, now) => SinkHealth.afterFailure(health, now, minute), SinkHealth.healthy)

const batch = (health: Partial<SinkHealth.BatchHealth>): SinkHealth.BatchHealth => ({
  ...SinkHealth.untried,
  ...health
})

describe("rests", () => {
  it.each([
    [1, 0],
    [2, 1000],
    [3, 2000],
    [4, 4000],
    [7, 32_000],
    [8, minute],
    [100, minute]
  ])("after %i failures in a row the sink rests for %i ms", (failures, rest) => {
    const health = failedAt(...Array.from({ length: failures }, () => 5000))
    assert.strictEqual(health.failures, failures)
    assert.strictEqual(health.restUntil, 5000 + rest)
  })

  it.each([
    ["longer than the rest of the first failure", 0, 500, 500],
    ["shorter than the rest that is due", 3, 500, 4000],
    ["longer than the rest that is due", 3, 10_000, 10_000],
    ["longer than longestRest", 0, 10 * minute, minute]
  ])("a time that the backend names, %s", (_, failures, retryAfterMillis, rest) => {
    const before = failedAt(...Array.from({ length: failures }, () => 0))
    assert.strictEqual(SinkHealth.afterFailure(before, 7000, minute, retryAfterMillis).restUntil, 7000 + rest)
  })

  it("an outage began with its first failure", () => {
    assert.strictEqual(failedAt(100, 200, 300).failedAt, 100)
  })

  it.each([
    ["at its beginning", 2000, true],
    ["before its end", 2999, true],
    ["at its end", 3000, false],
    ["a minute before it, since the clock was set back", -58_000, false]
  ])("a rest from 2000 to 3000 holds %s: %i", (_, now, expected) => {
    assert.strictEqual(SinkHealth.isResting(failedAt(2000, 2000), now, minute), expected)
  })

  it("a sink that has not failed does not rest", () => {
    assert.isFalse(SinkHealth.isResting(SinkHealth.healthy, 0, minute))
  })
})

describe("the first batch", () => {
  it.each<[Partial<SinkHealth.BatchHealth>, SinkHealth.Plan]>([
    [{}, "retry"],
    [{ failures: 2, wasCut: true }, "retry"],
    [{ failures: 3 }, "onceThenProbe"],
    [{ failures: 3, wasCut: true }, "probeThenOnce"],
    [{ failures: 3, othersPass: true }, "once"],
    [{ failures: 9, othersPass: true, wasCut: true }, "once"]
  ])("%j is sent like this: %s", (health, expected) => {
    assert.strictEqual(SinkHealth.plan(batch(health)), expected)
  })

  it("other batches are tried one after the other, eight places back at most", () => {
    const places = Array.from({ length: 10 }, (_, index) => SinkHealth.probePlace(batch({ failures: 3 + index })))
    assert.deepStrictEqual(places, [1, 2, 3, 4, 5, 6, 7, 8, 1, 2])
  })

  it("a failure counts against the batch, unless the backend names a time", () => {
    assert.strictEqual(SinkHealth.batchAfterFailure(batch({ failures: 2 }), undefined).failures, 3)
    assert.strictEqual(SinkHealth.batchAfterFailure(batch({ failures: 2 }), 0).failures, 2)
  })
})

describe("an attempt that failed", () => {
  it.each<[Partial<TelemetrySinkError>, SinkHealth.Consequence, boolean]>([
    [{ isRetryable: true }, "keep", true],
    [{ isRetryable: true, retryAfterMillis: 100 }, "keep", false],
    [{ isRetryable: false }, "drop", false],
    [{ isRetryable: false, isTooLarge: true }, "narrow", false],
    [{ isRetryable: true, isTooLarge: true }, "narrow", false],
    [{ isRetryable: false, isUnwritable: true }, "narrow", false]
  ])("%j: %s; retried at once: %s", (fields, consequence, isRetriedNow) => {
    const error = new TelemetrySinkError({ sink: "test", isRetryable: false, cause: "no", ...fields })
    assert.strictEqual(SinkHealth.consequence(error), consequence)
    assert.strictEqual(SinkHealth.isRetriedNow(error), isRetriedNow)
  })

  it("a defect drops the batch", () => {
    assert.strictEqual(SinkHealth.consequence(undefined), "drop")
  })
})
