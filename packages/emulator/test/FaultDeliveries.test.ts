/** Faults of telemetry deliveries, at the listener and in the journal; over HTTP, without any process. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { listen } from "./conformance/listener.ts"
import { bodyFor, subscribe } from "./conformance/subscription.ts"
import { makeWorld, manualExtensions } from "./conformance/world.ts"
import { awaitTrue } from "./support.ts"

/** An extension that listens to the kinds, under faults. Nothing but `flush` and the lines end a batch. */
const world = Effect.fnUntraced(function* (
  faults: string,
  types: ReadonlyArray<string>,
  options: Emulator.Options & { readonly schemaVersion?: string } = {}
) {
  const made = yield* makeWorld(options.profile ?? "real", {
    ...manualExtensions("a"),
    faults: faults.split(" ").map((text) => Result.getOrThrow(Fault.parse(text))),
    ...options
  })
  const listener = yield* listen()
  const identifier = yield* made.registered("a", ["SHUTDOWN"])
  const schemaVersion = options.schemaVersion ?? "2025-01-29"
  yield* subscribe(made, identifier, bodyFor(listener.port, { types, schemaVersion }))
  return { ...made, listener, print: (text: string) => made.emulator.writeManualOutput("extension:a", text) }
})

/** The deliveries as the journal counts them, each `records+extra`. */
const counted = Effect.fnUntraced(function* ({ journal }: { readonly journal: Journal.Journal }) {
  return (yield* journal.entries)
    .filter(Journal.is("TelemetryDelivered"))
    .map(({ extra, records }) => (extra === undefined ? `${records}` : `${records}+${extra}`))
})

const awaitDeliveries = ({ journal }: { readonly journal: Journal.Journal }, count: number) => {
  const seen = new Set<number>()
  return journal.waitFor(Journal.is("TelemetryDelivered", ({ index }) => seen.add(index).size >= count))
}

