/** A subscription in time: batches, back-off, freeze, slow listeners. The listener is a function, the clock a test's. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as TestClock from "effect/testing/TestClock"
import { parcelOf } from "../src/internal/fault/Deliveries.ts"
import type { Batch } from "../src/internal/telemetry/Batcher.ts"
import * as Gate from "../src/internal/telemetry/Gate.ts"
import * as ManagedSubscriber from "../src/internal/telemetry/lmi/Subscriber.ts"
import { DeliveryFailed } from "../src/internal/telemetry/Sender.ts"
import type { Lost, SubscriberOptions } from "../src/internal/telemetry/Subscriber.ts"
import * as Subscriber from "../src/internal/telemetry/Subscriber.ts"
import type { TelemetryEvent } from "../src/internal/telemetry/TelemetryEvent.ts"

type Answer = Effect.Effect<number, DeliveryFailed>

const ok: Answer = Effect.succeed(200)
const refused: Answer = Effect.fail(new DeliveryFailed({ problem: "refused" }))
const later = (ms: number): Answer => Effect.delay(ok, ms)

const line = (text: string): TelemetryEvent => ({ at: 0, type: "function", text, json: undefined })
const report: TelemetryEvent = { at: 0, type: "platform.end", requestId: "r" }

/** A subscription whose listener gives these answers, one after another, then the last one again. */
const world = Effect.fnUntraced(function* (profile: "real" | "lmi", answers: ReadonlyArray<Answer>) {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const runTimer = yield* FiberHandle.makeRuntime<never>()
  const gate = Gate.make()
  /** The records that were sent, and the time of each. */
  const sent: Array<readonly [number, ReadonlyArray<string>]> = []
  const lost: Array<Lost> = []
  const delivered: Array<Batch> = []
  let count = 0
  const shared: Omit<SubscriberOptions, "gate" | "now"> = {
    subscription: {
      api: "telemetry",
      schemaVersion: "2025-01-29",
      types: ["platform", "function"],
      maxItems: 1000,
      maxBytes: 262_144,
      timeoutMs: 50,
      destination: { protocol: "HTTP", host: "sandbox", port: 1, path: "/", method: "POST" }
    },
    sender: {
      isAnswered: true,
      close: () => {},
      send: (batch) =>
        Effect.suspend(() => {
          const texts = batch.items.map((item) => {
            const { record } = JSON.parse(String(item))
            return typeof record === "string" ? record : `dropped ${record.droppedRecords}`
          })
          sent.push([now(), texts])
          return answers[Math.min(count++, answers.length - 1)] ?? ok
        })
    },
    runTimer: (timer) => void runTimer(timer),
    parcelsOf: (batch) => [parcelOf(batch)],
    onDelivered: (batch) => delivered.push(batch),
    onFailed: () => {},
    onLost: (some) => lost.push(some)
  }
  const subscriber = profile === "lmi" ? ManagedSubscriber.make(shared) : Subscriber.make({ ...shared, gate, now })
  yield* Effect.forkScoped(subscriber.deliver, { startImmediately: true })
  return { subscriber, gate, sent, lost, delivered }
})

