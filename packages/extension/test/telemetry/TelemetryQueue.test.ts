/** The queue of one consumer, against a plain array, under random offers, takes and ends. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Queue } from "../../src/telemetry/internal/delivery/queue.ts"
import { measured } from "../../src/telemetry/internal/record/encoding.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The bounds of a batch; records of this test are 45 bytes and more. */
const Bounds = Schema.Struct({ maxRecords: integer(1, 50), maxBytes: integer(1, 1000) })
/** The bounds of the queue; a record takes some hundred bytes besides its text. */
const QueueBounds = Schema.Struct({ maxRecords: integer(1, 50), maxBytes: integer(1, 10_000) })

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Offer"), lengths: Schema.Array(integer(0, 600)) }),
  Schema.Struct({ _tag: Schema.tag("Take"), bounds: Bounds })
])
const Steps = Schema.Array(Step)

const everything = { maxRecords: Infinity, maxBytes: Infinity }

const names = (events: ReturnType<Queue["take"]>) =>
  events.map((event) => (event.type === "function" ? String(event.record).trim() : event.type))

const logOf = (record: string) => ({ time: "t", type: "function" as const, record })

/** Offers records that carry a running number, each with so many characters more; says which were accepted. */
const offering = (queue: Queue) => {
  let offered = 0
  return (lengths: ReadonlyArray<number>, at = 0) => {
    const numbers = lengths.map(() => String(offered++))
    const refused = queue.offer(
      lengths.map((length, index) => logOf(numbers[index] + " ".repeat(length))),
      at
    )
    return { refused, accepted: numbers.slice(0, lengths.length - refused) }
  }
}

/** The longer one of the two bodies a sink makes of records. */
const bodyOf = (events: ReturnType<Queue["take"]>) => JSON.stringify(events).length

/** Takes a batch. Only a record alone may be longer than the bounds. */
const takeWithin = (queue: Queue, bounds: typeof Bounds.Type) => {
  const events = queue.take(bounds)
  if (events.length > 1) {
    assert.isAtMost(events.length, bounds.maxRecords)
    assert.isAtMost(bodyOf(events), bounds.maxBytes)
  }
  return events
}

