/** The time that a flush held an invocation, read from a journal. */
import { assert, describe, it } from "@effect/vitest"
import * as Held from "./contents/Held.ts"
import * as Plan from "./contents/Plan.ts"

const requestId = "a"
const source = Plan.extension
const fault = (fault: object) => ({ _tag: "FaultInjected", target: source, fault })

/** The event at 100, the function's end at 110, told at 130, next at 200; and what else there is, by its time. */
const heldOf = (
  others: ReadonlyArray<readonly [at: number, entry: object]>,
  waits: ReadonlyArray<Held.Wait> = [],
  told = new Map<string, number>()
) => {
  const entries: ReadonlyArray<readonly [number, object]> = [
    [100, { _tag: "EventDelivered", source, requestId, eventType: "INVOKE", lost: false }],
    [110, { _tag: "RuntimeDone", requestId }],
    [130, { _tag: "TelemetryDelivered", source, records: 1 }],
    [200, { _tag: "NextCalled", source }],
    [200, { _tag: "InvocationDone", requestId, status: "success" }],
    ...others
  ]
  const sorted = entries
    .toSorted(([one], [other]) => one - other)
    .map(([at, entry], index) => Object.assign(entry, { at, index }))
  const held = Held.of(Plan.make(1, 1), JSON.parse(JSON.stringify(sorted)), waits, told)
  return held.map(({ machineMillis, millis, untilToldMillis }) => ({ machineMillis, millis, untilToldMillis }))
}

describe("an invocation was held", () => {
  it.each<[string, Parameters<typeof heldOf>, ReturnType<typeof heldOf>]>([
    ["from the function's end to next", [[]], [{ millis: 90, untilToldMillis: 20, machineMillis: 0 }]],
    [
      "from its event, if a fault has delayed that",
      [[[101, fault({ _tag: "Slow", route: "next", delay: 40 })]]],
      [{ millis: 60, untilToldMillis: 0, machineMillis: 0 }]
    ],
    [
      "and a delay of another request changes nothing",
      [[[101, fault({ _tag: "Slow", route: "telemetry", delay: 40 })]]],
      [{ millis: 90, untilToldMillis: 20, machineMillis: 0 }]
    ],
    ["by more than a flush, if a fault took its next", [[[150, fault({ _tag: "Reset", route: "next" })]]], []],
    [
      "by more than a flush, if its next was refused",
      [[[150, fault({ _tag: "Status", route: "next", status: 403 })]]],
      []
    ],
    [
      "and told by the delivery that has the function's end",
      [[], [], new Map([[requestId, 145]])],
      [{ millis: 90, untilToldMillis: 35, machineMillis: 0 }]
    ],
    [
      "and two processes that waited at once waited once",
      [
        [],
        [
          { at: 150, millis: 30 },
          { at: 160, millis: 30 },
          { at: 120, millis: 30 },
          { at: 400, millis: 30 }
        ]
      ],
      [{ millis: 90, untilToldMillis: 20, machineMillis: 50 }]
    ]
  ])("%s", (_, given, expected) => assert.deepStrictEqual(heldOf(...given), expected))
})
