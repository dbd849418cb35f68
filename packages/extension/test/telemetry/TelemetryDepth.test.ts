/** Deep values in any place of an event: what they are, and that they cost no process and no neighbour. */
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as receivers from "../../src/telemetry/internal/receive/receiver.ts"
import { types } from "../support.ts"

/** The events of a body, as a receiver makes them. */
const received = Effect.fnUntraced(function* (body: string) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const receiver = yield* receivers.make({ types }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (_, deliveries) => Effect.sync(() => ({ port: listening.push(deliveries) }))
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, { subscribe: () => Effect.die("not asked for") })
  )
  const { queue } = receiver.open("test", ({ records }) => records)
  listening[0]?.body(new TextEncoder().encode(body))
  return queue.take({ maxRecords: 100, maxBytes: 2 ** 30 })
})

const neighbour = '{"time":"T","type":"function","record":1.10}'
const start = '"time":"T","type":"platform.start"'

/** The text of an event with a deep value, and the type that it has. */
const places: ReadonlyArray<readonly [string, (deep: string) => string, TelemetryEvent.TelemetryEvent["type"]]> = [
  ["in the record", (deep) => `{"time":"T","type":"function","record":${deep}}`, "undecodable"],
  ["in a field of the record", (deep) => `{${start},"record":{"requestId":"a","later":${deep}}}`, "undecodable"],
  ["beside the record of a log", (deep) => `{"time":"T","type":"function","record":"a","later":${deep}}`, "function"],
  [
    "beside the record of a platform event",
    (deep) => `{${start},"record":{"requestId":"a"},"later":${deep}}`,
    "platform.start"
  ],
  ["beside a wrong record", (deep) => `{${start},"record":{"requestId":1},"later":${deep}}`, "undecodable"],
  ["beside no record", (deep) => `{${start},"later":${deep}}`, "undecodable"],
  ["in an event of an unknown type", (deep) => `{"time":"T","type":"later","later":${deep}}`, "unknown"],
  ["as the time", (deep) => `{"time":${deep},"type":"function","record":"a"}`, "undecodable"],
  ["as the type", (deep) => `{"time":"T","type":${deep},"record":"a"}`, "undecodable"],
  ["in a value that is no event", (deep) => `{"later":${deep}}`, "undecodable"],
  ["instead of an event", (deep) => deep, "undecodable"]
]

const depths = [
  ["lists", (levels: number) => "[".repeat(levels) + "]".repeat(levels)],
  ["objects", (levels: number) => '{"a":'.repeat(levels) + "1" + "}".repeat(levels)]
] as const

describe.each(depths)("%s", (_, nested) => {
  it.effect.each(
    places.flatMap(([place, text, type]) => [10_000, 100_000].map((levels) => [levels, place, text, type] as const))
  )("%d deep, %s, leave as they came and cost no neighbour", ([levels, , text, type]) =>
    Effect.gen(function* () {
      const deep = text(nested(levels))
      const events = yield* received(`[${neighbour},${deep},${neighbour}]`)
      assert.deepStrictEqual(
        events.map((event) => event.type),
        ["function", type, "function"]
      )
      const [before, written, after] = TelemetrySink.toNdjson({ id: "1", events }).split("\n")
      assert.deepStrictEqual([before, after], [neighbour, neighbour])
      // An undecodable event has its text in it, as JSON or as a text.
      const shown = [deep, JSON.stringify(deep)].some((original) => written?.endsWith(`"original":${original}}`))
      assert.isTrue(type === "undecodable" ? shown : written === deep, written?.slice(0, 200))
      assert.include(String(TelemetrySink.toBody({ id: "1", events }, "json")), `[${neighbour},`)
      for (const event of events) {
        TelemetryEvent.text(event)
        TelemetryEvent.severity(event)
        TelemetryEvent.requestId(event)
        TelemetryEvent.spans(event)
        TelemetryEvent.traceContext(event)
        // A copy is written from its values, which is too deep for JSON.stringify.
        assert.isString(TelemetryEvent.toJson({ ...event }))
      }
    })
  )
})
