/** HTTP bodies and TCP chunks to records, whole or cut as Lambda cuts them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Deliveries from "../../src/telemetry/internal/receive/deliveries.ts"
import * as Framing from "../../src/telemetry/internal/receive/framing.ts"

const encoder = new TextEncoder()
const utf8 = (text: string) => encoder.encode(text)
const concat = (...pieces: ReadonlyArray<Uint8Array>) => new Uint8Array(Buffer.concat(pieces))

/** Its records, whether they were read at once or one by one. */
const elementsOf = ({ records, whole }: Deliveries.Parsed) =>
  whole === undefined ? records : whole.values.map((value, index) => ({ value, ...whole.body.writtenAt(index) }))

const none: { readonly records: ReadonlyArray<unknown>; readonly broken: ReadonlyArray<Deliveries.Broken> } = {
  records: [],
  broken: []
}

const content = (parsed: Deliveries.Parsed): typeof none => ({
  records: elementsOf(parsed).map(({ value }) => value),
  broken: parsed.broken
})

/** The bodies that came out, without texts and sizes. */
const bodies = (maxBytes = 2 ** 20) => {
  const { close, push } = Deliveries.make({ maxBytes })
  return {
    push: (body: string | Uint8Array, now = 0) => content(push(typeof body === "string" ? utf8(body) : body, now)),
    close: () => content(close())
  }
}
const whole = (...records: ReadonlyArray<unknown>) => ({ records, broken: [] })

const envelope = '{"time":"T","type":"function","record":'
const log = (record: unknown) => ({ time: "T", type: "function", record })
const runtimeDone = { time: "U", type: "platform.runtimeDone", record: { requestId: "1", status: "success" } }
const doneText = JSON.stringify(runtimeDone)

describe("bodies", () => {
  it.each<readonly [string, string | Uint8Array, ReadonlyArray<unknown>]>([
    ["an array", `[${doneText},1,"a"]`, [runtimeDone, 1, "a"]],
    ["an empty array", "[]", []],
    ["one object", doneText, [runtimeDone]],
    ["a newline at the end", `[${doneText}]\r\n`, [runtimeDone]],
    ["a byte order mark", `\uFEFF[${doneText}]`, [runtimeDone]]
  ])("%s", (_, body, records) => {
    assert.deepStrictEqual(bodies().push(body), whole(...records))
  })

  it.each(["", " ", "nothing", "}]", "[", "[}]", "[,]", "[1}]", '"text"', "7", "null", "\u0000", '{"a":'])(
    "case 94: %j is broken, and kept as it came",
    (body) => {
      const { broken, records } = bodies().push(body)
      assert.deepStrictEqual(records, [])
      assert.deepStrictEqual(
        broken.map(({ text }) => text.trim()),
        [body.trim()]
      )
      assert.include(broken[0]?.reason, "JSON")
    }
  )

  it("keeps the beginning of a long text that is no JSON", () => {
    assert.strictEqual(bodies().push("x".repeat(1_000_000)).broken[0]?.text.length, 65_536)
  })

  it("the records behind sixteen wrong ones are read, and a body with more is given up", () => {
    const wrong = (count: number) => Array.from({ length: count }, () => `${envelope}wrong},${doneText}`).join(",")
    const counts = (count: number) => {
      const { broken, records } = bodies().push(`[${wrong(count)}]`)
      return [broken.length, records.length]
    }
    assert.deepStrictEqual(
      [counts(16), counts(17)],
      [
        [16, 16],
        [17, 16]
      ]
    )
  })

  it("a bad record does not cost its neighbours", () => {
    const { broken, records } = bodies().push(`[${doneText},${envelope}wrong},${doneText}]`)
    assert.deepStrictEqual(records, [runtimeDone, runtimeDone])
    assert.deepStrictEqual(
      broken.map(({ text }) => text),
      [`${envelope}wrong}`]
    )
  })

  it("a body that ends too early keeps its whole records", () => {
    const { broken, records } = bodies().push(`[${doneText},${envelope}"ab`)
    assert.deepStrictEqual(records, [runtimeDone])
    assert.strictEqual(broken[0]?.text, `${envelope}"ab`)
  })
})

