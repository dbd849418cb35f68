/** The walk over the wire format: the same counts as the official decoder, and no harm by hostile bytes. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Signal } from "../../src/internal/wire/schema.ts"
import { walk } from "../../src/internal/wire/walk.ts"
import { randomFrom } from "../../../extension-node/test/support/JsonTexts.ts"
import { attackJson, attackWalk, signals } from "../support/hostile.ts"
import { countOfficially, decodeOfficially, requestType } from "../support/official.ts"
import { randomRequest } from "../support/randomRequest.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

const accepted = "accepted"
/** The reason of the usual walk, which passes over what is inside of a span, a point or a record. */
const reasonOf = (signal: Signal, ...bytes: ReadonlyArray<number | ReadonlyArray<number>>) =>
  reasonOfWalk(false, signal, bytes.flat())
const reasonOfWalk = (isDeep: boolean, signal: Signal, bytes: ReadonlyArray<number>) =>
  Result.match(walk(signal, Uint8Array.from(bytes), isDeep), { onFailure: (why) => why, onSuccess: () => accepted })

/** A field of a message with these bytes. */
const field = (number: number, ...bytes: ReadonlyArray<number | ReadonlyArray<number>>): ReadonlyArray<number> => {
  const flat = bytes.flat()
  return [
    number * 8 + 2,
    ...(flat.length < 128 ? [flat.length] : [(flat.length & 0x7f) | 0x80, flat.length >> 7]),
    ...flat
  ]
}
const span = (...fields: ReadonlyArray<ReadonlyArray<number>>) => field(1, field(2, field(2, ...fields)))

describe.each(signals)("%s", (signal) => {
  it.prop(
    "a request of the official encoder is accepted, and its count is that of the official decoder",
    [Seed],
    ([seed]) => {
      const bytes = randomRequest(randomFrom(seed), signal)
      const count = countOfficially(decodeOfficially(requestType(signal), bytes))
      for (const isDeep of [false, true])
        assert.strictEqual(Result.getOrThrow(walk(signal, bytes, isDeep)).count, count)
    }
  )

  it.prop("a request that is cut off anywhere is refused, or ends between two resources", [Seed], ([seed]) => {
    const bytes = randomRequest(randomFrom(seed), signal)
    const whole = countOfficially(decodeOfficially(requestType(signal), bytes))
    for (let length = 0; length < Math.min(bytes.length, 500); length++) {
      const walked = walk(signal, bytes.subarray(0, length), false)
      if (Result.isSuccess(walked)) assert.isAtMost(walked.success.count, whole)
      else assert.strictEqual(walked.failure, "it ends in the middle of a field")
    }
  })

  it("an empty body is a request with nothing in it", () => {
    assert.strictEqual(Result.getOrThrow(walk(signal, new Uint8Array(), false)).count, 0)
  })
})

