/** The receiver alone: what its streams get, what it drops, and what ends it. */
import { Extension, Telemetry, type TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import type * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { memory, runInTime, types } from "../support.ts"
import { encode, receiving } from "./receiving.ts"

const { log, start } = TelemetryTest

const texts = (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) =>
  events.map((event) => (event.type === "function" ? String(event.record).trim() : event.type))

/** Reads all, from now on. */
const reading = (receiver: TelemetryReceiver.TelemetryReceiver["Service"]) =>
  Effect.forkChild(Stream.runCollect(receiver.events), { startImmediately: true })

/** Takes the first records, and then nothing more. */
const stuck = (receiver: TelemetryReceiver.TelemetryReceiver["Service"]) =>
  Effect.forkChild(
    Stream.runForEach(receiver.events, () => Effect.never),
    { startImmediately: true }
  )

describe("a consumer that chooses its records", () => {
  it.effect("is charged for those, and not for the bodies that they came in", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const open = (accepts?: (event: TelemetryEvent.TelemetryEvent) => boolean) =>
        receiver.open("a", () => 0, { accepts }).queue
      const [all, logs, starts] = [
        open(),
        open(({ type }) => type === "function"),
        open(({ type }) => type !== "function")
      ]
      const bodies = [0, 1, 2].map((n) => [
        start(`request-${n}`),
        log("x".repeat(1000)),
        log("ü"),
        log("y".repeat(2000))
      ])
      for (const body of bodies) deliver(body)
      assert.strictEqual(starts.records, 3)
      assert.isBelow(starts.bytes, 3 * 200)
      assert.isBelow(starts.held, 3 * 1000)
      // What is known without the texts is what the texts take, in all and for each.
      for (const bounds of [
        { maxRecords: 2, maxBytes: Infinity },
        { maxRecords: 9, maxBytes: 3000 }
      ]) {
        for (const queue of [logs, starts]) {
          const taken = queue.take(bounds)
          assert.isAtMost(JSON.stringify(taken).length, bounds.maxBytes)
        }
      }
      for (const queue of [all, logs, starts]) queue.take({ maxRecords: Infinity, maxBytes: Infinity })
      assert.deepStrictEqual(
        [logs, starts].map(({ bytes, held, records }) => [bytes, held, records]),
        [
          [2, 0, 0],
          [2, 0, 0]
        ]
      )
    })
  )
})

