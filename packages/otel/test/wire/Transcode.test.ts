/** From JSON to protobuf and back, beside the official definitions. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { encode, encodeJson } from "../../src/internal/wire/encode.ts"
import { toJson } from "../../src/internal/wire/pieces.ts"
import { requests, rpcStatus, type Signal } from "../../src/internal/wire/schema.ts"
import { randomFrom } from "../../../extension-node/test/support/JsonTexts.ts"
import { signals } from "../support/hostile.ts"
import { decodeOfficially, requestType, withoutDefaults } from "../support/official.ts"
import { randomRequest } from "../support/randomRequest.ts"

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))

const encoded = (signal: Signal, text: string) => encodeJson(signal, Buffer.from(text))
const reasonOf = (signal: Signal, text: string) =>
  Result.match(encoded(signal, text), { onFailure: (why) => why, onSuccess: () => "accepted" })
/** The official reading of our protobuf. */
const read = (signal: Signal, text: string) =>
  decodeOfficially(requestType(signal), Result.getOrThrow(encoded(signal, text)))

const aSpan = (fields: string) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`
const spanOf = (fields: object) => ({ resourceSpans: [{ scopeSpans: [{ spans: [fields] }] }] })
const aBody = (value: string) => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${value}}]}]}]}`
const bodyOf = (body: object) => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ body }] }] }] })
const aBuckets = (fields: string) =>
  `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"exponentialHistogram":{"dataPoints":[${fields}]}}]}]}]}`

describe.each(signals)("%s", (signal) => {
  it.prop("protobuf becomes the JSON that the official definitions give", [Seed], ([seed]) => {
    const bytes = randomRequest(randomFrom(seed), signal)
    const type = requestType(signal)
    assert.deepStrictEqual(withoutDefaults(type, JSON.parse(toJson(signal, bytes))), decodeOfficially(type, bytes))
  })

  it.prop("JSON becomes protobuf that the official decoder reads as the same", [Seed], ([seed]) => {
    const json = toJson(signal, randomRequest(randomFrom(seed), signal))
    assert.deepStrictEqual(read(signal, json), withoutDefaults(requestType(signal), JSON.parse(json)))
  })

  it.prop("JSON becomes the same protobuf once more after a way through it", [Seed], ([seed]) => {
    const once = Result.getOrThrow(encoded(signal, toJson(signal, randomRequest(randomFrom(seed), signal))))
    assert.deepStrictEqual(Result.getOrThrow(encoded(signal, toJson(signal, once))), once)
  })
})

describe("a field of JSON", () => {
  const traceId = "5b8efff798038103d269b633813fc60c"
  it.each([
    ["an id in capitals", `"traceId":"${traceId.toUpperCase()}"`, { traceId }],
    ["an empty id", '"parentSpanId":"","kind":1', { kind: 1 }],
    ["an enum as a number", '"kind":2', { kind: 2 }],
    ["an enum by its name", '"kind":"SPAN_KIND_SERVER"', { kind: 2 }],
    ["an enum in another enum's message", '"status":{"code":"STATUS_CODE_ERROR"}', { status: { code: 2 } }],
    ["a time as a text", '"startTimeUnixNano":"1544712660300000001"', { startTimeUnixNano: "1544712660300000001" }],
    [
      "a time as a number, with each digit",
      '"startTimeUnixNano":1544712660300000001',
      { startTimeUnixNano: "1544712660300000001" }
    ],
    ["a time in powers of ten", '"startTimeUnixNano":1.5e18', { startTimeUnixNano: "1500000000000000000" }],
    ["a count as a text", '"droppedLinksCount":"7"', { droppedLinksCount: 7 }],
    ["a field that is null", '"name":null,"kind":1', { kind: 1 }],
    ["a field that OTLP does not have", '"nickname":{"deep":[1,{}]},"kind":1', { kind: 1 }],
    ["a field by its name in protobuf, which OTLP does not allow", '"trace_id":"a","kind":1', { kind: 1 }],
    ["a field that comes twice", '"kind":1,"kind":2', { kind: 2 }],
    ["a name with half a surrogate", '"name":"\\ud83d"', { name: "\uFFFD" }]
  ])("%s", (_, fields, value) => assert.deepStrictEqual<unknown>(read("traces", aSpan(fields)), spanOf(value)))

  it.each([
    ["the least integer", '{"intValue":"-9223372036854775808"}', { intValue: "-9223372036854775808" }],
    ["an integer beyond 2^53", '{"intValue":9007199254740993}', { intValue: "9007199254740993" }],
    ["NaN", '{"doubleValue":"NaN"}', { doubleValue: "NaN" }],
    ["an infinity", '{"doubleValue":"-Infinity"}', { doubleValue: "-Infinity" }],
    ["a double as a text", '{"doubleValue":"1.5"}', { doubleValue: 1.5 }],
    ["a double that is a large integer", '{"doubleValue":100000000000000000000}', { doubleValue: 1e20 }],
    ["base64", '{"bytesValue":"+/8="}', { bytesValue: "+/8=" }],
    ["base64 for URLs, without its padding", '{"bytesValue":"-_8"}', { bytesValue: "+/8=" }],
    [
      "maps and lists",
      '{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"boolValue":false},{}]}}}]}}',
      { kvlistValue: { values: [{ key: "a", value: { arrayValue: { values: [{ boolValue: false }, {}] } } }] } }
    ]
  ])("%s as the body of a log", (_, value, body) =>
    assert.deepStrictEqual<unknown>(read("logs", aBody(value)), bodyOf(body))
  )

  it("numbers in a list of several types", () => {
    const [point] = [{ scale: -3, positive: { offset: -1, bucketCounts: ["1", "18446744073709551615"] }, max: 1.5 }]
    const json = aBuckets(JSON.stringify(point))
    assert.deepStrictEqual(read("metrics", json), JSON.parse(json))
  })
})

