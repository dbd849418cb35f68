/** Values of JSON as values of OTLP. */
import * as Attributes from "@effect-lambda/otel/Attributes"
import { assert, describe, it } from "@effect/vitest"

const nested = (levels: number): unknown => (levels === 0 ? "inside" : { in: nested(levels - 1) })

const depthOf = (value: Attributes.AnyValue | undefined): number => {
  const inner = value?.kvlistValue?.values[0]?.value
  return inner === undefined ? 0 : 1 + depthOf(inner)
}

describe("a value", () => {
  it.each<readonly [string, unknown, Attributes.AnyValue]>([
    ["a text", "text", { stringValue: "text" }],
    ["an empty text", "", { stringValue: "" }],
    ["half a surrogate pair", "a\ud800b", { stringValue: "a\ufffdb" }],
    ["a word", false, { boolValue: false }],
    ["null", null, {}],
    ["zero", 0, { intValue: 0 }],
    ["the largest exact number", 2 ** 53 - 1, { intValue: 9_007_199_254_740_991 }],
    ["a number beyond 2^53, by its digits", 2 ** 53, { intValue: "9007199254740992" }],
    ["a number beyond 2^63", 1e300, { doubleValue: 1e300 }],
    ["the number 2^63", 2 ** 63, { doubleValue: 2 ** 63 }],
    ["a fraction", 1.5, { doubleValue: 1.5 }],
    ["an integer with all digits", 9_007_199_254_740_993n, { intValue: "9007199254740993" }],
    ["the largest integer of OTLP", 2n ** 63n - 1n, { intValue: "9223372036854775807" }],
    ["the least integer of OTLP", -(2n ** 63n), { intValue: "-9223372036854775808" }],
    ["a larger integer, as its digits", 2n ** 63n, { stringValue: "9223372036854775808" }],
    ["what JSON has no word for", undefined, {}],
    ["a list", [1, "a", null], { arrayValue: { values: [{ intValue: 1 }, { stringValue: "a" }, {}] } }],
    ["a list with a hole keeps the places", [undefined, 1], { arrayValue: { values: [{}, { intValue: 1 }] } }],
    ["an empty list", [], { arrayValue: { values: [] } }],
    ["an empty map", {}, { kvlistValue: { values: [] } }],
    [
      "maps and lists in each other",
      { a: { b: [{ c: null }] } },
      {
        kvlistValue: {
          values: [
            {
              key: "a",
              value: {
                kvlistValue: {
                  values: [
                    {
                      key: "b",
                      value: { arrayValue: { values: [{ kvlistValue: { values: [{ key: "c", value: {} }] } }] } }
                    }
                  ]
                }
              }
            }
          ]
        }
      }
    ]
  ])("%s", (_, value, expected) => {
    assert.deepStrictEqual(Attributes.anyValue(value), expected)
  })
})

it("attributes are the fields in their order, without those that JSON leaves out", () => {
  assert.deepStrictEqual(Attributes.entries({ b: 1, a: undefined, "\ud800": null, c: [] }), [
    { key: "b", value: { intValue: 1 } },
    { key: "\ufffd", value: {} },
    { key: "c", value: { arrayValue: { values: [] } } }
  ])
})

describe("a value in more maps than a backend reads", () => {
  it("becomes JSON from there on, with all that is in it", () => {
    const value = Attributes.anyValue(nested(1000))
    assert.strictEqual(depthOf(value), 24)
    let inner: Attributes.AnyValue | undefined = value
    while (inner?.kvlistValue !== undefined) inner = inner.kvlistValue.values[0]?.value
    assert.deepStrictEqual(JSON.parse(inner?.stringValue ?? ""), nested(1000 - 24))
  })

  it("keeps integers of any size in that JSON", () => {
    let value: unknown = { id: 9_007_199_254_740_993n }
    for (let level = 0; level < 24; level++) value = [value]
    assert.include(JSON.stringify(Attributes.anyValue(value)), "9007199254740993")
  })

  it("which is a circle, or cannot be written, is said to be so", () => {
    const circle: Record<string, unknown> = {}
    circle["in"] = circle
    assert.include(JSON.stringify(Attributes.anyValue(circle)), "this value cannot be written as JSON")
  })
})