describe("the text of a record", () => {
  const texts = (...bodies: ReadonlyArray<string>) => {
    const { push } = Deliveries.make({ maxBytes: 2 ** 20 })
    return bodies.map((body) => elementsOf(push(utf8(body), 0)).map(({ bytes, json }) => [json, bytes]))
  }

  it("is the text that came, without the white space around it", () => {
    const strange = '{"b": 1.10,\t"a":1e400,"a":9007199254740993,"\\u00e4":"\\/é"}'
    const odd = [strange, utf8(strange).length]
    assert.deepStrictEqual(texts(`[ ${strange} ,1 ]`, ` ${strange}\n`), [[odd, ["1", 1]], [odd]])
  })

  it("is all pieces of a record that Lambda cut, given when it is whole", () => {
    const record = `${envelope}{"id":9007199254740993}}`
    const at = record.indexOf("740993")
    assert.deepStrictEqual(texts(`[${doneText},${record.slice(0, at)}}]`, `[${envelope}${record.slice(at)}]`), [
      [[doneText, doneText.length]],
      [[record, record.length]]
    ])
  })

  it("stays bytes if it is not UTF-8, and costs no neighbour", () => {
    const bytes = concat(utf8(`${envelope}"`), new Uint8Array([0xff, 0x61]), utf8('"}'))
    const { broken, records } = Deliveries.make({ maxBytes: 100 }).push(
      concat(utf8(`[${doneText},`), bytes, utf8("]")),
      0
    )
    assert.deepStrictEqual(
      records.map(({ json, value }) => [json, value]),
      [
        [doneText, runtimeDone],
        [bytes, log("\uFFFDa")]
      ]
    )
    assert.deepStrictEqual(broken, [])
  })
})

describe("a record that Lambda cut", () => {
  it("case 99: a split record is joined", () => {
    const { close, push } = bodies()
    assert.deepStrictEqual(push(`[${envelope}"abc}]`), none)
    assert.deepStrictEqual(push(`[${envelope}def"},${doneText}]`), whole(log("abcdef"), runtimeDone))
    assert.deepStrictEqual(close(), none)
  })

  it("case 99: the whole records before the cut do not wait for the rest", () => {
    const { push } = bodies()
    assert.deepStrictEqual(push(`[${doneText},${envelope}"a},{}]`), whole(runtimeDone))
    assert.deepStrictEqual(push(`[${envelope}b"}]`), whole(log("a},{b")))
  })

  it("case 99: in many pieces, the last of which begins the next cut record", () => {
    const { push } = bodies()
    assert.deepStrictEqual(push(`[${envelope}{"a":[1}]`), none)
    assert.deepStrictEqual(push(`[${envelope}2}]`), none)
    assert.deepStrictEqual(push(`[${envelope}],"b":"}]`), none)
    assert.deepStrictEqual(
      push(`[${envelope}"}},${doneText},{"time":"V","type":"extension","record":"x}]`),
      whole(log({ a: [12], b: "" }), runtimeDone)
    )
    assert.deepStrictEqual(
      push(`[{"time":"V","type":"extension","record":y"}]`),
      whole({ time: "V", type: "extension", record: "xy" })
    )
  })

  it("case 99: cut inside a character", () => {
    const { push } = bodies()
    const bytes = utf8('"a😀b"')
    for (let cut = 1; cut < bytes.length; cut++) {
      assert.deepStrictEqual(push(concat(utf8(`[${envelope}`), bytes.subarray(0, cut), utf8("}]"))), none)
      assert.deepStrictEqual(push(concat(utf8(`[${envelope}`), bytes.subarray(cut), utf8("}]"))), whole(log("a😀b")))
    }
  })

  it("case 99: cut behind a backslash, so that the rest alone would be JSON", () => {
    const { push } = bodies()
    assert.deepStrictEqual(push(`[${envelope}"a\\}]`), none)
    assert.deepStrictEqual(push(`[${envelope}"b"}]`), whole(log('a"b')))
  })

  it("case 99: a freeze of hours between two pieces", () => {
    const { push } = bodies()
    push(`[${envelope}"abc}]`, 0)
    assert.deepStrictEqual(push(`[${envelope}def"}]`, 36_000_000), whole(log("abcdef")))
  })

  it("case 99: an event inside the record is text, not the beginning of the cut one", () => {
    const { push } = bodies()
    assert.deepStrictEqual(
      push(`[${doneText},${envelope}{"of":[{"time":"X","type":"y","record":"z}]`),
      whole(runtimeDone)
    )
    assert.deepStrictEqual(push(`[${envelope}!"}]}}]`), whole(log({ of: [{ time: "X", type: "y", record: "z!" }] })))
  })

  it("case 100: a fragment alone is broken after a second, and the other bodies are read", () => {
    const { push } = bodies()
    push(`[${envelope}"abc}]`, 0)
    assert.deepStrictEqual(push(`[${doneText}]`, 999), whole(runtimeDone))
    const { broken, records } = push(`[${doneText}]`, 1000)
    assert.deepStrictEqual(records, [runtimeDone])
    assert.strictEqual(broken.length, 1)
    assert.strictEqual(broken[0]?.text, `${envelope}"abc`)
    assert.include(broken[0]?.reason, "never came")
    assert.deepStrictEqual(push(`[${doneText}]`, 2000), whole(runtimeDone))
  })

  it("case 100: the second counts from the last piece", () => {
    const { push } = bodies()
    push(`[${envelope}"abc}]`, 0)
    push(`[${envelope}def}]`, 900)
    assert.deepStrictEqual(push(`[${doneText}]`, 1899), whole(runtimeDone))
    assert.deepStrictEqual(push(`[${envelope}!"}]`, 1899), whole(log("abcdef!")))
  })

  it("case 100: a whole record with the envelope of the cut record is a separate record", () => {
    const { close, push } = bodies()
    push(`[${envelope}"abc}]`)
    assert.deepStrictEqual(push(`[${envelope}"def"}]`), whole(log("def")))
    assert.strictEqual(close().broken.length, 1)
  })

  it("case 100: another cut record, or the end, gives the fragment up", () => {
    const { close, push } = bodies()
    push(`[${envelope}"abc}]`)
    assert.strictEqual(push(`[{"time":"V","type":"function","record":"def}]`).broken[0]?.text, `${envelope}"abc`)
    assert.strictEqual(close().broken[0]?.text, '{"time":"V","type":"function","record":"def')
    assert.deepStrictEqual(close(), none)
  })

  it("case 100: a fragment never grows beyond maxBytes, and the records after it are read", () => {
    const { close, push } = bodies(100)
    assert.deepStrictEqual(push(`[${envelope}"${"a".repeat(50)}}]`), none)
    const { broken, records } = push(`[${envelope}${"b".repeat(50)}}]`)
    assert.deepStrictEqual(records, [])
    assert.include(broken[0]?.reason, "100 bytes")
    const last = push(`[${envelope}rest"},${doneText}]`)
    assert.deepStrictEqual(last.records, [runtimeDone])
    assert.strictEqual(last.broken.length, 1)
    assert.deepStrictEqual(close(), none)
  })
})

