/** The fold behind the sinks. */
import { assert, it } from "@effect/vitest"
import { Mapper } from "../src/internal/mapper.ts"
import * as Records from "./support/records.ts"

const mapperOf = (functionName: string) =>
  new Mapper({
    settings: Records.context({ functionName }).settings,
    temporality: "delta",
    factsOf: () => ({ sdk: { traceId: functionName.padEnd(32, "0") } }),
    prepare: (event) => event
  })

it("two mappers have the same logs, each in its own trace", () => {
  const mappers = ["a", "b"].map(mapperOf)
  const log = Records.log(10, "hello")
  const events = [Records.initStart(0), Records.start(5), log]
  for (const mapper of mappers) mapper.arrived(events, 1_800_000_000_000)
  for (const mapper of mappers) assert.strictEqual(mapper.itemsOf(log, "logs"), 1)
  assert.deepStrictEqual(
    mappers.map((mapper) => mapper.logOf(log)?.traceId),
    ["a".padEnd(32, "0"), "b".padEnd(32, "0")]
  )
})

it("a log that never came is none", () => {
  const mapper = mapperOf("a")
  mapper.arrived([Records.start(5)], 1_800_000_000_000)
  const log = Records.log(10, "hello")
  assert.strictEqual(mapper.itemsOf(log, "logs"), 0)
  assert.isUndefined(mapper.logOf(log))
})

it("the logs before and after a record that changes the state are each in their place", () => {
  const mapper = mapperOf("a")
  const [before, within, after] = [Records.log(1, "before"), Records.log(10, "within"), Records.log(20, "after")]
  const events = [Records.initStart(0), before, Records.start(5), within, Records.report(15), after]
  mapper.arrived(events, 1_800_000_000_000)
  const traces = [before, within, after].map((log) => mapper.logOf(log)?.traceId)
  assert.deepStrictEqual(traces, [undefined, "a".padEnd(32, "0"), undefined])
})