describe("the real service", () => {
  it.effect("sends a batch when the time of its first event has passed, the next batch after its own time", () =>
    Effect.gen(function* () {
      const { sent, subscriber } = yield* world("real", [ok])
      subscriber.offer(line("a"))
      yield* TestClock.adjust(49)
      subscriber.offer(line("b"))
      assert.deepStrictEqual(sent, [])
      yield* TestClock.adjust(1)
      subscriber.offer(line("c"))
      yield* TestClock.adjust(50)
      assert.deepStrictEqual(sent, [
        [50, ["a", "b"]],
        [100, ["c"]]
      ])
    })
  )

  it.effect("sends a full batch at once; the events after it have a new time limit", () =>
    Effect.gen(function* () {
      const { sent, subscriber } = yield* world("real", [ok])
      for (let number = 0; number < 1001; number++) subscriber.offer(line("x"))
      yield* TestClock.adjust(49)
      assert.deepStrictEqual(
        sent.map(([at, texts]) => [at, texts.length]),
        [[0, 1000]]
      )
      yield* TestClock.adjust(1)
      assert.strictEqual(sent.length, 2)
    })
  )

  it.effect("tries again after 100 ms, doubled up to a second, and keeps the order", () =>
    Effect.gen(function* () {
      const { sent, subscriber } = yield* world("real", [...Array<Answer>(6).fill(refused), ok])
      subscriber.offer(line("a"))
      yield* TestClock.adjust(50)
      subscriber.offer(line("b"))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(
        sent.map(([at, texts]) => `${at - 50} ${texts.join("")}`),
        ["0 a", "100 a", "300 a", "700 a", "1500 a", "2500 a", "3500 a", "3500 b"]
      )
    })
  )

  it.effect("holds everything while nothing runs; time does not count", () =>
    Effect.gen(function* () {
      const { gate, sent, subscriber } = yield* world("real", [refused, later(4000), ok])
      subscriber.offer(line("a"))
      gate.hold()
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(sent, [])
      gate.release()
      yield* TestClock.adjust(1)
      assert.strictEqual(sent.length, 1)
      // The freeze falls into the back-off; after the thaw the back-off begins again.
      gate.hold()
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(sent.length, 1)
      gate.release()
      yield* TestClock.adjust(1)
      assert.strictEqual(sent.length, 2)
      // The freeze falls into an answer that takes four seconds of five; the delivery is not given up for that.
      yield* TestClock.adjust(3000)
      gate.hold()
      yield* TestClock.adjust("1 hour")
      gate.release()
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(sent.length, 2)
    })
  )

  it.effect("a freeze in a back-off ends it: after the thaw it tries at once, and from 100 ms on again", () =>
    Effect.gen(function* () {
      const { gate, sent, subscriber } = yield* world("real", [refused, refused, refused, ok])
      subscriber.offer(line("a"))
      yield* TestClock.adjust(200)
      gate.hold()
      yield* TestClock.adjust(10)
      gate.release()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        sent.map(([at]) => at),
        [50, 150, 210, 310]
      )
    })
  )

  it.effect("gives up an answer after five seconds and sends again", () =>
    Effect.gen(function* () {
      const { delivered, sent, subscriber } = yield* world("real", [Effect.never, ok])
      subscriber.offer(line("a"))
      yield* TestClock.adjust(50 + 5000 + 100)
      assert.deepStrictEqual(
        sent.map(([at]) => at),
        [50, 5150]
      )
      assert.strictEqual(delivered.length, 1)
    })
  )

  it.effect("a listener that is too slow loses the events beyond the bound, and hears how many they were", () =>
    Effect.gen(function* () {
      const { lost, sent, subscriber } = yield* world("real", [later(4000), ok])
      const text = "x".repeat(200_000)
      for (let number = 0; number < 100; number++) subscriber.offer(line(text))
      yield* TestClock.adjust("1 minute")
      const records = lost.reduce((sum, some) => sum + some.records, 0)
      const kept = Math.floor(Subscriber.maxPendingBytes / (200_000 + 70))
      assert.strictEqual(100 - records, kept)
      assert.deepStrictEqual(
        lost.map(({ reason }) => reason),
        [Subscriber.slowConsumer]
      )
      assert.strictEqual(sent.flatMap(([, texts]) => texts).filter((some) => some === text).length, kept)
      assert.deepStrictEqual(sent.at(-1)?.[1], [`dropped ${records}`])
    })
  )

  it.effect("at the end it says which events never arrived", () =>
    Effect.gen(function* () {
      const { lost, subscriber } = yield* world("real", [refused])
      subscriber.offer(line("a"))
      yield* TestClock.adjust(200)
      subscriber.offer(line("b"))
      subscriber.end()
      assert.deepStrictEqual(
        lost.map(({ records, reason }) => [records, reason]),
        [[2, "the environment ended before it was delivered"]]
      )
    })
  )

  it.effect("takes only events that were subscribed to and that its version has", () =>
    Effect.gen(function* () {
      const { sent, subscriber } = yield* world("real", [ok])
      subscriber.offer({ at: 0, type: "extension", text: "a", json: undefined })
      subscriber.offer(report)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(sent, [])
    })
  )
})

describe("a managed instance", () => {
  it.effect("does not try again, and tells of the loss", () =>
    Effect.gen(function* () {
      const { lost, sent, subscriber } = yield* world("lmi", [refused, ok])
      subscriber.offer(line("a"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        lost.map(({ records, reason }) => [records, reason]),
        [[1, "could not send events: refused"]]
      )
      assert.strictEqual(sent.length, 1)
    })
  )

  it.effect("loses a batch that is full while another is on its way; a batch whose time has passed waits", () =>
    Effect.gen(function* () {
      const { lost, sent, subscriber } = yield* world("lmi", [later(1000), ok])
      subscriber.offer(line("a"))
      yield* TestClock.adjust(50)
      for (let number = 0; number < 1000; number++) subscriber.offer(line("lost"))
      subscriber.offer(line("b"))
      yield* TestClock.adjust(500)
      subscriber.offer(line("c"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        lost.map(({ records, reason }) => [records, reason]),
        [[1000, "Some logs were dropped because the downstream consumer is slower than the logs production rate"]]
      )
      assert.deepStrictEqual(sent, [
        [50, ["a"]],
        [1050, ["b", "c"]]
      ])
    })
  )
})