describe("events", () => {
  it.effect("several streams each get all, from when they are started", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const early = [yield* reading(receiver), yield* reading(receiver)]
      deliver([log("a"), log("b")])
      const late = yield* reading(receiver)
      deliver([log("c")])
      yield* receiver.close
      for (const fiber of early) assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "b", "c"])
      assert.deepStrictEqual(texts(yield* Fiber.join(late)), ["c"])
    })
  )

  it.effect("a reader that is stuck does not hold another one", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      yield* stuck(receiver)
      const fiber = yield* reading(receiver)
      deliver([log("a")])
      deliver([log("b")])
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "b"])
    })
  )

  it.effect("end at close, and waiting records can still be read", () =>
    Effect.gen(function* () {
      const { deliver, listening, receiver } = yield* receiving()
      const go = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.tap(receiver.events, () => Deferred.await(go))), {
        startImmediately: true
      })
      for (const text of ["a", "b", "c"]) deliver([log(text)])
      yield* receiver.close
      assert.deepStrictEqual(listening, [])
      assert.isUndefined(fiber.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "b", "c"])
    })
  )

  it.effect("a stream that is started after close is empty", () =>
    Effect.gen(function* () {
      const { receiver } = yield* receiving()
      yield* receiver.close
      const fiber = yield* reading(receiver)
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("a record that is delivered twice is given twice", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const fiber = yield* reading(receiver)
      deliver([log("a")])
      deliver([log("a")])
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "a"])
      assert.strictEqual((yield* receiver.accounting).received, 2)
    })
  )

  it.effect("a million records without a reader: the queue stays bounded, and every dropped record is counted", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving({ queue: { maxRecords: 10_000 } })
      yield* stuck(receiver)
      const body = Array.from({ length: 10_000 }, () => log("a line of some length, as a function may print it"))
      const before = memory()
      for (let n = 0; n < 100; n++) deliver(body)
      assert.isBelow(memory() - before, 16 * 1024 * 1024)
      const { consumers, received } = yield* receiver.accounting
      assert.strictEqual(received, 1_000_000)
      assert.deepStrictEqual(consumers, [
        {
          name: "stream",
          offered: 1_000_000,
          delivered: 0,
          droppedByQueue: 989_000,
          droppedBySink: 0,
          // A thousand of them with the reader.
          waiting: 11_000,
          unsent: 0
        }
      ])
    })
  )

  it.effect("records that Lambda cuts in pieces count with all their pieces", () =>
    Effect.gen(function* () {
      const { listening, receiver } = yield* receiving({ queue: { maxBytes: 80_000 } })
      yield* stuck(receiver)
      const piece = "x".repeat(5000)
      const envelope = '[{"time":"T","type":"function","record":'
      for (let n = 0; n < 20; n++) {
        listening[0]?.body(encode(`${envelope}"${piece}}]`))
        listening[0]?.body(encode(`${envelope}${piece}"}]`))
      }
      // The reader has one; three of 10,000 bytes wait, which take twice as much memory.
      assert.deepInclude((yield* receiver.accounting).consumers[0], { offered: 20, waiting: 4, droppedByQueue: 16 })
    })
  )

  it.effect("a record whose rest has not come at close is given as it is, and counted", () =>
    Effect.gen(function* () {
      const { listening, receiver } = yield* receiving()
      const fiber = yield* reading(receiver)
      listening[0]?.body(encode('[{"time":"T","type":"function","record":"the beginning}]'))
      assert.strictEqual((yield* receiver.accounting).received, 0)
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["undecodable"])
      assert.deepInclude(yield* receiver.accounting, { received: 1, undecodable: 1 })
    })
  )

  it.effect("every delivery is an arrival: records, and a body that is too large", () =>
    Effect.gen(function* () {
      const { deliver, listening, receiver } = yield* receiving()
      yield* TestClock.adjust("1 second")
      deliver([log("a")])
      assert.strictEqual(yield* receiver.lastArrival, 1000)
      yield* TestClock.adjust("1 second")
      listening[0]?.tooLarge(9_000_000)
      assert.strictEqual(yield* receiver.lastArrival, 2000)
    })
  )

  it.effect("a reader that stops leaves nothing behind, as often as one starts", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      for (let n = 0; n < 100; n++) {
        const fiber = yield* Effect.forkChild(Stream.runHead(receiver.events), { startImmediately: true })
        deliver([log(`${n}`)])
        assert.isTrue(Option.isSome(yield* Fiber.join(fiber)))
        deliver([log("between")])
      }
      const accounting = yield* receiver.accounting
      assert.deepStrictEqual(
        accounting.consumers.map(({ delivered, name, offered, waiting }) => ({ name, offered, delivered, waiting })),
        [{ name: "stream", offered: 100, delivered: 100, waiting: 0 }]
      )
      assert.strictEqual(accounting.received, 200)
    })
  )

  it.effect("a reader that stops in the middle: the records it was given and those that waited are unsent", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const fiber = yield* stuck(receiver)
      for (const text of ["a", "b", "c"]) deliver([log(text)])
      yield* Fiber.interrupt(fiber)
      const [consumer] = (yield* receiver.accounting).consumers
      assert.deepInclude(consumer, { offered: 3, delivered: 0, waiting: 0, unsent: 3 })
    })
  )
})

describe("TCP", () => {
  it.effect("lines in any cut are records, the last one without its newline too", () =>
    Effect.gen(function* () {
      const { listening, receiver, subscriptions } = yield* receiving({ protocol: "TCP" })
      assert.deepStrictEqual(subscriptions[0]?.destination, { protocol: "TCP", port: 4243 })
      const fiber = yield* reading(receiver)
      const [one, other] = [listening[0]!.connection(), listening[0]!.connection()]
      const line = encode(`${JSON.stringify(log("a"))}\n${JSON.stringify(log("b"))}`)
      one.chunk(line.subarray(0, 30))
      other.chunk(encode(`${JSON.stringify(log("c"))}\n`))
      one.chunk(line.subarray(30))
      one.end()
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["c", "a", "b"])
    })
  )

  it.effect("a run gets the records of its script", () =>
    Effect.gen(function* () {
      const seen: Array<TelemetryEvent.TelemetryEvent> = []
      const sink = TelemetrySink.make({ name: "all", export: ({ events }) => Effect.sync(() => seen.push(...events)) })
      yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, protocol: "TCP", sink }) }))
      assert.deepStrictEqual(texts(seen), ["a", "b", "undecodable", "c"])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          ExtensionTest.shutdown({
            delivers: [
              TelemetryTest.delivery([log("a"), log("b")]),
              TelemetryTest.body(`what is no JSON\n${JSON.stringify(log("c"))}`)
            ]
          })
        ])
      )
    )
  )
})

describe("accounting", () => {
  it.effect("the line and the loss say the same", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving({ queue: { maxRecords: 2 } })
      yield* stuck(receiver)
      deliver([log("a")])
      deliver([log("b"), log("c"), log("d"), 17])
      const accounting = yield* receiver.accounting
      assert.strictEqual(TelemetryAccounting.lost(accounting), 3)
      assert.strictEqual(
        TelemetryAccounting.line(accounting),
        "telemetry: 5 received, 4 decoded, 1 undecodable, 0 dropped by Lambda (0 bytes); " +
          "stream: 0 delivered, 2 dropped by the queue, 0 dropped by the sink, 3 waiting, 0 unsent"
      )
    })
  )
})
