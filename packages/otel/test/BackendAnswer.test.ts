/** The answers of a backend, in each encoding: the items that it dropped, and the reason of a refusal. */
import { assert, describe, it } from "@effect/vitest"
import { readPartialSuccess, readRefusal } from "../src/internal/answer.ts"

const text = (value: string) => new TextEncoder().encode(value)

describe("a partial success", () => {
  it.each<readonly [string, Uint8Array, string, number, string]>([
    ["nothing", new Uint8Array(), "application/x-protobuf", 0, ""],
    ["an empty object", text("{}"), "application/json", 0, ""],
    [
      "spans as a text",
      text('{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}'),
      "application/json",
      3,
      "x"
    ],
    [
      "points as a number",
      text('{"partialSuccess":{"rejectedDataPoints":4}}'),
      "application/json;charset=utf-8",
      4,
      ""
    ],
    [
      "log records under the names of the proto files",
      text('{"partial_success":{"rejected_log_records":"5","error_message":"y"}}'),
      "application/json",
      5,
      "y"
    ],
    ["a warning alone", text('{"partialSuccess":{"errorMessage":"slow down"}}'), "application/json", 0, "slow down"],
    ["a number below zero", text('{"partialSuccess":{"rejectedSpans":"-3"}}'), "application/json", 0, ""],
    ["null", text('{"partialSuccess":null}'), "application/json", 0, ""],
    ["an array", text("[1]"), "application/json", 0, ""],
    ["JSON without its type", text('{"partialSuccess":{"rejectedSpans":"1"}}'), "", 1, ""],
    ["protobuf", new Uint8Array([0x0a, 6, 0x08, 0xac, 0x02, 0x12, 1, 0x7a]), "application/x-protobuf", 300, "z"],
    [
      "protobuf with other fields",
      new Uint8Array([0x18, 7, 0x0a, 4, 0x08, 2, 0x22, 0]),
      "application/x-protobuf",
      2,
      ""
    ],
    [
      "protobuf with 64 bits below zero",
      new Uint8Array([0x0a, 11, 0x08, ...Array.from({ length: 9 }, () => 0xff), 1]),
      "application/x-protobuf",
      0,
      ""
    ],
    ["protobuf that is cut off", new Uint8Array([0x0a, 6, 0x08]), "application/x-protobuf", 0, ""],
    ["a page", text("<html>"), "text/html", 0, ""]
  ])("is read out of %s", (_, body, contentType, rejected, message) => {
    assert.deepStrictEqual(readPartialSuccess({ body, contentType }), { rejected, message })
  })
})

describe("the reason of a refusal", () => {
  const protobuf = "application/x-protobuf"
  // code 3, message "bad"
  const status = new Uint8Array([0x08, 3, 0x12, 3, 0x62, 0x61, 0x64])

  it.each<readonly [string, Uint8Array, string, string | undefined]>([
    ["a status in protobuf: its message", status, protobuf, "bad"],
    ["a status without a code", status.subarray(2), "application/protobuf; charset=x", "bad"],
    ["a status with details", new Uint8Array([...status, 0x1a, 2, 0x0a, 0]), protobuf, "bad"],
    ["a status without a message", status.subarray(0, 2), protobuf, "2 bytes of application/x-protobuf without words"],
    ["protobuf that is cut off", status.subarray(0, 5), protobuf, "5 bytes of application/x-protobuf without words"],
    ["no body", new Uint8Array(), protobuf, undefined],
    ["JSON is a text", text('{"message":"bad"}'), "application/json", undefined],
    ["a text", status, "text/plain", undefined],
    ["a body without a type", status, "", undefined]
  ])("%s", (_, body, contentType, expected) => assert.strictEqual(readRefusal({ body, contentType }), expected))
})
