/** What of a log leaves the environment. */
import { TelemetryEvent } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Attributes from "../src/Attributes.ts"
import * as Logs from "../src/Logs.ts"
import * as Redaction from "../src/Redaction.ts"
import { received } from "./support/received.ts"

const time = "2026-11-20T12:00:00.123Z"
const function_ = (record: unknown) => TelemetryEvent.decode({ time, type: "function", record })
const recordAfter = (options: Redaction.RedactOptions, record: unknown) => {
  const event = Redaction.redact(options)(function_(record))
  assert.strictEqual(event.type, "function")
  return event.type === "function" ? event.record : undefined
}
const gone = "[REDACTED]"

describe("fields are masked by their names", () => {
  const record = { message: "a", user: { email: "a@b.c", Password: "p" }, tokens: [{ accessToken: 1 }], email: "c@d.e" }

  it.each<readonly [string, Redaction.Names, unknown]>([
    ["a name, in any case and at any depth", ["PASSWORD"], { ...record, user: { email: "a@b.c", Password: gone } }],
    ["a path", ["user.email"], { ...record, user: { email: gone, Password: "p" } }],
    ["the end of a name", ["*token"], { ...record, tokens: [{ accessToken: gone }] }],
    ["the begin of a name", ["access*"], { ...record, tokens: [{ accessToken: gone }] }],
    ["parts of a name", ["a*ess*n"], { ...record, tokens: [{ accessToken: gone }] }],
    ["a path through a list", ["tokens.*"], { ...record, tokens: [{ accessToken: gone }] }],
    ["a whole object", ["user"], { ...record, user: gone }],
    ["several", ["user", "tokens"], { ...record, user: gone, tokens: gone }],
    ["everything", ["*"], { message: gone, user: gone, tokens: gone, email: gone }]
  ])("%s", (_, mask, expected) => assert.deepStrictEqual(recordAfter({ mask }, record), expected))

  it.each([["token"], ["s*token"], ["accesstokens*"], ["ac*cess*cess*"], [""], []])(
    "%j is no name here, and the event is the very same",
    (...mask) => {
      const event = function_(record)
      assert.strictEqual(Redaction.redact({ mask })(event), event)
    }
  )

  it("with another replacement", () => {
    assert.deepStrictEqual(recordAfter({ mask: ["a"], replacement: "$&" }, { a: 1, b: 2 }), { a: "$&", b: 2 })
  })

  it("or are removed", () => {
    assert.deepStrictEqual(recordAfter({ remove: ["user", "*token"] }, record), {
      message: "a",
      tokens: [{}],
      email: "c@d.e"
    })
  })

  it("in a line of text that is JSON", () => {
    assert.deepStrictEqual(recordAfter({ mask: ["a"] }, '{"a":1,"b":2}\n'), { a: gone, b: 2 })
    assert.strictEqual(recordAfter({ mask: ["c"] }, '{"a":1,"b":2}\n'), '{"a":1,"b":2}\n')
  })

  const deep = `x ${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`
  it.each<readonly [string, unknown, unknown]>([
    [
      "a line of Node, with an integer that is exact as a text",
      't\tid\tINFO\t{"a":"s","n":9007199254740993}\n',
      `t\tid\tINFO\t{"a":"${gone}","n":"9007199254740993"}`
    ],
    ["a field", { message: 'got {"b":{"a":1}}' }, { message: `got {"b":{"a":"${gone}"}}` }],
    ["after a word in braces", 'POST /users/{id} {"a":"s"}', `POST /users/{id} {"a":"${gone}"}`],
    ["after another object", 'x {"b":{"c":1}} {} { {"a":"s"}\n', `x {"b":{"c":1}} {} { {"a":"${gone}"}`],
    ["after 15 other braces", `${"{} ".repeat(15)}{"a":"s"}`, `${"{} ".repeat(15)}{"a":"${gone}"}`],
    ["with white space", 'x {} { "b": [{ "a": "s" }] } ', `x {} {"b":[{"a":"${gone}"}]}`],
    ["a list", '[{"a":"s"}]\n', `[{"a":"${gone}"}]`],
    ["a list in a list, after a level", '[ERROR] [1, [{"a":"s"}]]', `[ERROR] [1,[{"a":"${gone}"}]]`],
    [
      "a list that begins with a word of JSON",
      '[ERROR] [true, null, {"a":"s"}]',
      `[ERROR] [true,null,{"a":"${gone}"}]`
    ],
    ["a list without such a name", "[ERROR] [1, 2]", "[ERROR] [1, 2]"],
    ["JSON in JSON", 'x {"m":"{\\"a\\":1}"}', `x {"m":"{\\"a\\":\\"${gone}\\"}"}`],
    ["without such a name", 'x {"b":1}', 'x {"b":1}'],
    ["that is no JSON", "x { a: 's' }", "x { a: 's' }"],
    ["that goes on", 'x {"a":1} y', 'x {"a":1} y'],
    ["that is nested too deep", deep, deep]
  ])("in JSON at the end of a text: %s", (_, record, expected) => {
    assert.deepStrictEqual(recordAfter({ mask: ["a"] }, record), expected)
  })

  it("in a text of many braces, in no more time than a few readings of it", () => {
    const texts = [`x ${'{"b":'.repeat(50_000)} }`, `${"[".repeat(50_000)}{} ]`, `${"{ ".repeat(50_000)}]`]
    // With a try for each brace it took minutes.
    for (const text of texts) assert.strictEqual(recordAfter({ mask: ["a"] }, text), text)
  })

  it("under a name of any length, in no more time than the record is long", () => {
    const long = `user${"x".repeat(1_000_000)}`
    const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, index]))
    const record = { [long]: { ...fields, email: "a@b.c", name: "n" } }
    // With the whole path of each field it took minutes.
    assert.deepStrictEqual(recordAfter({ mask: ["user*.email"], remove: ["*x.name"] }, record), {
      [long]: { ...fields, email: gone }
    })
    const isKept = Redaction.filter({ excludeNames: ["user*.email"] })
    assert.isFalse(isKept(function_(record)))
  })

  it("and a name of JavaScript's own is a name", () => {
    const record: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":2}')
    assert.strictEqual(
      JSON.stringify(recordAfter({ mask: ["a"] }, record)),
      `{"__proto__":{"a":"${gone}"},"constructor":2}`
    )
  })
})

