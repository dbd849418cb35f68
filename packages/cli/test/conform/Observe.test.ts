/** The judgements of a run that depend on what an extension prints, and on the time for which it holds invocations. */
import type { EntryOf } from "@effect-lambda/emulator/Journal"
import { assert, it } from "@effect/vitest"
import * as Observe from "../../src/conform/play/Observe.ts"
import type { Held } from "../../src/conform/play/Scenario.ts"

it.each([
  ["lost 9 lines", true],
  ["Exporting failed. Dropping data.", true],
  ['{"dropped_items":12}', true],
  ["droppedRecords: 3", true],
  ["1000 dropped", true],
  ["1,000 records were dropped", true],
  ["10 records lost, 0 dropped", true],
  ["0 dropped by the queue, 0 dropped by the sink, 23 unsent", true],
  ["gave up after 3 attempts", true],
  ["ERROR failed to export 9 signals: connection refused", true],
  ["\u001b[33m WARN\u001b[0m exporter: Export attempt failed attempt=1", true],
  ["Error sending envelope TypeError: fetch failed", true],
  ["\u001b[31mlost\u001b[0m 3", true],
  ["\u001b]8;;https://a.example/lost\u001b\\sent\u001b]8;;\u0007 9", false],
  ["exported 12, failed 0", false],
  ["no errors while sending", false],
  ["0 dropped by Lambda (0 bytes), 0 unsent", false],
  ["no records were lost", false],
  ["nothing was lost", false],
  ["dropped=0", false],
  ['{"lost":0,"dropped_items": 0}', false],
  ["a droplet", false],
  ["sent 9 lines", false]
])("%s: does it say a loss? %s", (line, says) => {
  assert.strictEqual(Observe.saysLoss(line), says)
})

it("a line of titles that never end takes linear time", () => {
  // From each of them to the end of the line it took hours.
  assert.isTrue(Observe.saysLoss(`${"\u001b]".repeat(2_000_000)} lost`))
})

it.each<readonly [string, ReadonlyArray<Held>, string, string]>([
  ["no invocation", [], "pass", "0 ms"],
  [
    "invocations that were short",
    [
      { leastMs: 10, mostMs: 12 },
      { leastMs: 30, mostMs: 399 }
    ],
    "pass",
    "30 ms"
  ],
  [
    "one that was long",
    [
      { leastMs: 10, mostMs: 12 },
      { leastMs: 400, mostMs: 900 }
    ],
    "warn",
    "400 ms"
  ],
  [
    "one that a busy machine may have made long",
    [
      { leastMs: 20, mostMs: 30 },
      { leastMs: 90, mostMs: 900 }
    ],
    "pass",
    "20 ms"
  ],
  [
    "all of which it may",
    [
      { leastMs: 20, mostMs: 500 },
      { leastMs: 90, mostMs: 900 }
    ],
    "not testable",
    "500, 900 ms"
  ]
])("%s", (_, helds, status, sentence) => {
  const invocations = helds.map((_, index): EntryOf<"InvocationDone"> => ({
    _tag: "InvocationDone",
    requestId: String(index),
    status: "success",
    errorType: undefined,
    extensionOverheadMs: 0,
    maxMemoryBytes: undefined,
    index,
    at: 0
  }))
  const held = ({ index }: EntryOf<"InvocationDone">) => helds[index] ?? assert.fail()
  const judgement = Observe.judgeHeld({ held }, invocations, 400, "while it rained")
  assert.strictEqual(judgement.status, status)
  assert.include(judgement.sentence, sentence)
  assert.include(judgement.sentence, "after the function was done while it rained")
})
