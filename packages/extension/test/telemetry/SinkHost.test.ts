/** Sinks that choose their records, count other things than records, and add records that do not come from Lambda. */
import { Extension, Telemetry, TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime } from "../support.ts"

const { invoke, shutdown } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

type Event = TelemetryEvent.TelemetryEvent

const textOf = (event: Event) =>
  TelemetryEvent.text(event) ?? (event.type === "unknown" ? event.original.type : event.type)

const isLog = (event: Event) => event.type === "function"

const script = (lines: number) => [
  invoke({
    delivers: [
      delivery([
        start("request-1"),
        ...Array.from({ length: lines }, (_, n) => log(`line ${n}`)),
        runtimeDone("request-1")
      ])
    ]
  }),
  shutdown()
]

const run = Effect.fnUntraced(function* (
  options: Pick<Telemetry.Options<never, never>, "sink" | "queue" | "batch">,
  { lines = 2, onInvoke }: { readonly lines?: number; readonly onInvoke?: () => Effect.Effect<void> } = {}
) {
  let accounting: TelemetryAccounting.TelemetryAccounting | undefined
  const { layer, messages } = capturedLogs()
  yield* runInTime(
    Extension.run({
      ...(onInvoke !== undefined && { onInvoke }),
      telemetry: Telemetry.make({
        types: ["platform", "function"],
        grace: 0,
        quiet: 0,
        ...options,
        onAccounting: (last) =>
          Effect.sync(() => {
            accounting = last
          })
      })
    }).pipe(Effect.provide(layer))
  ).pipe(Effect.provide(ExtensionTest.layer(script(lines))))
  return { accounting, messages, consumer: accounting?.consumers[0] }
})

const taking = (
  batches: Array<ReadonlyArray<Event>>,
  options: Partial<Parameters<typeof TelemetrySink.make<string, never>>[0]> = {}
) =>
  TelemetrySink.make<string, never>({
    name: "sink",
    export: ({ events }) => Effect.sync(() => void batches.push(events)),
    ...options
  })

describe("a sink that chooses its records", () => {
  it.effect("is offered no others, and they are in no count of it", () =>
    Effect.gen(function* () {
      const batches: Array<ReadonlyArray<Event>> = []
      const { accounting, consumer } = yield* run({ sink: taking(batches, { accepts: isLog }) })
      assert.deepStrictEqual(batches.flat().map(textOf), ["line 0", "line 1"])
      assert.deepInclude(consumer, { offered: 2, delivered: 2, waiting: 0 })
      assert.strictEqual(accounting?.received, 4)
    })
  )

  it.effect("leaves the room of its queue to the records that it takes", () =>
    Effect.gen(function* () {
      const { consumer } = yield* run(
        { sink: taking([], { accepts: (event) => event.type === "platform.runtimeDone" }), queue: { maxRecords: 1 } },
        { lines: 50 }
      )
      assert.deepInclude(consumer, { offered: 1, delivered: 1, droppedByQueue: 0 })
    })
  )
})

describe("a sink that counts items", () => {
  const countOf = (event: Event) => (isLog(event) ? 3 : 0)

  it.effect("has them in its accounting", () =>
    Effect.gen(function* () {
      const { consumer } = yield* run({ sink: taking([], { countOf }) })
      assert.deepInclude(consumer, {
        offered: 6,
        delivered: 6,
        droppedBySink: 0,
        droppedByQueue: 0,
        waiting: 0,
        unsent: 0
      })
    })
  )

  it.effect("counts those of a batch that it refused, and of records that found no room", () =>
    Effect.gen(function* () {
      const sink = taking([], { countOf, export: () => Effect.fail("no"), isRetryable: () => false })
      const { consumer, messages } = yield* run({ sink, queue: { maxRecords: 3 } }, { lines: 4 })
      // Of six records three found room: the start and two lines.
      assert.deepInclude(consumer, { offered: 12, delivered: 0, droppedBySink: 6, droppedByQueue: 6, unsent: 0 })
      assert.isTrue(messages.some((message) => message.includes("6 records are dropped")))
    })
  )

  it.effect("counts those that are unsent at the end", () =>
    Effect.gen(function* () {
      const sink = taking([], { countOf, export: () => Effect.fail("later") })
      const { consumer } = yield* run({ sink })
      assert.deepInclude(consumer, { offered: 6, delivered: 0, unsent: 6, waiting: 0 })
    })
  )

  it.effect("counts those that the backend dropped of a batch that it took, only once for each time it was taken", () =>
    Effect.gen(function* () {
      let attempts = 0
      const sink = taking([], {
        countOf,
        export: () =>
          Effect.andThen(
            TelemetrySink.rejected(2),
            Effect.suspend(() => (++attempts === 1 ? Effect.fail("later") : Effect.void))
          )
      })
      const { consumer } = yield* run({ sink })
      assert.isAbove(attempts, 1)
      assert.deepInclude(consumer, { offered: 6, delivered: 4, droppedBySink: 2, unsent: 0 })
    })
  )

  it.effect("cannot lose more of a batch than is in it", () =>
    Effect.gen(function* () {
      const sink = taking([], { export: () => TelemetrySink.rejected(1000) })
      const { consumer } = yield* run({ sink })
      assert.deepInclude(consumer, { offered: 4, delivered: 0, droppedBySink: 4 })
    })
  )
})

