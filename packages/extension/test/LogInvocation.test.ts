/** A log line without an id has that of the invocation it came in, and is sent on as it came. */
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import { Extension, Telemetry, TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { runInTime, types } from "./support.ts"

const { delivery, log, report, runtimeDone, start } = TelemetryTest

const time = "2026-01-01T00:00:00.000Z"
const initStart = (initializationType: string) => ({
  time,
  type: "platform.initStart",
  record: { initializationType, phase: "init" }
})

type Ids = ReadonlyArray<readonly [text: string | undefined, requestId: string | undefined]>

/** Text and request id of each log, as a sink sees them. */
const idsOf = (
  deliveries: ReadonlyArray<ReadonlyArray<unknown>>,
  options: Partial<TelemetrySubscription.ReceiverOptions> = {}
) =>
  Effect.gen(function* () {
    const ids: Array<Ids[number]> = []
    const sink = TelemetrySink.make({
      name: "ids",
      export: ({ events }) =>
        Effect.sync(() => {
          for (const event of events) {
            const text = TelemetryEvent.text(event)
            if (text !== undefined) ids.push([text, TelemetryEvent.requestId(event)])
          }
        })
    })
    yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, ...options, sink }) }))
    return ids
  }).pipe(
    Effect.provide(
      ExtensionTest.layer([ExtensionTest.shutdown({ delivers: deliveries.map((records) => delivery(records)) })])
    )
  )

const id = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"

describe("a line without an id", () => {
  it.effect.each<readonly [string, ReadonlyArray<ReadonlyArray<unknown>>, Ids]>([
    ["of the init has none", [[initStart("on-demand"), log("a"), start("one")]], [["a", undefined]]],
    ["has that of the invocation", [[start("one"), log("a")]], [["a", "one"]]],
    [
      "has it in a later batch as well",
      [[start("one")], [log("a")], [log("b")]],
      [
        ["a", "one"],
        ["b", "one"]
      ]
    ],
    ["that comes late still belongs to it", [[start("one"), runtimeDone("one"), log("a")]], [["a", "one"]]],
    ["after the report belongs to none", [[start("one"), report("one"), log("a")]], [["a", undefined]]],
    [
      "belongs to the next invocation from its start on, also if the report of the last one is late",
      [[start("one"), log("a"), start("two"), report("one"), log("b")]],
      [
        ["a", "one"],
        ["b", "two"]
      ]
    ],
    ["of another init belongs to none", [[start("one"), initStart("on-demand"), log("a")]], [["a", undefined]]],
    [
      "on managed instances has none",
      [[initStart("lambda-managed-instances"), start("one"), log("a")]],
      [["a", undefined]]
    ],
    ["of an extension has it too", [[start("one"), { ...log("a"), type: "extension" }]], [["a", "one"]]],
    [
      "that is JSON without an id has it too",
      [[start("one"), { time, type: "function", record: { level: 50 } }]],
      [['{"level":50}', "one"]]
    ]
  ])("%s", ([, deliveries, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual<Ids>(yield* idsOf(deliveries), expected)
    })
  )
})

it.effect("the id in the record comes first", () =>
  Effect.gen(function* () {
    const own = `${time}\t${id}\tINFO\ta`
    assert.deepStrictEqual<Ids>(yield* idsOf([[start("one"), log(own)]]), [[own, id]])
  })
)

it.effect("a sink writes the text that came", () =>
  Effect.gen(function* () {
    const records = [start("one"), log("a")]
    let written = ""
    const sink = TelemetrySink.make({
      name: "text",
      export: (batch) =>
        Effect.sync(() => {
          assert.strictEqual(TelemetryEvent.requestId(batch.events[1]!), "one")
          assert.deepStrictEqual<unknown>(Object.keys(batch.events[1]!), ["time", "type", "record"])
          written += TelemetrySink.toNdjson(batch)
        })
    })
    yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink }) })).pipe(
      Effect.provide(ExtensionTest.layer([ExtensionTest.shutdown({ delivers: [delivery(records)] })]))
    )
    assert.strictEqual(written, records.map((record) => `${JSON.stringify(record)}\n`).join(""))
  })
)

it.effect("a program over the stream sees it, and filters keep it", () =>
  Effect.gen(function* () {
    const ids: Array<string | undefined> = []
    const telemetry = Telemetry.stream(
      (events) =>
        events.pipe(
          Stream.filter(({ type }) => type === "function"),
          Stream.runForEach((event) => Effect.sync(() => ids.push(TelemetryEvent.requestId(event))))
        ),
      { types }
    )
    yield* runInTime(Extension.run({ telemetry })).pipe(
      Effect.provide(ExtensionTest.layer([ExtensionTest.shutdown({ delivers: [delivery([start("one"), log("a")])] })]))
    )
    assert.deepStrictEqual(ids, ["one"])
  })
)