describe("texts are masked by expressions", () => {
  const all = Object.values(Redaction.patterns)
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJlMTIz"

  it.each([
    ["mail to jane.doe+x@mail.example.co.uk now", `mail to ${gone} now`],
    ["key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE", `key ${gone}, ${gone}`],
    ["authorization: Bearer abc.def-12345=", `authorization: Bearer ${gone}`],
    ["basic dXNlcjpwYXNzd29yZA==", `basic ${gone}`],
    [`token=${jwt};`, `token=${gone};`],
    ["card 4111 1111 1111 1111 or 4111-1111-1111-1111", `card ${gone} or ${gone}`],
    ["order 123456789012 of 2026-11-20", "order 123456789012 of 2026-11-20"],
    ["a@b, Bearer of news, eyJ.a.b", "a@b, Bearer of news, eyJ.a.b"]
  ])("%s", (text, expected) => {
    const lines = [text, `${text}\n`].map((line) => recordAfter({ patterns: all }, line))
    assert.deepStrictEqual(lines, [expected, text === expected ? `${text}\n` : expected])
    assert.deepStrictEqual(recordAfter({ patterns: all }, { a: [text] }), { a: [expected] })
  })

  it("an expression of the user with any flags, at every place, again and again", () => {
    for (const flags of ["", "g", "y", "gi"]) {
      const redact = Redaction.redact({ patterns: [new RegExp("se.ret", flags)] })
      for (const _ of [1, 2])
        assert.include(redact(function_("a secret and a se-ret")), { record: `a ${gone} and a ${gone}` })
    }
  })

  it("time grows as the text does", () => {
    const millis = (text: string) => {
      const before = process.threadCpuUsage()
      recordAfter({ patterns: all }, text)
      const { system, user } = process.threadCpuUsage(before)
      return (system + user) / 1000
    }
    for (const part of ["eyJ", "eyJ-", "eyJaaaaaaaa.", "Bearer ", "a.", "a@", "1 ", "AKIA", "a@a."]) {
      millis(part.repeat(1000))
      const growth = Math.min(
        ...[1, 2, 3, 4].map(() => millis(part.repeat(16_000)) / Math.max(millis(part.repeat(2000)), 0.5))
      )
      assert.isBelow(growth, 24, part)
    }
  })
})