const lines = (maxBytes = 2 ** 20) => {
  const found: Array<string> = []
  const tooLong: Array<number> = []
  const { chunk, end } = Framing.make({
    maxBytes,
    onLine: (bytes) => found.push(Buffer.from(bytes).toString()),
    onTooLong: (bytes) => tooLong.push(bytes)
  })
  return { chunk: (text: string) => chunk(utf8(text)), bytes: chunk, end, found, tooLong }
}

describe("lines", () => {
  it("case 101: TCP objects across chunks", () => {
    const { chunk, end, found } = lines()
    for (const text of ['{"a":', '1}\n{"b"', ":2}\n"]) chunk(text)
    end()
    assert.deepStrictEqual(found, ['{"a":1}', '{"b":2}'])
  })

  it("case 101: a line without its newline, CRLF, empty lines", () => {
    const { chunk, end, found } = lines()
    for (const text of ["\n\na\r", "\n\r\nb\r\nc"]) chunk(text)
    assert.deepStrictEqual(found, ["a", "b"])
    end()
    end()
    assert.deepStrictEqual(found, ["a", "b", "c"])
  })

  it("a line that is too long is skipped and reported once, with its length", () => {
    for (const size of [1, 4, 100]) {
      const { chunk, end, found, tooLong } = lines(5)
      const text = "12345\n123456\nab\n1234567890"
      for (let at = 0; at < text.length; at += size) chunk(text.slice(at, at + size))
      end()
      assert.deepStrictEqual(found, ["12345", "ab"])
      assert.deepStrictEqual(tooLong, [6, 10])
    }
  })

  it("a line in a million chunks", () => {
    const { bytes, end, found } = lines(2 ** 20)
    const byte = utf8("x")
    for (let at = 0; at < 2 ** 20; at++) bytes(byte)
    end()
    assert.deepStrictEqual(
      found.map((line) => line.length),
      [2 ** 20]
    )
  })
})