describe("a request is refused", () => {
  const cutOff = "it ends in the middle of a field"
  it.each([
    ["with a length and nothing behind it", [0x0a, 0x05], cutOff],
    ["with a tag alone", [0x0a], cutOff],
    ["with a length of 2^64-1", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], cutOff],
    [
      "with a length of 70 bits",
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
      "more than 64 bits"
    ],
    ["with a varint of eleven bytes", [0x78, ...Array.from({ length: 10 }, () => 0x80), 0x00], "more than 64 bits"],
    ["with a varint that does not end", [0x78, 0x80, 0x80], cutOff],
    ["with the field 0", [0x02, 0x00], "a number that no field can have"],
    ["with the field 2^29", [0x82, 0x80, 0x80, 0x80, 0x10, 0x00], "a number that no field can have"],
    ["with a group", [0x7b, 0x7c], "the wire type 3"],
    ["with the end of a group", [0x7c], "the wire type 4"],
    ["with the wire type 6", [0x7e], "the wire type 6"],
    ["with the wire type 7", [0x7f], "the wire type 7"],
    ["with a list of messages as a varint", [0x08, 0x01], "the field resourceSpans has the wire type of another one"],
    ["with half of 8 bytes in an unknown field", [0x79, 0, 0, 0], cutOff],
    ["with half of 4 bytes in an unknown field", [0x7d, 0], cutOff],
    ["with a field that is longer than its message", [0x0a, 0x02, 0x0a, 0x05, 0, 0, 0, 0, 0], cutOff],
    [
      "with a trace id of 15 bytes",
      span(
        field(
          1,
          Array.from({ length: 15 }, () => 1)
        )
      ),
      "traceId has 15 bytes and not 16"
    ],
    [
      "with a span id of 16 bytes",
      span(
        field(
          2,
          Array.from({ length: 16 }, () => 1)
        )
      ),
      "spanId has 16 bytes and not 8"
    ],
    [
      "with a time as a text",
      span(field(7, [1, 2, 3, 4, 5, 6, 7, 8])),
      "the field startTimeUnixNano has the wire type"
    ],
    ["with a name in Latin-1", span(field(5, [0xe9])), "the field name is not UTF-8"],
    ["with an overlong slash", span(field(5, [0xc0, 0xaf])), "the field name is not UTF-8"],
    ["with half a surrogate", span(field(5, [0xed, 0xa0, 0x80])), "the field name is not UTF-8"],
    ["with a character beyond U+10FFFF", span(field(5, [0xf4, 0x90, 0x80, 0x80])), "the field name is not UTF-8"],
    ["with a character that is cut off", span(field(5, [0xf0, 0x9f, 0x98])), "the field name is not UTF-8"]
  ])("%s", (_, bytes, why) => assert.include(reasonOf("traces", bytes), why))

  it("with bucket counts that are no multiple of 8 bytes", () => {
    const histogram = (counts: ReadonlyArray<number>) =>
      field(1, field(2, field(2, field(9, field(1, field(6, counts))))))
    assert.strictEqual(reasonOf("metrics", histogram(Array.from({ length: 16 }, () => 0))), "accepted")
    assert.include(reasonOf("metrics", histogram(Array.from({ length: 12 }, () => 0))), cutOff)
  })
})

describe("inside of a span, a data point or a log record", () => {
  const latin1 = field(1, [0xe9])
  const attribute = (...value: ReadonlyArray<number>) => field(9, field(1, [0x61]), value)
  const kind = (value: number) => [0x30, value]
  const record = (...fields: ReadonlyArray<ReadonlyArray<number>>) => field(1, field(2, field(2, ...fields)))
  const point = (...fields: ReadonlyArray<ReadonlyArray<number>>) =>
    field(1, field(2, field(2, field(5, field(1, ...fields)))))
  const notUtf8 = "the field stringValue is not UTF-8"
  const cutOff = "it ends in the middle of a field"

  it.each([
    ["an attribute in Latin-1", "traces", span(kind(3), attribute(...field(2, latin1))), notUtf8],
    ["an attribute that is cut off", "traces", span(attribute(0x12, 0x05)), cutOff],
    ["an event in Latin-1", "traces", span(field(11, field(2, [0xe9]))), "the field name is not UTF-8"],
    ["a link with half an id", "traces", span(field(13, field(1, [1, 2, 3]))), "traceId has 3 bytes and not 16"],
    ["a status with a text as a varint", "traces", span(field(15, [0x10, 0x01])), "the wire type of another one"],
    ["an attribute of a point", "metrics", point(field(7, field(1, [0xe9]))), "the field key is not UTF-8"],
    ["an attribute of a record", "logs", record(field(6, field(1, [0xe9]))), "the field key is not UTF-8"]
  ] as const)("%s is passed over, and refused when everything is read", (_, signal, bytes, why) => {
    assert.strictEqual(reasonOf(signal, bytes), accepted)
    assert.include(reasonOfWalk(true, signal, bytes), why)
  })

  it.each([
    ["an attribute of a span of kind SERVER", "traces", span(kind(2), attribute(...field(2, latin1))), notUtf8],
    ["such a span whose kind comes last", "traces", span(attribute(...field(2, latin1)), kind(2)), notUtf8],
    ["the body of a log record", "logs", record(field(5, latin1)), notUtf8],
    ["an attribute of the resource", "traces", field(1, field(1, field(1, field(2, latin1)))), notUtf8],
    ["an attribute that is longer than its span", "traces", span([0x4a, 0x05, 0x0a]), cutOff],
    ["the second of two attributes", "traces", span(field(9, [0]), [0x4a, 0x05, 0x0a]), cutOff],
    ["an attribute whose length takes three bytes", "traces", span([0x4a, 0x85, 0x80, 0x01, 0x0a]), cutOff]
  ] as const)("%s is always read", (_, signal, bytes, why) => assert.include(reasonOf(signal, bytes), why))
})

