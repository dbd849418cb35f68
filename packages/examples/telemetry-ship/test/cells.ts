/** The promises of each cell of the matrix, as tests. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Cell, cells, invocationsOf, linesEach, type Result, run } from "./matrix.ts"

/** @param make gives the file that starts the extension */
export const promise = (make: () => Promise<string>): void => {
  const results = new Map<Cell, Result>()

  const resultOf = (cell: Cell) => {
    const result = results.get(cell)
    assert.isDefined(result)
    return result
  }

  // They wait more than they compute, so a few at a time.
  beforeAll(
    () =>
      make().then((program) =>
        Effect.runPromise(
          Effect.forEach(cells, (cell) => Effect.map(run(cell, program), (result) => void results.set(cell, result)), {
            concurrency: 3,
            discard: true
          })
        )
      ),
    300_000
  )

  describe.each(cells)("$strategy, a sink that is $sink", (cell) => {
    it("holds no invocation past its budget, and the extension ends by itself", () => {
      const { exited, messages, statuses } = resultOf(cell)
      assert.deepStrictEqual([...new Set(statuses)], ["success"], messages.join("\n"))
      assert.deepInclude(exited, { state: "Exited", status: { _tag: "Code", code: 0 } })
    })

    it("has counters that add up", () => {
      const { accounting, lines } = resultOf(cell)
      assert.isDefined(accounting)
      assert.strictEqual(accounting.received, accounting.decoded + accounting.undecodable)
      const { delivered, droppedByQueue, droppedBySink, offered, unsent, waiting } = accounting.consumers[0]!
      assert.strictEqual(offered, accounting.received)
      assert.strictEqual(offered, delivered + droppedByQueue + droppedBySink + waiting + unsent)
      assert.isAtLeast(delivered, lines)
    })
  })

  describe.each(cells.filter(({ sink }) => sink !== "hanging"))("$strategy, a sink that is $sink", (cell) => {
    it("loses nothing", () => {
      const { accounting, lines } = resultOf(cell)
      assert.strictEqual(lines, invocationsOf(cell.strategy) * linesEach)
      assert.strictEqual(accounting?.consumers[0]?.delivered, accounting?.received)
    })
  })

  describe.each(cells.filter(({ sink }) => sink === "hanging"))("$strategy, a sink that is $sink", (cell) => {
    it("says which records could not be sent", () => {
      const { accounting, lines } = resultOf(cell)
      assert.strictEqual(lines, 0)
      assert.strictEqual(accounting?.consumers[0]?.unsent, accounting?.received)
    })
  })
}
