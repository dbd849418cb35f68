/** The judgements of a run that depend on what an extension prints. */
import { assert, it } from "@effect/vitest"
import * as Observe from "../../src/conform/play/Observe.ts"

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