describe("a sink that is a function of its run", () => {
  it.effect("gets the registration", () =>
    Effect.gen(function* () {
      let name = ""
      yield* run({
        sink: ({ registration }) => {
          name = registration.extensionName
          return taking([])
        }
      })
      assert.strictEqual(name, "extension")
    })
  )

  it.effect("sees the records of each body before they are offered", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const asked: Array<number> = []
      yield* run({
        sink: ({ observe }) => {
          observe((events) => void seen.push(...events.map(textOf)))
          return taking([], {
            accepts: () => {
              asked.push(seen.length)
              return true
            }
          })
        }
      })
      assert.deepStrictEqual(seen, ["platform.start", "line 0", "line 1", "platform.runtimeDone"])
      assert.deepStrictEqual(asked, [4, 4, 4, 4])
    })
  )

  const own = (type: string, bytes = 10) => TelemetryEvent.external({ type, value: { of: type }, bytes })

  it.effect("offers records of another source, which are flushed before next with those of Lambda", () =>
    Effect.gen(function* () {
      const batches: Array<ReadonlyArray<Event>> = []
      let offer: Telemetry.SinkHost["offer"] = () => undefined
      const { accounting, consumer } = yield* run(
        {
          sink: (host) => {
            ;({ offer } = host)
            return taking(batches)
          }
        },
        { onInvoke: () => Effect.sync(() => offer([own("mine")])) }
      )
      assert.include(batches[0]?.map(textOf) ?? [], "mine")
      assert.deepInclude(consumer, { offered: 5, delivered: 5 })
      // They did not come from Lambda.
      assert.strictEqual(accounting?.received, 4)
    })
  )

  it.effect("adds the last ones at the end, behind the last ones of Lambda", () =>
    Effect.gen(function* () {
      const batches: Array<ReadonlyArray<Event>> = []
      const { consumer } = yield* run({
        sink: ({ atEnd, offer }) => {
          atEnd(Effect.sync(() => offer([own("last")])))
          return taking(batches)
        }
      })
      assert.strictEqual(batches.flat().map(textOf).at(-1), "last")
      assert.deepInclude(consumer, { offered: 5, delivered: 5, unsent: 0 })
    })
  )

  it.effect("holds up the end no longer than its time, and a failure there costs nothing else", () =>
    Effect.gen(function* () {
      const hanging = yield* run({
        sink: ({ atEnd }) => {
          atEnd(Effect.never)
          return taking([])
        }
      })
      assert.deepInclude(hanging.consumer, { delivered: 4, unsent: 0 })
      const failing = yield* run({
        sink: ({ atEnd }) => {
          atEnd(Effect.die(new Error("no last words")))
          return taking([])
        }
      })
      assert.deepInclude(failing.consumer, { delivered: 4, unsent: 0 })
      assert.isTrue(failing.messages.some((message) => message.includes("the last records of a sink failed")))
    })
  )

  it.effect("can ask whether a record fits, by its bytes and for the sinks that take it", () =>
    Effect.gen(function* () {
      const answers: Array<boolean> = []
      const counts = yield* run({
        queue: { maxBytes: 20_000 },
        sink: ({ fits, observe, offer }) => {
          observe((events) => {
            if (events.some(({ type }) => type === "unknown")) return
            answers.push(fits([own("large", 30_000)]))
            offer([own("small", 9000)])
            answers.push(fits([own("small", 9000)]), fits([own("other", 30_000)]))
          })
          return taking([], { accepts: (event) => textOf(event) !== "other" })
        }
      })
      assert.deepStrictEqual(answers, [false, true, true])
      assert.strictEqual(counts.consumer?.droppedByQueue, 0)
    })
  )

  it("has records whose JSON says their type and nothing of their value", () => {
    const event = TelemetryEvent.external({ type: "mine", time: "2026-01-01T00:00:00Z", value: "secret", bytes: 6 })
    assert.strictEqual(TelemetryEvent.toJson(event), '{"time":"2026-01-01T00:00:00Z","type":"mine"}')
    assert.deepStrictEqual(event.original, { time: "2026-01-01T00:00:00Z", type: "mine", value: "secret" })
  })
})