describe("a delivery", { concurrent: true }, () => {
  it.live("again: the same bytes come once more, and the records count once", () =>
    Effect.gen(function* () {
      const made = yield* world("delivery:again@2", ["extension"])
      yield* made.print("one\n")
      yield* awaitDeliveries(made, 1)
      yield* made.print("two\nthree\n")
      yield* awaitDeliveries(made, 3)
      const [one, two, again] = made.listener.deliveries
      assert.notStrictEqual(one?.body, two?.body)
      assert.deepStrictEqual(again, two)
      assert.deepStrictEqual(yield* counted(made), ["1", "2", "0+2"])
      const timeline = Timeline.make()
      const told = (yield* made.journal.entries).map(timeline.render).join("\n")
      assert.match(told, /FAULT a delivery of telemetry is changed: again/)
      assert.match(told, /telemetry: 0 records \(\d+ bytes\) delivered, and 2 records of a fault/)
    })
  )

  it.live.each(["2022-07-01", "2022-12-13", "2025-01-29"])(
    "unknown: a type and fields that no one knows (%s)",
    (version) =>
      Effect.gen(function* () {
        const made = yield* world("delivery:unknown", ["platform"], { schemaVersion: version })
        yield* awaitDeliveries(made, 1)
        const events = JSON.parse(made.listener.deliveries[0]?.body ?? "")
        assert.strictEqual(events[0].type, "platform.initStart")
        assert.containsAllKeys(events[0], ["time", "record", "unknownText", "unknownList"])
        assert.containsAllKeys(events[0].record, ["initializationType", "unknownText", "unknownObject"])
        assert.deepStrictEqual(Object.keys(events.at(-1)), ["time", "type", "record"])
        assert.strictEqual(events.at(-1).type, "platform.unknownToAll")
        assert.deepStrictEqual(yield* counted(made), [`${events.length - 1}+1`])
      })
  )

  it.live("unknown: a line has the fields beside its text", () =>
    Effect.gen(function* () {
      const made = yield* world("delivery:unknown", ["extension"])
      yield* made.print("one\n")
      yield* awaitDeliveries(made, 1)
      const [event] = JSON.parse(made.listener.deliveries[0]?.body ?? "")
      assert.deepInclude(event, { type: "extension", record: "one\n", unknownFlag: true })
    })
  )

  it.live("dropped: the service says that it has dropped records; a subscription without platform is not told", () =>
    Effect.gen(function* () {
      const made = yield* world("delivery:dropped", ["platform", "extension"])
      yield* awaitDeliveries(made, 1)
      const told = made.listener.events().at(-1)
      assert.strictEqual(told?.type, "platform.logsDropped")
      assert.strictEqual(told?.record.droppedRecords, 123)
      assert.match((yield* counted(made)).join(), /^\d\+1$/)
      const untold = yield* world("delivery:dropped", ["extension"])
      yield* untold.print("one\n")
      yield* awaitDeliveries(untold, 1)
      assert.deepStrictEqual(yield* counted(untold), ["1"])
      assert.deepStrictEqual(yield* untold.entries("FaultInjected"), [])
    })
  )

  it.live("not-utf8: the line holds bytes that are no text, and the rest of the batch is as always", () =>
    Effect.gen(function* () {
      const made = yield* world("delivery:not-utf8", ["platform", "extension"])
      // Without a line there is nothing to spoil.
      yield* awaitDeliveries(made, 1)
      yield* made.print("one\ntwo\n")
      yield* awaitTrue(() => made.listener.deliveries.some(({ body }) => body.includes("two")))
      const lines = made.listener.events().filter(({ type }) => type === "extension")
      assert.match(lines[0]?.text ?? "", /^\uFFFD+\(\uFFFD+one\n$/)
      assert.strictEqual(lines[1]?.text, "two\n")
      assert.notInclude(made.listener.deliveries[0]?.body, "\uFFFD")
    })
  )

  it.live.each(["one", '\\\\\\\\""""', "😀😀😀", "", "\u001b[1mé"])("cut: %j comes in two pieces that join", (text) =>
    Effect.gen(function* () {
      const made = yield* world("delivery:cut", ["extension"])
      yield* made.print(`before\n${text}\n`)
      yield* awaitDeliveries(made, 2)
      const [first = "", second = ""] = made.listener.deliveries.map(({ body }) => body)
      assert.isTrue(first.endsWith("}]"))
      assert.throws(() => JSON.parse(first))
      const envelope = /^\[\{"time":"[^"]+","type":"extension","record":/.exec(second)?.[0] ?? "no envelope"
      const events = JSON.parse(first.slice(0, -2) + second.slice(envelope.length))
      assert.deepStrictEqual(
        events.map(({ record }: { readonly record: string }) => record),
        ["before\n", `${text}\n`]
      )
      assert.deepStrictEqual(yield* counted(made), ["1", "1"])
    })
  )

  it.live("half: the connection breaks in the middle, and the whole batch follows", () =>
    Effect.gen(function* () {
      const made = yield* world("delivery:half", ["extension"])
      yield* made.print("one\ntwo\n")
      yield* awaitDeliveries(made, 1)
      const [failed] = yield* made.entries("TelemetryNotDelivered")
      assert.strictEqual(failed?.problem, "the connection was reset in the middle of the batch")
      assert.deepStrictEqual(
        made.listener.events().map(({ text }) => text),
        ["one\n", "two\n"]
      )
      assert.deepStrictEqual(yield* counted(made), ["2"])
    })
  )

  it.live("a managed instance has them too, and a half batch is lost there", () =>
    Effect.gen(function* () {
      const made = yield* world("delivery:again delivery:half@2", ["extension"], { profile: "lmi" })
      yield* made.print("one\n")
      yield* awaitDeliveries(made, 2)
      assert.deepStrictEqual(yield* counted(made), ["1", "0+1"])
      yield* made.print("two\n")
      const dropped = yield* made.journal.waitFor(Journal.is("TelemetryDropped"))
      assert.strictEqual(dropped.records, 1)
    })
  )
})
