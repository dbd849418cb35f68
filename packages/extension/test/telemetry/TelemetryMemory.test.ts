/** Records that wait are bounded in memory, whatever they hold: the bytes that are left after a collection of garbage. */
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cpuMillis, memory, types } from "../support.ts"
import * as receivers from "../../src/telemetry/internal/receive/receiver.ts"

const MiB = 2 ** 20

/** A receiver with records that no consumer takes. */
const filling = Effect.fnUntraced(function* (
  options: Partial<TelemetrySubscription.ReceiverOptions> = {},
  accepts?: (event: TelemetryEvent.TelemetryEvent) => boolean
) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const receiver = yield* receivers.make({ types, ...options }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (_, deliveries) =>
        Effect.sync(() => {
          listening.push(deliveries)
          return { port: 4243 }
        })
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, { subscribe: () => Effect.die("not asked for") })
  )
  const { queue } = receiver.open("nobody", ({ records }) => records, { accepts })
  const encoder = new TextEncoder()
  return { queue, deliver: (body: string) => listening[0]?.body(encoder.encode(body)) }
})

const log = (record: string) => `{"time":"2026-01-01T00:00:00.000Z","type":"function","record":${record}}`
const many = (count: number, item: (index: number) => string) =>
  Array.from({ length: count }, (_, n) => item(n)).join(",")
const nested = (levels: number) => log("[".repeat(levels) + "]".repeat(levels))

describe("a queue", () => {
  it.effect("full of {} takes less than its 32 MiB", () =>
    Effect.gen(function* () {
      const { deliver, queue } = yield* filling()
      const before = memory()
      for (let n = 0; n < 60; n++) deliver(`[${many(1000, () => "{}")}]`)
      assert.strictEqual(queue.records, 50_000)
      assert.isBelow(memory() - before, 32 * MiB)
    })
  )

  // The memory of V8 is measured, so the count has some play; see `heldBytes`.
  it.effect.each<[string, (index: number) => string, number]>([
    ["lines", (index) => log(`"${index} some words of a line that a function may print"`), 1.3],
    ["long lines", (index) => log(`"${index}${"x".repeat(5000)}"`), 1.3],
    ["JSON logs", (index) => log(`{"level":"INFO","message":"number ${index}","n":${index}.5,"of":{"a":[1,2]}}`), 1.3],
    ["empty objects", () => log(`[${many(100, () => "{}")}]`), 2.1],
    ["short texts", (index) => log(`[${many(100, (n) => `"s${index}${n}"`)}]`), 1.6],
    ["fractions", (index) => log(`["",${many(100, () => `${index}.5`)}]`), 2.1],
    ["names that are all different", (index) => log(`{${many(30, (n) => `"k${index}_${n}":1`)}}`), 2.6],
    ["characters of two bytes", (index) => log(`"${index} 😀${"x".repeat(300)}"`), 2.1],
    ["numbers that are no records", (index) => String(index), 1.3]
  ])("full of %s takes its 8 MiB, give or take", ([, item, times]) =>
    Effect.gen(function* () {
      const { deliver, queue } = yield* filling({ queue: { maxBytes: 8 * MiB } })
      // V8 has to know the shapes.
      deliver(`[${many(10, item)}]`)
      queue.take({ maxRecords: 10, maxBytes: MiB })
      const before = memory()
      for (let n = 0; queue.refused === 0; n++) deliver(`[${many(1000, (index) => item(1000 * n + index))}]`)
      assert.isAtLeast(queue.held, 7.9 * MiB)
      assert.isBelow(memory() - before, times * 8 * MiB)
    })
  )

  it.effect("of a consumer that chooses does not keep the bodies of the few records that it took", () =>
    Effect.gen(function* () {
      const start = (n: number) =>
        `{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"é${n}"}}`
      const body = (n: number) => `[${many(500, () => log(`"${"x".repeat(500)}"`))},${start(n)} ,${log('"last"')}]`
      const { deliver, queue } = yield* filling({}, ({ type }) => type === "platform.start")
      deliver(body(0))
      const before = memory()
      for (let n = 1; n < 200; n++) deliver(body(n))
      assert.isBelow(memory() - before, MiB)
      assert.isBelow(queue.held, MiB)
      assert.deepStrictEqual(
        queue.take({ maxRecords: 200, maxBytes: MiB }).map(TelemetryEvent.toJson),
        Array.from({ length: 200 }, (_, n) => start(n))
      )
    })
  )

  it.effect("full of records that are nested 10,000 deep takes its 32 MiB, give or take", () =>
    Effect.gen(function* () {
      const { deliver, queue } = yield* filling()
      const before = memory()
      for (let n = 0; n < 2000; n++) deliver(`[${nested(10_000)},${log("1")}]`)
      assert.isBelow(memory() - before, 1.3 * 32 * MiB)
      assert.isAbove(queue.records, 500)
      const [deep, neighbour] = queue.take({ maxRecords: 2, maxBytes: MiB })
      assert.deepInclude(deep, {
        type: "undecodable",
        reason: "nested deeper than 1000 levels",
        original: nested(10_000)
      })
      assert.deepInclude(neighbour, { type: "function", record: 1 })
    })
  )
})

describe("depth costs time by its length only", () => {
  /** In milliseconds, the shortest of three. */
  const took = (run: () => void) => Math.min(...[1, 2, 3].map(() => cpuMillis(run)))

  it.effect.each([
    ["a cut record", (levels: number) => [`${log("[".repeat(levels)).slice(0, -1)}}]`]],
    [
      "a cut record in pieces",
      (levels: number) => {
        const start = log("").slice(0, -1)
        return Array.from({ length: 100 }, () => `${start}${"[".repeat(levels / 100)}}]`)
      }
    ],
    ["a record that does not end", (levels: number) => [log('{"a":['.repeat(levels / 6))]]
  ] as const)("of %s", ([, bodiesOf]) =>
    Effect.gen(function* () {
      const { deliver } = yield* filling()
      const tookFor = (levels: number) => {
        const bodies = bodiesOf(levels)
        return took(() => {
          for (const body of bodies) deliver(`[${body}`)
        })
      }
      tookFor(MiB)
      // Four times as long, and much longer only if what is open were copied for each level.
      assert.isBelow(tookFor(4 * MiB), 16 * tookFor(MiB) + 100)
    })
  )
})
