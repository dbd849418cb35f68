/** Severity and request id in the log lines of runtimes and loggers, as those print them. */
import { TelemetryEvent } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import { cpuMillis } from "../support.ts"

const time = "2026-09-15T12:00:00.123Z"
const id = "6f747a88-9a5e-4d0c-8f0a-0c2a1b0d3e4f"
const function_ = (record: unknown) => TelemetryEvent.decode({ time, type: "function", record })
const fields = (record: unknown) => {
  const event = function_(record)
  return [TelemetryEvent.severity(event), TelemetryEvent.requestId(event)]
}

type Row = readonly [name: string, record: string, severity: string | undefined, requestId: string | undefined]

describe("a line of text", () => {
  const rows: ReadonlyArray<Row> = [
    ["Node", `${time}\t${id}\tERROR\tboom\n`, "ERROR", id],
    ["Node, an error of the handler", `${time}\t${id}\tERROR\tInvoke Error \t{"errorType":"Error"}\n`, "ERROR", id],
    ["Node, before the first invocation", `${time}\tundefined\tWARN\tslow\n`, "WARN", undefined],
    ["Node, an empty message", `${time}\t${id}\tINFO\t`, "INFO", id],
    ["Python", `[ERROR]\t${time}\t${id}\tboom\n`, "ERROR", id],
    ["Python, before the first invocation", `[WARNING]\t${time}\t\tslow\n`, "WARN", undefined],
    ["Python, an exception", "[ERROR] ValueError: boom\nTraceback (most recent call last):\n", "ERROR", undefined],
    ["Python, the next line of it", "Traceback (most recent call last):\n", undefined, undefined],
    ["Python, a failed import", "[ERROR] Runtime.ImportModuleError: Unable to import module\n", "ERROR", undefined],
    [".NET, fail", `${time}\t${id}\tfail\tboom\n`, "ERROR", id],
    [".NET, crit", `${time}\t${id}\tcrit\tboom\n`, "FATAL", id],
    [".NET, warn", `${time}\t${id}\twarn\tboom\n`, "WARN", id],
    [".NET, info", `${time}\t${id}\tinfo\tboom\n`, "INFO", id],
    [".NET, dbug", `${time}\t${id}\tdbug\tboom\n`, "DEBUG", id],
    [".NET, trce", `${time}\t${id}\ttrce\tboom\n`, "TRACE", id],
    [".NET, the logger of ASP.NET", "[Information] Microsoft.Hosting: started\n", "INFO", undefined],
    ["Java, the documented layout", `2026-09-15 12:00:00 ${id} ERROR Handler:12 - boom\n`, "ERROR", id],
    ["Java, a padded level", `2026-09-15 12:00:00 ${id} INFO  Handler - boom\n`, "INFO", id],
    ["Ruby", `E, [2026-09-15T12:00:00.123456 #8] ERROR ${id} -- : boom\n`, "ERROR", id],
    ["Ruby, a padded level", `I, [2026-09-15T12:00:00.123456 #8]  INFO ${id} -- : boom\n`, "INFO", id],
    ["a user's own fields", `${time}\torders\tERROR\tboom\n`, "ERROR", undefined],
    ["no level in the third field", `${time}\t${id}\tsaid\tERROR\n`, undefined, id],
    ["a word in brackets", "[note] ERROR\n", undefined, undefined],
    ["an id in the middle", `boom of ${id}\n`, undefined, undefined],
    ["the time and nothing else", `${time}\n`, undefined, undefined],
    ["nothing", "", undefined, undefined]
  ]

  it.each(rows)("%s", (_, record, severity, requestId) => assert.deepStrictEqual(fields(record), [severity, requestId]))

  it("is read the same after any other line", () => {
    for (const [, before] of rows) {
      for (const [name, record, severity, requestId] of rows) {
        fields(before)
        assert.deepStrictEqual(fields(record), [severity, requestId], `${name} after ${before}`)
      }
    }
  })
})

describe("a line of Python after another one", () => {
  const other = "0c2a1b0d-9a5e-4d0c-8f0a-6f747a883e4f"
  it.each<Row>([
    ["a later time", `[INFO]\t2026-09-15T12:00:01.000Z\t${id}\tnext\n`, "INFO", id],
    ["another day", `[INFO]\t2026-09-16T00:00:00.000Z\t${id}\tnext\n`, "INFO", id],
    ["another invocation", `[INFO]\t${time}\t${other}\tnext\n`, "INFO", other],
    ["no invocation", `[INFO]\t${time}\t\tnext\n`, "INFO", undefined],
    ["another level", `[ERROR]\t${time}\t${id}\tnext\n`, "ERROR", id],
    ["a word in the place of the id", `[INFO]\t${time}\tnext\n`, "INFO", undefined],
    ["a word that begins as the id", `[INFO]\t${time}\t${id}next\n`, "INFO", id],
    ["a time with words in it", `[INFO]\t2026-09-15Tnoon:00.123Z\t${id}\tnext\n`, "INFO", undefined],
    ["a time without its zone", `[INFO]\t2026-09-15T12:00:00.1234\t${id}\tnext\n`, "INFO", id],
    ["a line of Node", `${time}\t${id}\tERROR\tnext\n`, "ERROR", id]
  ])("%s", (_, record, severity, requestId) => {
    for (const head of [`[INFO]\t${time}\t${id}\t`, `[INFO]\t${time}\t\t`, `[INFO]\t${time}\t6 pieces, `]) {
      fields(`${head}first\n`)
      assert.deepStrictEqual(fields(record), [severity, requestId], head)
    }
  })
})

