/** The queue of one consumer, against a plain array, under random offers, takes and ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Queue } from "../src/internal/queue.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const Bounds = Schema.Struct({ maxRecords: integer(1, 50), maxBytes: integer(1, 1000) })

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Offer"), records: integer(0, 30), bytes: integer(0, 600) }),
  Schema.Struct({ _tag: Schema.tag("Take"), bounds: Bounds })
])
const Steps = Schema.Array(Step)

const names = (events: ReturnType<Queue["take"]>["events"]) =>
  events.map((event) => (event.type === "function" ? event.record : event.type))

/** Offers records that carry a running number; says which were accepted. */
const offering = (queue: Queue) => {
  let offered = 0
  return (records: number, bytes: number, at = 0) => {
    const numbers = Array.from({ length: records }, () => String(offered++))
    const refused = queue.offer(
      numbers.map((record) => ({ time: "t", type: "function", record })),
      bytes,
      at
    )
    return { refused, accepted: numbers.slice(0, records - refused) }
  }
}

describe("queue", () => {
  it.prop(
    "stays within its bounds, keeps the order, loses nothing and doubles nothing",
    [Bounds, Steps],
    ([bounds, steps]) => {
      const queue = new Queue(bounds)
      const offer = offering(queue)
      const accepted: Array<string> = []
      const taken: Array<unknown> = []
      let offered = 0
      let refusedInAll = 0
      for (const step of steps) {
        if (step._tag === "Offer") {
          const { accepted: numbers, refused } = offer(step.records, step.bytes)
          const wasBytes = queue.bytes - (numbers.length * step.bytes) / Math.max(1, step.records)
          accepted.push(...numbers)
          offered += step.records
          refusedInAll += refused
          if (refused > 0) {
            // One more would not have fitted.
            const each = step.bytes / step.records
            assert.isTrue(
              queue.records === bounds.maxRecords || queue.bytes + each > bounds.maxBytes - 1e-6,
              "refused in vain"
            )
            assert.isAtLeast(wasBytes, -1e-6)
          }
        } else {
          const before = queue.records
          const { bytes, events } = queue.take(step.bounds)
          taken.push(...names(events))
          assert.isTrue(events.length > 0 || before === 0, "gives one where one waits")
          if (events.length > 1) {
            assert.isAtMost(events.length, step.bounds.maxRecords)
            assert.isAtMost(bytes, step.bounds.maxBytes + 0.5)
          }
        }
        assert.isAtMost(queue.records, bounds.maxRecords)
        assert.isAtMost(queue.bytes, bounds.maxBytes + 1e-6)
        assert.isAtLeast(queue.bytes, -1e-6)
        assert.strictEqual(offered, taken.length + refusedInAll + queue.records)
        assert.deepStrictEqual(taken, accepted.slice(0, taken.length))
      }
      taken.push(...names(queue.take({ maxRecords: Infinity, maxBytes: Infinity }).events))
      assert.deepStrictEqual(taken, accepted)
      assert.deepStrictEqual([queue.records, queue.bytes, queue.oldestAt], [0, 0, undefined])
    }
  )

  it.prop("says when the oldest that waits came", [Schema.Array(integer(1, 9)), integer(0, 60)], ([sizes, taken]) => {
    const queue = new Queue({ maxRecords: 1000, maxBytes: 1000 })
    const offer = offering(queue)
    const cameAt = sizes.flatMap((records, at) => {
      offer(records, 0, at)
      return Array.from({ length: records }, () => at)
    })
    if (taken > 0) queue.take({ maxRecords: taken, maxBytes: 1000 })
    assert.strictEqual(queue.oldestAt, cameAt[taken])
  })

  it("refuses everything once it has ended, and what waits can still be taken", () => {
    const queue = new Queue({ maxRecords: 10, maxBytes: 10 })
    const offer = offering(queue)
    offer(2, 2)
    queue.end()
    assert.strictEqual(offer(3, 3).refused, 3)
    assert.deepStrictEqual(names(queue.take({ maxRecords: 9, maxBytes: 9 }).events), ["0", "1"])
    assert.isTrue(queue.isEnded)
  })

  it("a record larger than the whole queue is refused", () => {
    const queue = new Queue({ maxRecords: 10, maxBytes: 10 })
    assert.strictEqual(offering(queue)(1, 11).refused, 1)
  })

  it.effect.prop(
    "whoever waits goes on at once when its condition holds, and not before",
    [Bounds, Steps, integer(0, 20)],
    ([bounds, steps, wanted]) =>
      Effect.gen(function* () {
        const queue = new Queue(bounds)
        const offer = offering(queue)
        const holds = () => queue.records >= wanted
        const other = yield* Effect.forkChild(
          queue.when(() => false),
          { startImmediately: true }
        )
        const fiber = yield* Effect.forkChild(queue.when(holds), { startImmediately: true })
        let hasHeld = holds()
        for (const step of steps) {
          assert.strictEqual(fiber.pollUnsafe() !== undefined, hasHeld)
          if (step._tag === "Offer") offer(step.records, step.bytes)
          else queue.take(step.bounds)
          hasHeld ||= holds()
        }
        assert.strictEqual(fiber.pollUnsafe() !== undefined, hasHeld)
        assert.isUndefined(other.pollUnsafe())
      })
  )

  it.effect("the end wakes whoever waits for it", () =>
    Effect.gen(function* () {
      const queue = new Queue({ maxRecords: 1, maxBytes: 1 })
      const fiber = yield* Effect.forkChild(
        queue.when(() => queue.isEnded),
        { startImmediately: true }
      )
      queue.end()
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("whoever was interrupted is not asked any more", () =>
    Effect.gen(function* () {
      const queue = new Queue({ maxRecords: 10, maxBytes: 10 })
      let asked = 0
      const fiber = yield* Effect.forkChild(
        queue.when(() => {
          asked++
          return false
        }),
        { startImmediately: true }
      )
      fiber.interruptUnsafe()
      offering(queue)(1, 1)
      assert.strictEqual(asked, 1)
    })
  )
})
