/** The bytes of a request, copied from the bodies that came, compared with the texts of the records one by one. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decodeAt } from "../../src/telemetry/internal/receive/decodeElement.ts"
import * as encoding from "../../src/telemetry/internal/record/encoding.ts"
import { readWhole } from "../../src/telemetry/internal/record/json.ts"
import type { TelemetryEvent } from "../../src/telemetry/TelemetryEvent.ts"

/** A record with its text. */
interface Known {
  readonly event: TelemetryEvent
  readonly text: string
}

/** The records of a body that is an array of these texts, each of which is found in it. */
const received = (texts: ReadonlyArray<string>, separator: string): ReadonlyArray<Known> => {
  const whole = readWhole(Buffer.from(`[${texts.join(separator)}]`))
  if (whole === undefined) return assert.fail("the body is not read at once")
  assert.deepStrictEqual(
    texts.map((_, index) => whole.body.writtenAt(index).json),
    [...texts]
  )
  return texts.map((text, index) => ({ event: decodeAt(whole.values, whole.body, index, undefined), text }))
}

const made: Known = {
  event: { type: "function", time: "T", record: "made here" },
  text: '{"type":"function","time":"T","record":"made here"}'
}

const written = (known: ReadonlyArray<Known>) => {
  const events = known.map(({ event }) => event)
  const textOf = (format: "json" | "ndjson") => Buffer.from(encoding.bytes(events, format)).toString()
  return { json: textOf("json"), ndjson: textOf("ndjson") }
}

const asItCame = (known: ReadonlyArray<Known>) => {
  const texts = known.map(({ text }) => text)
  return {
    json: `[${texts.join(",")}]`,
    ndjson: texts.map((text) => `${text.replaceAll(/[\n\r]/g, " ")}\n`).join("")
  }
}

const log = (record: string) => `{"time":"T","type":"function","record":${record}}`

const records: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
  ["lines", [log('"a"'), log('"é 🚚"'), log('"c"')]],
  ["lines with brackets", [log('"[INFO] a"'), log('"{} {:{"'), log('"},{"'), log('"a:{"')]],
  ["lines that look like the next record", [log('"},{\\"time\\":"'), log('"\\\\"'), log('"},{\\"t"')]],
  ["objects", [log('{"a":{"b":{}}}'), log('{"a":1.10}'), log('{ "a" : { } }')]],
  ["lists of objects", [log('[{"a":1},{"time":2},{"t":{}}]'), log('{"a":[{},{"t":1}]}'), log('"a"')]],
  ["long lists of objects", [log(`[${Array.from({ length: 40 }, () => '{"t":1}').join()}]`), log('"a"'), log('"b"')]],
  ["names in another order", ['{"type":"function","record":{"a":1},"time":"T"}', log('"a"'), '{"a":{}}', log("1.10")]],
  ["values of every kind", ["1", '"a:{"', log('"a"'), "null", '{"a":1}', '"x:{y"', log('"b"'), "[]", log("[]")]],
  ["records in several lines", ['{\n"time": "T",\r\n"type": "function", "record": {\n"a": 1}}', log('"a\\nb"')]]
]

describe("the body of a request", () => {
  for (const separator of [",", ", ", "\n,\n"]) {
    it.each(records)(`of %s with ${JSON.stringify(separator)} between them has each as it came`, (_, texts) => {
      const events = texts.filter(isEvent)
      const all = received(events, separator)
      const beside = [made, ...received(events, separator), made, made, ...received(events, separator)]
      for (const known of [all, all.slice(1), all.toReversed(), beside]) {
        assert.deepStrictEqual(written(known), asItCame(known))
      }
      received(texts, separator)
    })
  }

  it.each(records)("of %s gives the records near its ends without a look at the others", (_, texts) => {
    const all = [...texts, ...texts, ...texts, ...texts, ...texts]
    const bytes = Buffer.from(`[${all.join(",")}]`)
    const places = [0, 1, 2, 3, -4, -3, -2, -1].map((place) => (all.length + place) % all.length)
    const sizes = readWhole(bytes)?.body.sizesAt(places).bytes
    assert.deepStrictEqual(
      sizes,
      places.map((place) => Buffer.byteLength(all[place] ?? ""))
    )
    for (const place of places) {
      const written = readWhole(bytes)?.body.writtenAt(place)
      assert.strictEqual(written?.json, all[place])
    }
  })

  it("of no records is empty", () => {
    assert.deepStrictEqual(written([]), { json: "[]", ndjson: "" })
  })

  it.effect.prop(
    "of any records has each as it came",
    [Schema.Array(Schema.Json), Schema.Array(Schema.Json)],
    (lists) =>
      Effect.sync(() => {
        const texts = lists
          .flat()
          .flatMap((json) => [log(JSON.stringify(json)), log(JSON.stringify(JSON.stringify(json)))])
        const known = received(texts, ",")
        assert.deepStrictEqual(written(known), asItCame(known))
      })
  )
})

/** A record that is no event is shown in an event with the reason, so its text is not that which came. */
const isEvent = (text: string) => {
  const value: unknown = JSON.parse(text)
  return typeof value === "object" && value !== null && "time" in value && "type" in value
}
