/** Frames of the log descriptor: however they are cut into pieces, the records are those that were written. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as LogFraming from "../src/internal/process/LogFraming.ts"

const head = (bytes: number): Buffer => {
  const buffer = Buffer.alloc(16)
  buffer.writeUInt32BE(0xa55a000f, 0)
  buffer.writeUInt32BE(bytes, 4)
  return buffer
}

const frame = (record: string): Buffer => Buffer.concat([head(Buffer.byteLength(record)), Buffer.from(record)])

type Piece = readonly [channel: "stdout" | "log", text: string]

/** The output for a stream that comes in parts of so many bytes. */
const read = (stream: ReadonlyArray<Buffer>, size: number, limit?: number): ReadonlyArray<Piece> => {
  const framing = LogFraming.make(limit)
  const pieces: Array<LogFraming.Piece> = []
  const whole = Buffer.concat(stream)
  for (let at = 0; at < whole.length; at += size) pieces.push(...framing.push(whole.subarray(at, at + size)))
  return [...pieces, ...framing.end()].map(({ channel, text }) => [channel, text])
}

const sizes = [1, 2, 3, 7, 16, 17, 1000]

describe("log frames", () => {
  it.prop(
    "between lines, in parts of any size, give what was written in its order",
    {
      written: Schema.Array(Schema.Tuple([Schema.Literals(["stdout", "log"]), Schema.String])),
      size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
    },
    ({ size, written }) => {
      // Half a pair of surrogates cannot be written, and no text has a zero byte.
      const texts = written.map(([channel, text]): Piece => {
        const whole = Buffer.from(text.replaceAll(/[\0\n]/g, "¥")).toString("utf8")
        return [channel, channel === "log" ? `${whole}\n${whole}` : `${whole}\n`]
      })
      const stream = texts.map(([channel, text]) => (channel === "log" ? frame(text) : Buffer.from(text)))
      assert.deepStrictEqual(read(stream, size), texts)
    }
  )

  it("a record inside a line that is not finished comes first, and the line stays one", () => {
    for (const size of sizes) {
      const pieces = read([Buffer.from("a ¥"), frame("logged"), Buffer.from("Z\n")], size)
      assert.deepStrictEqual(pieces, [
        ["log", "logged"],
        ["stdout", "a ¥Z\n"]
      ])
    }
  })

  it("an empty record is a record", () => {
    for (const size of sizes) {
      assert.deepStrictEqual(read([frame(""), frame("a"), frame("")], size), [
        ["log", ""],
        ["log", "a"],
        ["log", ""]
      ])
    }
  })

  it("a record over the limit is cut into several, and nothing of it is lost", () => {
    for (const size of sizes) {
      const pieces = read([frame("x".repeat(25)), frame("next")], size, 10)
      assert.deepStrictEqual(
        pieces.map(([, text]) => text),
        ["x".repeat(10), "x".repeat(10), "x".repeat(5), "next"]
      )
    }
  })

  it("a process that ended in the middle leaves the bytes that came", () => {
    const whole = frame("the last words")
    for (const size of sizes) {
      const last = read([frame("before"), whole.subarray(0, 24)], size)
      assert.deepStrictEqual(last, [
        ["log", "before"],
        ["log", "the last"]
      ])
      assert.deepStrictEqual(read([frame("before"), Buffer.from("no end")], size)[1], ["stdout", "no end"])
    }
  })

  it("a length that never comes holds nothing but the record at work", () => {
    const framing = LogFraming.make(10)
    assert.deepStrictEqual(framing.push(head(0xffffffff)), [])
    const cut = framing.push(Buffer.alloc(1000, "y")).map(({ text }) => text)
    const rest = framing.end().map(({ text }) => text)
    assert.strictEqual([...cut, ...rest].join(""), "y".repeat(1000))
    assert.isTrue(cut.every((text) => text.length === 10))
  })
})
