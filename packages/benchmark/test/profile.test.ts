import { assert, it } from "@effect/vitest"
import { moduleAt, type Profile, timeByPart } from "../src/profile/parts.ts"

const sources = new Map([[2, "packages/one.ts"]])
const of = (line: number) => sources.get(line) ?? ""

it("knows the module of a place in a bundle", () => {
  // The second line comes from one.ts, from its first column on.
  const map = { version: 3, sources: ["packages/one.ts"], names: [], mappings: ";AAAA" }
  const at = moduleAt(JSON.stringify(map))
  assert.strictEqual(at(1, 5), "packages/one.ts")
  assert.strictEqual(at(0, 0), "")
})

const node = (id: number, functionName: string, url: string, lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber, columnNumber: 0 }
})

const profile: Profile = {
  nodes: [
    node(1, "(idle)", ""),
    node(2, "(garbage collector)", ""),
    node(3, "read", "node:net"),
    node(4, "b", "file:///bundle.cjs", 2),
    node(5, "c", "file:///bundle.cjs", 4)
  ],
  startTime: 1000,
  // At 1010, 1030, 1060, 1100, 1150, 1210 and 1280 microseconds.
  samples: [4, 2, 3, 1, 4, 5, 4],
  timeDeltas: [10, 20, 30, 40, 50, 60, 70]
}

const parts = [
  { label: "collecting", is: /\(garbage collector\)$/ },
  { label: "sockets", is: /^node:/ },
  { label: "one", is: /^packages\/one\.ts / },
  { label: "never", is: /^packages\// }
]

it("gives the time of a sample until the next one to the first part that matches it", () => {
  const times = timeByPart(profile, of, parts, { from: 0, to: Infinity })
  assert.deepStrictEqual(Object.fromEntries(times), { collecting: 30, sockets: 40, one: 20 + 60, never: 0, other: 70 })
})

it("leaves out what lies before and after the two moments", () => {
  const times = timeByPart(profile, of, parts, { from: 1020, to: 1200 })
  assert.deepStrictEqual(Object.fromEntries(times), { collecting: 30, sockets: 40, one: 60, never: 0, other: 0 })
})
