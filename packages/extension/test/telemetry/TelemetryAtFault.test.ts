/** A record in a batch that is the cause of a failure: it alone is dropped, counted and named. */
import { Extension, Telemetry, TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { bytesOf, url } from "./httpSink.ts"
import { capturedLogs, runInTime } from "../support.ts"

const { invoke, shutdown } = ExtensionTest

const record = (index: number) => ({ time: `T${index}`, type: "function", record: { index } })
const indexOf = (event: TelemetryEvent.TelemetryEvent): number => JSON.parse(TelemetryEvent.toJson(event)).record.index

/** An endpoint in memory that answers 413 to a body with one of these records, and keeps the lines of the others. */
const endpoint = (tooLarge: ReadonlySet<number> = new Set()) => {
  const lines: Array<string> = []
  let requests = 0
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      requests++
      const sent = new TextDecoder().decode(bytesOf(request)).trimEnd().split("\n")
      const isRefused = sent.some((line) => tooLarge.has(JSON.parse(line).record?.index))
      if (!isRefused) lines.push(...sent)
      return HttpClientResponse.fromWeb(request, new Response(null, { status: isRefused ? 413 : 200 }))
    })
  )
  return { lines, requests: () => requests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

/** A run that delivers so many records at once. */
const run = (
  count: number,
  sink: Effect.Effect<TelemetrySink.TelemetrySink, TelemetrySink.HttpSinkError, HttpClient.HttpClient>,
  layer: Layer.Layer<HttpClient.HttpClient>
) => {
  const { layer: logs, messages } = capturedLogs()
  const accounts: Array<TelemetryAccounting.TelemetryAccounting> = []
  const onAccounting = (accounting: TelemetryAccounting.TelemetryAccounting) =>
    Effect.sync(() => void accounts.push(accounting))
  return runInTime(
    Extension.run({
      layer: layer,
      // The clock of the test moves on while records are taken one by one.
      telemetry: Telemetry.make({
        types: ["function"],
        sink,
        grace: 0,
        quiet: 0,
        flushTimeout: "14 minutes",
        onAccounting
      })
    }).pipe(Effect.provide(logs))
  ).pipe(
    Effect.map(() => ({
      accounting: accounts[0]?.consumers[0],
      losses: messages.filter((message) => message.startsWith("Error:"))
    })),
    Effect.provide(
      ExtensionTest.layer([
        invoke({
          timeout: "15 minutes",
          delivers: [TelemetryTest.delivery(Array.from({ length: count }, (_, index) => record(index)))]
        }),
        shutdown()
      ])
    )
  )
}

const lineOf = (index: number) => JSON.stringify(record(index))
const indices = (count: number, without: ReadonlySet<number>) =>
  Array.from({ length: count }, (_, index) => index).filter((index) => !without.has(index))

const thrown = () => {
  throw new Error("no such label")
}

/** An encode that throws for a batch with one of these records. */
const encodeBut = (atFault: ReadonlySet<number>) => (batch: TelemetrySink.TelemetryBatch) => ({
  body: batch.events.some((event) => atFault.has(indexOf(event))) ? thrown() : TelemetrySink.toNdjson(batch),
  contentType: "a/b"
})

describe("an HTTP endpoint that answers 413", () => {
  it.effect("costs the one record that is too large, and the log names it", () =>
    Effect.gen(function* () {
      const tooLarge = new Set([400])
      const { layer, lines } = endpoint(tooLarge)
      const { accounting, losses } = yield* run(999, TelemetrySink.http({ url }), layer)
      assert.deepStrictEqual(lines, indices(999, tooLarge).map(lineOf))
      assert.deepInclude(accounting, { offered: 999, delivered: 998, droppedBySink: 1, unsent: 0 })
      assert.lengthOf(losses, 1)
      assert.include(
        losses[0],
        "the endpoint answered 413; too large by itself: a record of 56 bytes, type function, time T400; 1 records are dropped"
      )
    })
  )
})

describe("an encode that throws for a record", () => {
  it.effect("costs that record, and the log says why and names it", () =>
    Effect.gen(function* () {
      const { layer, lines, requests } = endpoint()
      const sink = TelemetrySink.http({ url, encode: encodeBut(new Set([400])) })
      const { accounting, losses } = yield* run(999, sink, layer)
      assert.deepStrictEqual(lines, indices(999, new Set([400])).map(lineOf))
      assert.deepInclude(accounting, { offered: 999, delivered: 998, droppedBySink: 1, unsent: 0 })
      assert.isAtMost(requests(), 11)
      assert.lengthOf(losses, 1)
      assert.include(
        losses[0],
        "encode did not make a body: no such label; the record at fault: a record of 56 bytes, type function, time T400; 1 records are dropped"
      )
    })
  )

  it.effect("and for every other one is said once, asks the endpoint for nothing, and counts all", () =>
    Effect.gen(function* () {
      const { layer, requests } = endpoint()
      let calls = 0
      const encode = () => {
        calls++
        return thrown()
      }
      const { accounting, losses } = yield* run(1000, TelemetrySink.http({ url, encode }), layer)
      assert.deepInclude(accounting, { offered: 1000, delivered: 0, droppedBySink: 1000, unsent: 0 })
      assert.strictEqual(requests(), 0)
      assert.isBelow(calls, 2000)
      assert.lengthOf(losses, 1)
      assert.include(losses[0], "no such label")
    })
  )

  it.effect.prop(
    "costs that record only, whichever there are, and the others come in their order",
    [Schema.Array(Schema.Literals(["good", "throws", "too large"]))],
    ([kinds]) =>
      Effect.gen(function* () {
        const those = (kind: string) => new Set(kinds.flatMap((each, index) => (each === kind ? [index] : [])))
        const { layer, lines } = endpoint(those("too large"))
        const sink = TelemetrySink.http({ url, encode: encodeBut(those("throws")) })
        const { accounting } = yield* run(kinds.length, sink, layer)
        const good = [...those("good")]
        assert.deepStrictEqual(lines, good.map(lineOf))
        const lost = kinds.length - good.length
        assert.deepInclude(accounting, { delivered: good.length, droppedBySink: lost, waiting: 0, unsent: 0 })
      }),
    { arbitrary: { runs: 60 } }
  )
})

describe("a record that a program changed so that it cannot be written", () => {
  const cycle: Array<unknown> = []
  cycle.push(cycle)

  /** A sink of the user's that passes copies on: that of the record 1 has this record. */
  const changing = (changed: unknown, inner: TelemetrySink.TelemetrySink): TelemetrySink.TelemetrySink => ({
    ...inner,
    export: (batch) =>
      inner.export({
        ...batch,
        events: batch.events.map((event) =>
          event.type === "function" && indexOf(event) === 1 ? { ...event, record: changed } : event
        )
      })
  })

  it.effect.each<readonly [string, unknown, string]>([
    ["a getter that throws", Object.defineProperty({}, "a", { get: thrown, enumerable: true }), "no such label"],
    ["a toJSON that throws", { toJSON: thrown }, "no such label"],
    ["an integer of any size", { n: 1n }, "Do not know how to serialize a BigInt"],
    ["a cycle", cycle, "Converting circular structure to JSON"]
  ])("costs no neighbour, is sent as undecodable with the reason, and is counted: %s", ([, changed, why]) =>
    Effect.gen(function* () {
      for (const format of ["ndjson", "json"] as const) {
        const { layer, lines } = endpoint()
        const sink = Effect.map(TelemetrySink.http({ url, format }), (inner) => changing(changed, inner))
        const { accounting, losses } = yield* run(3, sink, layer)
        const sent: ReadonlyArray<unknown> = JSON.parse(format === "json" ? lines.join("") : `[${lines.join()}]`)
        assert.deepStrictEqual([sent[0], sent[2]], [record(0), record(2)])
        assert.deepInclude(sent[1], { type: "undecodable", original: null })
        assert.include(JSON.stringify(sent[1]), `the record cannot be written as JSON: ${why}`)
        assert.deepInclude(accounting, { offered: 3, delivered: 2, droppedBySink: 1, waiting: 0, unsent: 0 })
        assert.lengthOf(losses, 1)
        assert.include(losses[0], "the sink http could not write 1 records as JSON, since the program changed them")
      }
    })
  )

  it.effect("is counted once, however often its batch is sent and however often it is written", () =>
    Effect.gen(function* () {
      let attempts = 0
      const sink = TelemetrySink.make({
        name: "sink",
        export: ({ events, id }) => {
          const changed = events.map((event) => (event.type === "function" ? { ...event, record: 1n } : event))
          TelemetrySink.toNdjson({ events: changed, id })
          for (const event of changed) TelemetryEvent.toJson(event)
          return ++attempts < 3 ? Effect.fail("busy") : Effect.void
        }
      })
      const { accounting, losses } = yield* run(5, sink, endpoint().layer)
      assert.strictEqual(attempts, 3)
      assert.deepInclude(accounting, { offered: 5, delivered: 0, droppedBySink: 5 })
      assert.lengthOf(losses, 1)
    })
  )

  it.effect("is not counted by a sink that writes nothing of it", () =>
    Effect.gen(function* () {
      const sink = TelemetrySink.make({ name: "sink", export: () => Effect.void })
      const { accounting, losses } = yield* run(5, sink, endpoint().layer)
      assert.deepInclude(accounting, { offered: 5, delivered: 5, droppedBySink: 0 })
      assert.lengthOf(losses, 0)
    })
  )
})
