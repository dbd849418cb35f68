/** The figures of bench:memory, and their budgets. */
import { assert, it } from "@effect/vitest"
import type { MemoryLife } from "../src/memory/life.ts"
import { missed, resultOf, toMarkdown } from "../src/memory/report.ts"

const life = (extension: ReadonlyArray<number>, together = 100): MemoryLife => ({
  extension,
  together,
  extensionPeak: Math.max(...extension),
  functionPeak: 80
})
const judged = (label: string, ...lives: ReadonlyArray<MemoryLife>) => missed(resultOf([{ label, lives }]))

it.each([
  { what: "a flat second half", samples: [10, 20, 20, 20], isMet: true },
  { what: "the most that is accepted", samples: [10, 20, 20, 21], isMet: true },
  { what: "growth in the last quarter", samples: [10, 20, 20, 21.1], isMet: false }
])("judges $what", ({ isMet, samples }) => {
  assert.strictEqual(judged("telemetry-ship on LLRT", life(samples)).length === 0, isMet)
})

it("judges both processes together by the memory of the smallest function", () => {
  assert.deepStrictEqual(judged("telemetry-ship on LLRT", life([20, 20, 20, 20], 134.2)), [])
  assert.deepStrictEqual(judged("telemetry-ship on LLRT", life([20, 20, 20, 20], 134.3)), [
    "telemetry-ship on LLRT: more than 128 MB with the function"
  ])
})

it("has no budget for Node, and shows its quarters", () => {
  const samples = Array.from({ length: 100 }, (_, index) => index + 1)
  const rows = resultOf([{ label: "telemetry-ship, ready", lives: [life(samples, 190)] }])
  assert.deepStrictEqual(missed(rows), [])
  const options = { rounds: 1, size: 100, seed: 1, against: undefined, check: false, write: false }
  assert.include(toMarkdown(rows, options, []), "| telemetry-ship, ready | 25.0 | 50.0 | 75.0 | 100.0 | 1.33x |")
})