describe("a request is accepted", () => {
  it.each([
    [
      "with unknown fields of every wire type",
      [0x78, 0x01, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 0x01, 0xff, 0x7d, 0, 0, 0, 0]
    ],
    ["with the field 2^29-1", [0xfa, 0xff, 0xff, 0xff, 0x0f, 0x00]],
    ["with a length that is written in three bytes", [0x0a, 0x80, 0x80, 0x00]],
    ["with a negative enum, which takes ten bytes", span([0x30, ...Array.from({ length: 9 }, () => 0xff), 0x01])],
    ["with empty ids", span(field(1), field(2), field(4))],
    ["with the flags of a span, whose tag takes two bytes", span([0x85, 0x01, 1, 1, 0, 0])],
    ["with a tag that is written in two bytes", span([0xb0, 0x00, 3])],
    [
      "with a name of 200 bytes",
      span(
        field(
          5,
          ..."é"
            .repeat(100)
            .split("")
            .map(() => [0xc3, 0xa9])
        )
      )
    ],
    ["with an attribute whose length takes three bytes", span([0x4a, 0x80, 0x80, 0x00], [0x4a, 0x00])]
  ])("%s", (_, bytes) => assert.strictEqual(reasonOf("traces", bytes), "accepted"))
})

describe("nesting", () => {
  /** A log record whose body is an array in an array, so many levels deep. */
  const nested = (levels: number) => {
    let value: ReadonlyArray<number> = []
    for (let level = 0; level < levels; level++) value = field(5, field(1, value))
    return Uint8Array.from(field(1, field(2, field(2, field(5, value)))))
  }

  it("is read up to 100 messages", () => {
    // Five are around the body, which is one itself.
    assert.isTrue(Result.isSuccess(walk("logs", nested(47), false)))
    const walked = walk("logs", nested(48), false)
    assert.strictEqual(Result.isFailure(walked) && walked.failure, "its messages are nested deeper than 100 levels")
  })

  it("of a hundred thousand levels costs nothing", () => {
    // Each level says that it reaches to the end of all bytes.
    const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => [0x2a, 0xff, 0x7f][at % 3] ?? 0)
    assert.isTrue(Result.isFailure(walk("logs", bytes, false)))
  })
})

describe("hostile bytes", () => {
  it("2,000 bodies of protobuf do no harm, and what is accepted is read by the official decoder", () => {
    const { accepted, faults } = attackWalk(2000, 16)
    assert.deepStrictEqual(faults, [])
    assert.isAbove(accepted, 60)
  })

  it("500 bodies of JSON do no harm, and what is accepted becomes a request", () => {
    const { accepted, faults } = attackJson(500, 16)
    assert.deepStrictEqual(faults, [])
    assert.isAbove(accepted, 75)
  })

  it("take a time that grows with their length and no faster", () => {
    const millis = (count: number) => {
      const bytes = Uint8Array.from({ length: count * 4 }, (_, at) => [0x0a, 0x02, 0x12, 0x00][at % 4] ?? 0)
      const before = performance.now()
      for (let run = 0; run < 3; run++) assert.isTrue(Result.isSuccess(walk("logs", bytes, false)))
      return performance.now() - before
    }
    millis(100_000)
    // Sixteen times the bytes: four times as slow for each byte would still pass, the square of it not.
    assert.isBelow(millis(1_600_000), 64 * Math.max(1, millis(100_000)))
  })
})