describe("JSON is refused", () => {
  it.each([
    ["that is none", "{", "it is not JSON, or not UTF-8"],
    ["that is empty", "", "it is not JSON, or not UTF-8"],
    ["that is a list", "[]", "it is no JSON object"],
    ["that is null", "null", "it is no JSON object"],
    ["of another signal", '{"resourceLogs":[]}', "it has no field resourceSpans"],
    ["with the name that protobuf has", '{"resource_spans":[]}', "it has no field resourceSpans"],
    ["with an object for a list", '{"resourceSpans":{}}', "its field resourceSpans is not a list"],
    ["with null in a list", '{"resourceSpans":[null]}', "its field resourceSpans is not an object"],
    ["with a list in a list", '{"resourceSpans":[[]]}', "its field resourceSpans is not an object"],
    ["with an id that is too short", aSpan('"traceId":"abcd"'), "its field traceId is not 32 hexadecimal digits"],
    ["with an id in base64", aSpan('"spanId":"W47/95gDgQM="'), "its field spanId is not 16 hexadecimal digits"],
    ["with a name that is a number", aSpan('"name":1'), "its field name is not a text"],
    [
      "with an enum that does not exist",
      aSpan('"kind":"SERVER"'),
      "its field kind is not the name of one of its values"
    ],
    [
      "with a count below zero",
      aSpan('"droppedLinksCount":-1'),
      "droppedLinksCount is not a whole number from 0 to 4294967295"
    ],
    ["with a fraction of a nanosecond", aSpan('"endTimeUnixNano":"1.5"'), "endTimeUnixNano is not a whole number"],
    [
      "with a time of 65 bits",
      aSpan('"endTimeUnixNano":"18446744073709551616"'),
      "endTimeUnixNano is not a whole number"
    ],
    ["with a time of a million digits", aSpan(`"endTimeUnixNano":"${"9".repeat(1_000_000)}"`), "is not a whole number"]
  ])("%s", (_, text, why) => assert.include(reasonOf("traces", text), why))

  it.each([
    ["a word for true", '{"boolValue":"true"}', "its field boolValue is not true or false"],
    ["a word for a number", '{"doubleValue":"much"}', "its field doubleValue is not a number"],
    ["base64 with a space", '{"bytesValue":"a b="}', "its field bytesValue is not base64"]
  ])("with %s", (_, value, why) => assert.strictEqual(reasonOf("logs", aBody(value)), why))

  it("that is not UTF-8", () => {
    assert.strictEqual(
      Result.match(encodeJson("traces", Buffer.from('{"a":"\xe9"}', "latin1")), {
        onFailure: (why) => why,
        onSuccess: () => ""
      }),
      "it is not JSON, or not UTF-8"
    )
  })

  it("that opens a million brackets", () => {
    assert.strictEqual(reasonOf("traces", "[".repeat(1_000_000)), "its JSON is nested deeper than 400 levels")
    assert.strictEqual(reasonOf("traces", `{"resourceSpans":[],"a":"${"[".repeat(1000)}"}`), "accepted")
  })

  it("whose messages are too deep", () => {
    const levels = 60
    const body = '{"arrayValue":{"values":['.repeat(levels) + "]}}".repeat(levels)
    assert.strictEqual(reasonOf("logs", aBody(body)), "its messages are nested deeper than 100 levels")
  })

  it("without a word of it in the reason", () => {
    for (const text of [
      '{"resourceSpans":"secret"}',
      "secret",
      aSpan('"kind":"secret"'),
      aSpan('"secret":{}, "name":0')
    ]) {
      assert.notInclude(reasonOf("traces", text), "secret")
    }
  })
})

it("the status of a refusal is a google.rpc.Status", () => {
  assert.strictEqual(Buffer.from(encode(rpcStatus, { code: 3, message: "no" })).toString("hex"), "080312026e6f")
  assert.lengthOf(encode(requests.traces, {}), 0)
})
