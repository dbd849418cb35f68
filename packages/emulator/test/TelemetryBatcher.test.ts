/** Batches by number and bytes (case 97), records that are cut, and lines, over all ways to cut a text. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { Item } from "../src/internal/telemetry/Batcher.ts"
import * as Batcher from "../src/internal/telemetry/Batcher.ts"
import * as LineFraming from "../src/internal/process/LineFraming.ts"

const prefix = '{"record":'

const item = (text: string, isLossReport = false): Item => {
  const rest = `${JSON.stringify(text)}}`
  return { prefix, rest, bytes: Buffer.byteLength(prefix + rest), isLossReport, line: text }
}

/** An item of exactly so many bytes. */
const sized = (bytes: number): Item => item("x".repeat(bytes - item("").bytes))

describe("case 97: a batch is full", () => {
  it("when it has maxItems events", () => {
    const batcher = Batcher.make({ maxItems: 3, maxBytes: 1000, cuts: true })
    const full = Array.from({ length: 7 }, () => batcher.add(sized(50)).map(({ records }) => records))
    assert.deepStrictEqual(full, [[], [], [3], [], [], [3], []])
    assert.strictEqual(batcher.close()?.records, 1)
    assert.isUndefined(batcher.close())
  })

  it("as soon as its bytes have reached maxBytes, exactly or not", () => {
    for (const [last, expected] of [
      [49, 0],
      [50, 1],
      [51, 1]
    ] as const) {
      const batcher = Batcher.make({ maxItems: 1000, maxBytes: 150, cuts: false })
      batcher.add(sized(50))
      batcher.add(sized(50))
      assert.lengthOf(batcher.add(sized(last)), expected)
    }
  })

  it("knows whether it is one line, and whether it only reports losses", () => {
    const batcher = Batcher.make({ maxItems: 10, maxBytes: 1000, cuts: true })
    batcher.add(item("a\n", true))
    const one = batcher.close()
    assert.deepStrictEqual([one?.line, one?.isLossReport], ["a\n", true])
    batcher.add(item("a\n", true))
    batcher.add(item("b\n"))
    const two = batcher.close()
    assert.deepStrictEqual([two?.line, two?.isLossReport], [undefined, false])
    batcher.add(item("b\n"))
    batcher.add(item("a\n", true))
    assert.isFalse(batcher.close()?.isLossReport, "in whatever order")
  })
})

const textOf = (batch: Batcher.Batch): string => Batcher.bodyOf(batch).toString("utf8")

/** Joins pieces as a receiver has to: each but the last ends with `}]`, each begins with the same envelope. */
const join = (bodies: ReadonlyArray<string>): string =>
  bodies
    .map((body, index) => (index === bodies.length - 1 ? body : body.slice(0, -2)))
    .map((body, index) => (index === 0 ? body : body.slice(1 + prefix.length)))
    .join("")

describe("a record that is larger than a batch", () => {
  it("goes out in pieces with the envelope in front of each; the last one is an event like others", () => {
    const batcher = Batcher.make({ maxItems: 10, maxBytes: 40, cuts: true })
    batcher.add(item("before"))
    const full = [...batcher.add(item("0123456789".repeat(5))), batcher.close()].filter((batch) => batch !== undefined)
    assert.deepStrictEqual(full.map(textOf), [
      '[{"record":"before"}]',
      '[{"record":"0123456789012345678901234567}]',
      '[{"record":8901234567890123456789"}]'
    ])
    assert.deepStrictEqual(
      full.map(({ records }) => records),
      [1, 0, 1]
    )
  })

  it("is left whole if no cut is asked for", () => {
    const batcher = Batcher.make({ maxItems: 10, maxBytes: 40, cuts: false })
    assert.strictEqual(batcher.add(sized(100))[0]?.items[0]?.length, 100)
  })

  it.prop("its pieces join to the same text, and no piece is larger than a batch", [Schema.String], ([text]) => {
    const batcher = Batcher.make({ maxItems: 1000, maxBytes: 40, cuts: true })
    const long = `${text}é€😀"\\`.repeat(8)
    const last = [...batcher.add(item(long)), batcher.close()].filter((batch) => batch !== undefined)
    assert.strictEqual(join(last.map(textOf)), JSON.stringify([{ record: long }]))
    for (const { items } of last) for (const piece of items) assert.isAtMost(Buffer.byteLength(piece), 40)
  })
})

describe("lines", () => {
  it.prop(
    "are the same however the output is cut, keep their breaks, and lose nothing",
    [Schema.Array(Schema.Literals(["a", "\n", "\r\n", "bc", "é\n", ""]))],
    ([chunks]) => {
      const whole = LineFraming.make()
      const expected = [...whole.push(chunks.join("")), ...whole.end()]
      const pieces = LineFraming.make()
      const lines = [...chunks.flatMap((chunk) => [...pieces.push(chunk)]), ...pieces.end()]
      assert.deepStrictEqual(lines, expected)
      assert.strictEqual(lines.join(""), chunks.join(""))
      for (const line of lines.slice(0, -1)) assert.isTrue(line.endsWith("\n") && !line.slice(0, -1).includes("\n"))
    }
  )

  it("a line without end is bounded", () => {
    const framing = LineFraming.make(4)
    assert.deepStrictEqual(framing.push("abcdefghij"), ["abcd", "efgh"])
    assert.deepStrictEqual(framing.push("\n"), ["ij\n"])
    assert.deepStrictEqual(framing.end(), [])
  })
})
