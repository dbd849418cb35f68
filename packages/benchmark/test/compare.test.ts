import { assert, describe, it } from "@effect/vitest"
import { compare, versusText } from "../src/compare.ts"
import { interleave, orders } from "../src/interleave.ts"
import { show, showRatio, summarize } from "../src/summary.ts"

const figure = (label: string, ...values: ReadonlyArray<number>) => ({ label, unit: "ms", digits: 1, values })
const here = { folder: "/work/here", name: "abc1234 with changes" }
const against = { folder: "/work/other", name: "def5678" }

describe("the order of the rounds", () => {
  it("puts each of two programs first equally often, whatever the seed", () => {
    for (const seed of [1, 2, 3, 4]) {
      const first = orders(["a", "b"], 20, seed).filter(([subject]) => subject === "a")
      assert.strictEqual(first.length, 10)
    }
  })

  it("is the same for the same seed, and another one for another seed", () => {
    const subjects = ["a", "b", "c", "d", "e", "f"]
    assert.deepStrictEqual(orders(subjects, 9, 7), orders(subjects, 9, 7))
    assert.notDeepEqual(orders(subjects, 9, 7), orders(subjects, 9, 8))
    assert.strictEqual(orders(subjects, 9, 7).length, 9)
  })

  it("changes which subject comes after which", () => {
    const before = orders(["a", "b", "c", "d"], 20, 1).map((order) => order[order.indexOf("d") - 1])
    assert.deepStrictEqual(new Set(before), new Set(["a", "b", "c", undefined]))
  })

  it("measures every program once per round", async () => {
    let round = 0
    const figures = await interleave(["a", "b"], 4, 1, (subject) =>
      Promise.resolve(`${subject}${Math.floor(round++ / 2)}`)
    )
    assert.deepStrictEqual(figures.get("a"), ["a0", "a1", "a2", "a3"])
    assert.deepStrictEqual(figures.get("b"), ["b0", "b1", "b2", "b3"])
  })
})

it.each([
  { values: [3, 1, 2], median: 2, low: 1.5, high: 2.5 },
  { values: [4, 1, 3, 2], median: 2.5, low: 1.75, high: 3.25 },
  { values: [5], median: 5, low: 5, high: 5 },
  { values: [1, 1, 1, 1, 100], median: 1, low: 1, high: 1 }
])("the median and the middle half of $values", ({ values, ...summary }) => {
  assert.deepStrictEqual(summarize(values), summary)
})

describe("the ratio of two programs", () => {
  it("is taken round by round, so that a slow round is not in it", () => {
    // The machine had a third of its speed in the second round: medians alone would make the ratio 30 / 20.
    const [row] = compare([figure("start", 10, 30, 31)], [figure("start", 20, 60, 15)])
    assert.strictEqual(row?.ratio.median, 0.5)
    assert.strictEqual(row?.of.median, 30)
    assert.strictEqual(row?.to.median, 20)
  })

  it("leaves out a figure that the other program does not have", () => {
    const rows = compare([figure("bundle", 1), figure("start", 2)], [figure("start", 4)])
    assert.deepStrictEqual(
      rows.map(({ label, ratio }) => [label, ratio.median]),
      [["start", 0.5]]
    )
  })
})

it("shows a spread only if there is one", () => {
  assert.strictEqual(show(summarize([1, 2, 3]), 1, "ms"), "2.0 ms (1.5–2.5)")
  assert.strictEqual(show(summarize([142.4]), 1, "KB"), "142.4 KB")
  assert.strictEqual(showRatio(summarize([0.5, 0.6, 0.7])), "0.60x (0.55–0.65)")
})

it("shows two checkouts in a table with the ratios, the noise and the sizes", () => {
  const text = versusText(here, against, [
    {
      label: "hello",
      here: [figure("start", 10, 12), figure("bundle", 100)],
      against: [figure("start", 20, 24), figure("bundle", 80)],
      again: [figure("start", 10, 12)]
    }
  ])
  assert.deepStrictEqual(
    text
      .split("\n")
      .slice(1, 5)
      .map((line) => line.split(/ {2,}/)),
    [
      ["", "here, abc1234 with changes", "against, def5678", "here / against"],
      ["hello: start", "11.0 ms (10.5–11.5)", "22.0 ms (21.0–23.0)", "0.50x"],
      ["hello: bundle", "100.0 ms", "80.0 ms", "1.25x"],
      ["noise of hello: start", "11.0 ms (10.5–11.5)", "11.0 ms (10.5–11.5)", "1.00x"]
    ]
  )
  assert.include(text, "/work/other")
})