describe("a line of Node after another one", () => {
  const other = "0c2a1b0d-9a5e-4d0c-8f0a-6f747a883e4f"
  it.each<Row>([
    ["a later time", `2026-09-15T12:00:01.000Z\t${id}\tINFO\tnext\n`, "INFO", id],
    ["another day", `2026-09-16T00:00:00.000Z\t${id}\tINFO\tnext\n`, "INFO", id],
    ["another invocation", `${time}\t${other}\tINFO\tnext\n`, "INFO", other],
    ["another level", `${time}\t${id}\tERROR\tnext\n`, "ERROR", id],
    ["a word that begins as the level", `${time}\t${id}\tINFORMATION\tnext\n`, "INFO", id],
    ["a word that is no level", `${time}\t${id}\tINFORMS\tnext\n`, undefined, id],
    ["the end after the level", `${time}\t${id}\tINFO`, "INFO", id],
    ["a time with words in it", `2026-09-15Tnoon:00.123Z\t${id}\tINFO\tnext\n`, undefined, undefined],
    ["a time without its zone", `2026-09-15T12:00:00.1234\t${id}\tINFO\tnext\n`, "INFO", id],
    ["a time with another end", `2026-09-15T12:00:00.123+\t${id}\tINFO\tnext\n`, undefined, undefined],
    ["a date that is none", `2026/09/15T12:00:00.123Z\t${id}\tINFO\tnext\n`, undefined, undefined]
  ])("%s", (_, record, severity, requestId) => {
    for (const before of [`${time}\t${id}\tINFO\tfirst\n`, `${time}\t${id}\tINFO`]) {
      assert.deepStrictEqual(fields(before), ["INFO", id])
      assert.deepStrictEqual(fields(record), [severity, requestId])
    }
  })
})

describe("a line after one with a shorter time, whose fields end where the time of Lambda does", () => {
  it.each<readonly [name: string, before: string, Row]>([
    ["two columns", "2026-09-15T12:00:00Z\t\tGB\t12\n", ["Node", `${time}\t${id}\tERROR\tboom\n`, "ERROR", id]],
    ["no zone", "2026-09-15T12:00:00\ta\tGB\t12\n", ["Node", `${time}\t${id}\tERROR\tboom\n`, "ERROR", id]],
    ["a level", "2026-09-15T12:00:00Z\tabc\tINFO\t12\n", ["a text", `${time}\tINFO\tnext\n`, undefined, undefined]]
  ])("%s", (_, before, [, record, severity, requestId]) => {
    fields(before)
    assert.deepStrictEqual(fields(record), [severity, requestId])
  })
})

