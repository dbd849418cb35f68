/** The requests that a batch is sent as, and what is folded for them. */
import { assert, it } from "@effect/vitest"
import type { TelemetryEvent } from "@effect-lambda/extension/telemetry/TelemetryEvent"
import { Mapper } from "../src/internal/mapper.ts"
import * as units from "../src/internal/units.ts"
import * as Records from "./support/records.ts"

const at = 1_800_000_000_000

/** A mapper that says of which invocations it asked for the facts. */
const asking = () => {
  const asked: Array<string> = []
  const factsOf = (requestId: string) => {
    asked.push(requestId)
    return {}
  }
  const { settings } = Records.context()
  return { asked, mapper: new Mapper({ settings, temporality: "delta", factsOf, prepare: undefined }) }
}

const noBody = () => assert.fail("no body is written here")

const unitsOf = (mapper: Mapper, events: ReadonlyArray<TelemetryEvent>) =>
  units.unitsOf(events, {
    signal: "logs",
    serialization: { traces: noBody, metrics: noBody, logs: noBody },
    isJson: false,
    resource: () => ({ attributes: [], droppedAttributesCount: 0 }),
    scope: { name: "test", version: "1" },
    mapper
  })

it("the name of the instance is known before the body with it is written", () => {
  const { mapper } = asking()
  const log = Records.log(10, "hello")
  mapper.arrived([Records.initStart(0, { instanceId: "an instance" }), log], at)
  const [own] = unitsOf(mapper, [log])
  assert.strictEqual(own?.items, 1)
  assert.strictEqual(mapper.instanceId, "an instance")
})

it("a request of the function at the end of a batch folds no record that came after the batch", () => {
  const { asked, mapper } = asking()
  const log = Records.log(10, "hello")
  mapper.arrived([Records.start(5), log], at)
  mapper.arrived([Records.start(20, { requestId: "the next invocation" })], at)
  const request = units.recordOf({ signal: "logs", count: 2, bytes: new Uint8Array(8) })
  const parts = unitsOf(mapper, [log, request])
  assert.deepStrictEqual(
    parts.map(({ isForwarded, items }) => ({ isForwarded, items })),
    [
      { isForwarded: false, items: 1 },
      { isForwarded: true, items: 2 }
    ]
  )
  // The fold of a start asks for the trace of its invocation, which the function's SDK may not have said yet.
  assert.notInclude(asked, "the next invocation")
})