describe("integers of any size", () => {
  const digits = "9007199254740993"

  it.effect("stay exact in a record that is changed", () =>
    Effect.gen(function* () {
      const record = `{"message":"a","id":${digits},"password":1}`
      const events = yield* received(
        `[{"time":"${time}","type":"function","record":${record}},{"time":"${time}","type":"function","record":${JSON.stringify(record)}}]`
      )
      assert.lengthOf(events, 2)
      for (const event of events) {
        const [log] = Logs.of(Redaction.redact({ remove: ["password"] })(event), { observedAt: 0 })
        assert.deepStrictEqual(log?.attributes, [{ key: "id", value: { intValue: digits } }])
      }
    })
  )
})

describe("other events", () => {
  const redact = Redaction.redact({ mask: ["requestId", "secret"], patterns: [/hidden/] })

  it("the events of Lambda pass as they are", () => {
    const event = TelemetryEvent.decode({ time, type: "platform.start", record: { requestId: "a", version: "hidden" } })
    assert.strictEqual(redact(event), event)
  })

  it.each([
    [
      { time, type: "audit", record: { secret: 1, a: "hidden" } },
      { secret: gone, a: gone }
    ],
    [{ type: "function", record: "hidden" }, gone],
    ["hidden", gone]
  ])("%j is redacted", (original, expected) => {
    const [log] = Logs.of(redact(TelemetryEvent.decode(original)), { observedAt: 0 })
    const whole = typeof original === "object" && !("time" in original) ? { ...original, record: expected } : expected
    assert.deepStrictEqual(log?.body, Attributes.anyValue(whole))
  })
})

describe("records are dropped", () => {
  const extension = TelemetryEvent.decode({ time, type: "extension", record: "a" })
  const start = TelemetryEvent.decode({ time, type: "platform.start", record: { requestId: "a" } })

  it.each<readonly [string, Redaction.FilterOptions, TelemetryEvent.TelemetryEvent, isKept: boolean]>([
    ["no condition", {}, function_("a"), true],
    ["below the level", { minimumSeverity: "WARN" }, function_({ level: "info" }), false],
    ["at the level", { minimumSeverity: "WARN" }, function_({ level: "warning" }), true],
    ["above the level", { minimumSeverity: "WARN" }, function_({ level: 60 }), true],
    ["without a level", { minimumSeverity: "WARN" }, function_("a"), true],
    ["with a level of its own", { minimumSeverity: "WARN" }, function_({ level: "notice" }), true],
    ["a type", { excludeTypes: ["extension"] }, extension, false],
    ["another type", { excludeTypes: ["extension"] }, function_("a"), true],
    ["a name", { excludeNames: ["health*"] }, function_({ a: [{ healthCheck: true }] }), false],
    ["a name in a line of JSON", { excludeNames: ["a"] }, function_('{"a":1}'), false],
    ["another name", { excludeNames: ["health*"] }, function_({ a: 1 }), true],
    ["a part of a line", { excludePatterns: [/GET \/health/g] }, function_("GET /health 200\n"), false],
    ["a part of JSON", { excludePatterns: [/"path":"\/health"/] }, function_({ path: "/health" }), false],
    ["another line", { excludePatterns: [/GET \/health/] }, function_("GET /orders 200\n"), true],
    [
      "the events of Lambda stay",
      { excludePatterns: [/./], minimumSeverity: "FATAL", excludeNames: ["*"] },
      start,
      true
    ],
    ["what could not be decoded stays", { excludePatterns: [/./] }, TelemetryEvent.decode("a"), true]
  ])("%s", (_, options, event, isKept) => {
    const isWanted = Redaction.filter(options)
    assert.deepStrictEqual([isWanted(event), isWanted(event)], [isKept, isKept])
  })
})