describe("JSON, as a record and as a line of text", () => {
  it.each<readonly [string, unknown, string | undefined, string | undefined]>([
    ["Lambda's own format", { timestamp: time, level: "ERROR", message: "boom", requestId: id }, "ERROR", id],
    ["Java", { timestamp: time, level: "WARN", message: "boom", AWSRequestId: id }, "WARN", id],
    ["Python's Lambda library", { log_level: "ERROR", message: "boom", aws_request_id: id }, "ERROR", id],
    ["Powertools", { level: "CRITICAL", message: "boom", function_request_id: id }, "FATAL", id],
    ["Powertools beside an id of the user's", { level: "INFO", requestId: "a", function_request_id: id }, "INFO", id],
    ["pino", { level: 50, time: 1, msg: "boom" }, "ERROR", undefined],
    ["pino-lambda", { level: "30", awsRequestId: id, msg: "boom" }, "INFO", id],
    ["pino with a level of its own", { level: 35, msg: "boom" }, "INFO", undefined],
    ["bunyan", { v: 0, level: 60, name: "a", msg: "boom" }, "FATAL", undefined],
    ["winston", { level: "error", message: "boom" }, "ERROR", undefined],
    ["Google's name", { severity: "WARNING", message: "boom" }, "WARN", undefined],
    ["Microsoft's console", { EventId: 0, LogLevel: "Information", Message: "boom" }, "INFO", undefined],
    ["Serilog", { "@t": time, "@l": "Error", "@mt": "boom" }, "ERROR", undefined],
    ["ECS", { "@timestamp": time, "log.level": "error", message: "boom" }, "ERROR", undefined],
    ["Rust", { level: "ERROR", fields: { message: "boom" }, span: { requestId: id, name: "invoke" } }, "ERROR", id],
    ["this library", { level: "WARN", message: "boom", annotations: { extension: "a", requestId: id } }, "WARN", id],
    ["a level nobody knows", { level: "notice" }, "NOTICE", undefined],
    ["a number nobody uses", { level: 7 }, undefined, undefined],
    ["a number too large", { level: 1e300 }, undefined, undefined],
    ["an empty level before another name", { level: "", severity: "info" }, "INFO", undefined],
    ["no text where an id should be", { requestId: 7, level: {}, span: "a" }, undefined, undefined],
    ["fields of a prototype", { constructor: 1 }, undefined, undefined]
  ])("%s", (_, record, severity, requestId) => {
    assert.deepStrictEqual(fields(record), [severity, requestId])
    assert.deepStrictEqual(fields(`${JSON.stringify(record)}\n`), [severity, requestId])
    assert.deepStrictEqual(fields(` ${JSON.stringify(record, null, 2)}\r\n`), [severity, requestId])
  })

  it.each(['{"level":"ERROR"', '{"level":"ERROR"} and more', `${"[".repeat(10_000)}`, '["ERROR"]', "17", "null"])(
    "a text that is no object has neither: %j",
    (record) => assert.deepStrictEqual(fields(record), [undefined, undefined])
  )

  it("a line is not changed by being read", () => {
    const line = '{"level":"ERROR","n":9007199254740993}\n'
    const event = function_(line)
    TelemetryEvent.severity(event)
    assert.deepStrictEqual<unknown>(TelemetryEvent.encode(event), { time, type: "function", record: line })
  })
})

describe("the level as it is written", () => {
  it.each<readonly [record: unknown, TelemetryEvent.Level | undefined]>([
    [{ level: "Warning" }, { text: "Warning", field: "level", severity: "WARN" }],
    [{ "log.level": " error " }, { text: "error", field: "log.level", severity: "ERROR" }],
    [{ level: 30 }, { text: "30", field: "level", severity: "INFO" }],
    [{ level: "30" }, { text: "30", field: "level", severity: "INFO" }],
    [{ level: 7 }, { text: "7", field: "level", severity: undefined }],
    [{ level: "notice" }, { text: "notice", field: "level", severity: "NOTICE" }],
    [
      { level: "", "@l": "Error" },
      { text: "Error", field: "@l", severity: "ERROR" }
    ],
    ['{"severity":"fatal"}\n', { text: "fatal", field: "severity", severity: "FATAL" }],
    [`${time}\t${id}\tfail\tboom\n`, { text: "fail", severity: "ERROR" }],
    [`${time}\t${id}\tsaid\tERROR\n`, undefined],
    [{ level: {} }, undefined],
    [null, undefined]
  ])("%j", (record, level) => assert.deepStrictEqual(TelemetryEvent.level(function_(record)), level))

  it("only a log has one", () => {
    const event = TelemetryEvent.decode({ time, type: "platform.logsDropped", record: {} })
    assert.isUndefined(TelemetryEvent.level(event))
  })
})

describe("the cost of a line grows no faster than the line", () => {
  const growing: ReadonlyArray<readonly [string, (length: number) => string]> = [
    ["spaces", (length) => " ".repeat(length)],
    ["tabs behind a time", (length) => `${time}${"\t".repeat(length)}`],
    ["a long second field", (length) => `${time}\t${"a".repeat(length)}`],
    ["digits of a time", (length) => `2026-09-15T${"1".repeat(length)}`],
    ["letters in a bracket", (length) => `[${"E".repeat(length)}`],
    ["spaces before a level", (length) => `2026-09-15 12:00:00 ${id}${" ".repeat(length)}`],
    ["half of JSON", (length) => `{"a":"${"b".repeat(length)}`]
  ]
  const cost = (record: string) => {
    const event = function_(record)
    return cpuMillis(() => {
      TelemetryEvent.severity(event)
      TelemetryEvent.requestId(event)
    })
  }
  it.each(growing)("%s", (_, line) => {
    const [short, long] = [line(20_000), line(160_000)]
    let small = Math.min(cost(short), cost(short))
    let large = cost(long)
    // Quadratic growth would be 64 times as much. A busy machine adds to a cost and takes nothing away: the least counts.
    for (let again = 0; again < 2 && large / small >= 32; again++) {
      small = Math.min(small, cost(short))
      large = Math.min(large, cost(long))
    }
    assert.isBelow(large / small, 32)
  })
})