const Text = Schema.Union([
  Schema.String,
  Schema.Literals(['"', "\\", "😀ß", `${envelope}"x"},`, "}]", `[${envelope}`, "\n", "\u2028", "12"])
])
const Event = Schema.Struct({
  time: Schema.Literals(["T", "U"]),
  type: Schema.Literals(["function", "extension"]),
  // An object or a text: Lambda sends no other record, and only of them is a part no record.
  record: Schema.Union([Text, Schema.Struct({ message: Text, a: Schema.Array(Text), more: Schema.Json })])
})
/** JSON has no -0. */
const throughJson = (events: ReadonlyArray<typeof Event.Type>): unknown => JSON.parse(JSON.stringify(events))

/** The places to cut, as parts of the text that is cut. */
const Cuts = Schema.Array(Schema.Natural)

const positions = (cuts: ReadonlyArray<number>, last: number) =>
  [...new Set(cuts.map((cut) => 1 + (cut % Math.max(1, last - 1))))].filter((at) => at < last).toSorted((a, b) => a - b)

const split = (bytes: Uint8Array, at: ReadonlyArray<number>) =>
  [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))

/** The POSTs for a list of events, of which each may be cut inside its record. */
const posts = (events: ReadonlyArray<readonly [typeof Event.Type, ReadonlyArray<number>]>) => {
  const all: Array<Uint8Array> = []
  let post = utf8("[")
  for (const [{ record, time, type }, cuts] of events) {
    const start = utf8(`{"time":${JSON.stringify(time)},"type":${JSON.stringify(type)},"record":`)
    const value = utf8(JSON.stringify(record))
    const [first = value, ...rest] = split(value, positions(cuts, value.length))
    post = concat(post, utf8(post.length === 1 ? "" : ","), start, first)
    for (const piece of rest) {
      all.push(concat(post, utf8("}]")))
      post = concat(utf8("["), start, piece)
    }
    post = concat(post, utf8("}"))
  }
  return [...all, concat(post, utf8("]"))]
}

describe("whatever the cut", () => {
  it.effect.prop(
    "the POSTs give the same records",
    [Schema.Array(Schema.Tuple([Event, Cuts]))],
    ([events]) =>
      Effect.sync(() => {
        const { close, push } = bodies()
        const parsed = posts(events).map((post) => push(post))
        assert.deepStrictEqual<unknown>(
          parsed.flatMap(({ records }) => records),
          throughJson(events.map(([event]) => event))
        )
        assert.deepStrictEqual(
          [...parsed, close()].flatMap(({ broken }) => broken),
          []
        )
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop(
    "without one of the POSTs no record is invented, and all before it are there",
    [Schema.Array(Schema.Tuple([Event, Cuts])), Schema.Natural],
    ([events, which]) =>
      Effect.sync(() => {
        const { push } = bodies()
        const all = posts(events)
        const lost = which % all.length
        const before = all.slice(0, lost).flatMap((post) => push(post).records)
        assert.deepStrictEqual<unknown>(before, throughJson(events.slice(0, before.length).map(([event]) => event)))
        for (const post of all.slice(lost + 1)) assert.isArray(push(post).records)
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop("any bytes give something, never an exception", [Schema.Array(Schema.String)], ([texts]) =>
    Effect.sync(() => {
      const { close, push } = bodies(64)
      for (const text of texts) {
        assert.isArray(push(`[${envelope}${text}}]`).records)
        assert.isArray(push(text).records)
      }
      assert.isArray(close().records)
    })
  )

  it.effect.prop(
    "the chunks of a TCP connection give the same records",
    [Schema.Array(Event), Cuts],
    ([events, cuts]) =>
      Effect.sync(() => {
        const { bytes, end, found, tooLong } = lines()
        const stream = utf8(events.map((event) => `${JSON.stringify(event)}\n`).join(""))
        for (const chunk of split(stream, positions(cuts, stream.length))) bytes(chunk)
        end()
        assert.deepStrictEqual<unknown>(
          found.map((line) => JSON.parse(line)),
          throughJson(events)
        )
        assert.deepStrictEqual(tooLong, [])
      }),
    { arbitrary: { runs: 300 } }
  )
})
