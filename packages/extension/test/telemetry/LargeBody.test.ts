/** Bodies that are larger than the pieces they are read in, compared with `JSON.parse`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Deliveries from "../../src/telemetry/internal/receive/deliveries.ts"
import { readWhole } from "../../src/telemetry/internal/record/json.ts"

const log = (record: unknown) => ({ time: "T", type: "function", record })
const text = (...records: ReadonlyArray<unknown>) => JSON.stringify(records)
const lines = (count: number, line: string) => Array.from({ length: count }, (_, index) => log(`${index} ${line}`))

/** The values of a body, and the texts of its records. */
const read = (body: string | Uint8Array) => {
  const whole = readWhole(Buffer.from(body))
  return whole && { values: whole.values, texts: whole.values.map((_, index) => whole.body.writtenAt(index).json) }
}

/** What a body should give. */
const expected = (body: string) => {
  const values: ReadonlyArray<unknown> = JSON.parse(body)
  return { values, texts: values.map((value) => JSON.stringify(value)) }
}

describe("a large body", () => {
  it.each<readonly [string, ReadonlyArray<unknown>]>([
    ["of short lines", lines(5000, "a line")],
    ["of characters of several bytes", lines(2000, "übergabe, 引き渡し, 🚚")],
    ["of U+FFFD and texts that are no records", lines(2000, '\uFFFD },{"time":')],
    ["with a record that is longer than two pieces", [log("x".repeat(150_000)), ...lines(1000, "after a long one")]],
    ["of one long record", [log("x".repeat(300_000))]],
    ["of numbers", Array.from({ length: 100_000 }, (_, index) => index)],
    ["of events inside records", [1, 2, 3].map((id) => log({ id, events: lines(3000, "inside") }))]
  ])("%s is read at once", (_, records) => {
    const body = text(...records)
    assert.deepStrictEqual(read(body), expected(body))
  })

  const many = text(...lines(3000, "a line"))
  it.each([
    ["without its last bracket", many.slice(0, -1)],
    ["with a comma before its last bracket", `${many.slice(0, -1)},]`],
    ["with a second array", `${many},${many}`],
    ["with two arrays in turn", many.replaceAll('"},{"time"', '"}],[{"time"')],
    ["with a missing comma", many.replace('"2000 a line"},', '"2000 a line"}')],
    ["with a bracket too many", many.replace('"2000 a line"}', '"2000 a line"}}')],
    ["with a wrong record in the middle", many.replace('"2000 a line"', "wrong")]
  ])("%s is not read at once", (_, body) => {
    assert.throws(() => JSON.parse(body))
    assert.isUndefined(read(body))
  })

  it("with a byte that is not UTF-8 loses no record, and no neighbour of the byte", () => {
    const body = Buffer.from(many)
    body[body.indexOf("2000 a line")] = 0xff
    assert.isUndefined(read(body))
    const { broken, records } = Deliveries.make({ maxBytes: 2 ** 20 }).push(body, 0)
    assert.deepStrictEqual([records.length, broken], [3000, []])
    assert.deepStrictEqual(
      records.map(({ value }) => value),
      JSON.parse(body.toString())
    )
  })

  it.effect.prop(
    "of any records is what JSON.parse gives",
    [Schema.Array(Schema.Json), Schema.Array(Schema.Json)],
    ([some, others]) =>
      Effect.sync(() => {
        const filler = lines(900, `${JSON.stringify(some)}},{"time":`)
        const body = text(...filler, ...others.map(log), { nested: filler }, log(some), ...filler)
        assert.deepStrictEqual(read(body), expected(body))
      }),
    { arbitrary: { runs: 30 } }
  )
})