describe("queue", () => {
  it.prop(
    "stays within its bounds, keeps the order, loses nothing and doubles nothing",
    [QueueBounds, Steps],
    ([bounds, steps]) => {
      const queue = new Queue(bounds)
      const offer = offering(queue)
      const accepted: Array<string> = []
      const taken: Array<unknown> = []
      let offered = 0
      let refusedInAll = 0
      for (const step of steps) {
        if (step._tag === "Offer") {
          const { accepted: numbers, refused } = offer(step.lengths)
          accepted.push(...numbers)
          offered += step.lengths.length
          refusedInAll += refused
          if (refused > 0) {
            // The next one would not have fitted.
            const next = measured(logOf(numbers.length + " ".repeat(step.lengths[numbers.length] ?? 0))).held
            assert.isTrue(
              queue.records === bounds.maxRecords || queue.held + next + 3 > bounds.maxBytes,
              "refused in vain"
            )
          }
        } else {
          const before = queue.records
          const events = takeWithin(queue, step.bounds)
          taken.push(...names(events))
          assert.isTrue(events.length > 0 || before === 0, "gives one where one waits")
        }
        assert.isAtMost(queue.records, bounds.maxRecords)
        assert.isAtMost(queue.held, bounds.maxBytes)
        assert.strictEqual(offered, taken.length + refusedInAll + queue.records)
        assert.deepStrictEqual(taken, accepted.slice(0, taken.length))
      }
      assert.isAtLeast(queue.held, queue.bytes - 2)
      const rest = queue.take({ ...everything, maxBytes: queue.bytes })
      taken.push(...names(rest))
      assert.deepStrictEqual(taken, accepted)
      assert.deepStrictEqual([queue.records, queue.bytes, queue.held, queue.oldestAt], [0, 2, 0, undefined])
    }
  )

  it.prop(
    "stays within its bounds with bodies that are not measured, and measures only what it must",
    [QueueBounds, Steps],
    ([bounds, steps]) => {
      const queue = new Queue(bounds)
      let offered = 0
      const accepted: Array<string> = []
      const taken: Array<unknown> = []
      for (const step of steps) {
        if (step._tag === "Offer") {
          const events = step.lengths.map((length) => logOf(`${offered++}${" ".repeat(length)}`))
          const sizes = {
            bytes: events.map((event) => measured(event).bytes),
            held: events.map((event) => measured(event).held)
          }
          const sum = (each: ReadonlyArray<number>) => each.reduce((all, one) => all + one, 0)
          // Some records of the body were not taken.
          const most = { bytes: sum(sizes.bytes) + events.length + 500, held: sum(sizes.held) + 1000 }
          const refused = queue.offer(events, 0, { whole: { most, body: { sizes: () => sizes } } })
          accepted.push(...names(events.slice(0, events.length - refused)))
        } else {
          const events = takeWithin(queue, step.bounds)
          taken.push(...names(events))
        }
        assert.isAtMost(queue.records, bounds.maxRecords)
        assert.isAtMost(queue.held, bounds.maxBytes)
        assert.deepStrictEqual(taken, accepted.slice(0, taken.length))
        assert.strictEqual(queue.records, accepted.length - taken.length)
      }
      taken.push(...names(queue.take(everything)))
      assert.deepStrictEqual(taken, accepted)
      assert.deepStrictEqual([queue.records, queue.bytes, queue.held, queue.oldestAt], [0, 2, 0, undefined])
    }
  )

  it("a body that leaves in batches of records is never measured", () => {
    const queue = new Queue({ maxRecords: 100, maxBytes: 100_000 })
    const whole = { most: { bytes: 300, held: 900 }, body: { sizes: () => assert.fail("it was measured") } }
    const batches: Array<ReadonlyArray<string>> = []
    queue.offer(["0", "1", "2"].map(logOf), 0, { whole })
    queue.offer(["3", "4", "5"].map(logOf), 0, { whole })
    while (queue.records > 0) batches.push(names(queue.take({ maxRecords: 2, maxBytes: 700 })))
    assert.deepStrictEqual(batches, [
      ["0", "1"],
      ["2", "3"],
      ["4", "5"]
    ])
    assert.deepStrictEqual([queue.bytes, queue.held], [2, 0])
  })

  it("a long record costs no short one its place in a batch", () => {
    const queue = new Queue({ maxRecords: 10_000, maxBytes: 10_000_000 })
    const offer = offering(queue)
    offer([...Array.from({ length: 100 }, () => 0), 90_000, ...Array.from({ length: 100 }, () => 0)])
    const sizes: Array<number> = []
    while (queue.records > 0) sizes.push(queue.take({ maxRecords: 1000, maxBytes: 10_000 }).length)
    assert.deepStrictEqual(sizes, [100, 1, 100])
  })

  it.prop("says when the oldest that waits came", [Schema.Array(integer(1, 9)), integer(0, 60)], ([sizes, taken]) => {
    const queue = new Queue({ maxRecords: 1000, maxBytes: 1_000_000 })
    const offer = offering(queue)
    const cameAt = sizes.flatMap((records, at) => {
      offer(
        Array.from({ length: records }, () => 0),
        at
      )
      return Array.from({ length: records }, () => at)
    })
    if (taken > 0) queue.take({ maxRecords: taken, maxBytes: Infinity })
    assert.strictEqual(queue.oldestAt, cameAt[taken])
  })

  it("refuses everything once it has ended, and waiting records can still be taken", () => {
    const queue = new Queue({ maxRecords: 10, maxBytes: 10_000 })
    const offer = offering(queue)
    offer([0, 0])
    queue.end()
    assert.strictEqual(offer([0, 0, 0]).refused, 3)
    assert.deepStrictEqual(names(queue.take(everything)), ["0", "1"])
    assert.isTrue(queue.isEnded)
  })

  it("a record larger than the whole queue is refused", () => {
    const queue = new Queue({ maxRecords: 10, maxBytes: 1000 })
    assert.strictEqual(offering(queue)([1000]).refused, 1)
  })

  it.effect.prop(
    "a waiting fiber goes on at once when its condition holds, and not before",
    [QueueBounds, Steps, integer(0, 20)],
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
          if (step._tag === "Offer") offer(step.lengths)
          else queue.take(step.bounds)
          hasHeld ||= holds()
        }
        assert.strictEqual(fiber.pollUnsafe() !== undefined, hasHeld)
        assert.isUndefined(other.pollUnsafe())
      })
  )

  it.effect("the end wakes every fiber that waits for it", () =>
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

  it.effect("a fiber that was interrupted is not asked any more", () =>
    Effect.gen(function* () {
      const queue = new Queue({ maxRecords: 10, maxBytes: 10_000 })
      let asked = 0
      const fiber = yield* Effect.forkChild(
        queue.when(() => {
          asked++
          return false
        }),
        { startImmediately: true }
      )
      fiber.interruptUnsafe()
      offering(queue)([1])
      assert.strictEqual(asked, 1)
    })
  )
})
