/** Lines of JSON loggers as people read them, alone and in the timeline. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { assert, describe, it } from "@effect/vitest"

const configError = `ConfigError: SchemaError(Expected string
  at ["TELEMETRY_URL"]) {
  [cause]: SchemaError: Expected string
      at file:///extension.ts:3:5
}`

const portInUse = `@effect-lambda/extension/ExtensionAborted: the policy is "exit": Extension.ServeError: @demo/ServeError
    at aborted (file:///FailurePolicy.ts:55:3)
    at file:///supervise.ts:94:63 {
  [cause]: @demo/ServeError:\u0020
      at Server.<anonymous> (file:///demo.ts:12:93) {
    [cause]: Error: listen EADDRINUSE:
     at 127.0.0.1:45999
        at listenInCluster (node:net:2437:12)
  }
}`

const withoutStack = `Error: a {
  [cause]: Error: b {
    [cause]: Error: c
  }
}`

it("a line that is nested too deep is no log line, and costs no process", () => {
  const message = `{"level":"INFO","message":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
  assert.isUndefined(LogLine.read(message))
})

// Each took many minutes when the causes were searched in the whole message, one by one.
it.each([
  ["a cause of many causes", "ready", "[cause]: ".repeat(600_000)],
  ["causes that the message nearly says", "a.".repeat(1_000_000), `b${"a.".repeat(500_000)}[cause]: `.repeat(2)]
])("%s takes no longer than its length", (_, message, cause) => {
  assert.isDefined(LogLine.read(JSON.stringify({ level: "ERROR", message, cause })))
})

describe.each<readonly [string, unknown, string | undefined]>([
  ["a message", { level: "INFO", message: "ready" }, "ready"],
  ["a message that is no text", { level: "INFO", message: ["a", 1] }, '["a",1]'],
  [
    "why, in the words before the stack",
    { level: "ERROR", message: "invoke failed", cause: "Error: no\n  licence\n    at file:///a.ts:1:1" },
    "invoke failed: Error: no licence"
  ],
  [
    "a missing Config",
    { level: "ERROR", message: "init failed", cause: configError },
    'init failed: ConfigError: SchemaError(Expected string at ["TELEMETRY_URL"])'
  ],
  [
    "the first error that the message has not named yet",
    {
      level: "FATAL",
      message: 'the extension ends: the policy is "exit": Extension.ServeError: @demo/ServeError',
      cause: portInUse
    },
    'the extension ends: the policy is "exit": Extension.ServeError: @demo/ServeError: Error: listen EADDRINUSE: at 127.0.0.1:45999'
  ],
  [
    "errors that are only names lead to one that has words",
    { level: "ERROR", message: "stopped", cause: portInUse.replace(/: the policy is.*/, "") },
    "stopped: Error: listen EADDRINUSE: at 127.0.0.1:45999"
  ],
  [
    "an error that has only a name",
    { level: "ERROR", message: "stopped", cause: "@demo/ServeError: \n    at file:///demo.ts:1:1" },
    "stopped: @demo/ServeError"
  ],
  [
    "errors without stacks",
    { level: "ERROR", message: "stopped: a: b", cause: withoutStack },
    "stopped: a: b: Error: c"
  ],
  [
    "nothing twice",
    { level: "ERROR", message: "no licence", cause: "Error: no licence\n    at file:///a.ts:1:1" },
    "no licence"
  ],
  [
    "nothing twice, where the message goes on",
    { level: "WARN", message: "a: b; 3 records are dropped", cause: withoutStack },
    "a: b; 3 records are dropped: Error: c"
  ],
  [
    "nothing twice, where a sentence follows",
    { level: "ERROR", message: "no answer: a: b. Inside Lambda this is rare", cause: withoutStack },
    "no answer: a: b. Inside Lambda this is rare: Error: c"
  ],
  [
    "an error whose words are part of the message by chance",
    { level: "ERROR", message: "a batch was not sent: it timed out", cause: "Error: sent" },
    "a batch was not sent: it timed out: Error: sent"
  ],
  [
    "one whose words end the message by chance",
    { level: "ERROR", message: "the batch was not sent", cause: "Error: sent" },
    "the batch was not sent: Error: sent"
  ],
  [
    "a cause without an end",
    { level: "ERROR", message: "invoke failed", cause: "x".repeat(5000) },
    `invoke failed: ${"x".repeat(500)}…`
  ],
  [
    "nothing twice, where it is long",
    { level: "ERROR", message: `no answer: ${"x".repeat(900)}`, cause: `Error: ${"x".repeat(900)}` },
    `no answer: ${"x".repeat(900)}`
  ],
  ["a cause that is no text", { level: "ERROR", message: "invoke failed", cause: { code: 1 } }, "invoke failed"],
  ["control characters", { message: "a\u001B[2J\u0007" }, "a\\x1b[2J\\x07"],
  ["JSON without a message", { level: "ERROR" }, undefined]
])("%s", (_, record, text) => {
  const line = JSON.stringify(record)

  it("is read", () => assert.strictEqual(LogLine.read(line)?.text, text))

  it("is a row of the timeline", () => {
    const level = /"level":"(\w+)"/.exec(line)?.[1]
    const entry: JournalEntry = { _tag: "Output", index: 0, at: 0, source: "extension:a", channel: "stdout", line }
    const shown = text === undefined ? line : level === undefined ? text : `${level} ${text}`
    assert.strictEqual(Timeline.make().render(entry).split(" | ")[1], shown)
  })
})

it("the error of the cause and the annotations are separate fields", () => {
  const annotations = { extension: "demo", "event.name": "lambda_extension.idle" }
  const record = {
    level: "ERROR",
    message: "init failed",
    cause: "Error: no\u0007 key\n    at file:///a.ts:1:1",
    annotations
  }
  const log = LogLine.read(JSON.stringify(record))
  assert.deepStrictEqual(log, {
    level: "ERROR",
    text: "init failed: Error: no\\x07 key",
    why: "Error: no\\x07 key",
    annotations
  })
  const bare = LogLine.read('{"message":"ready"}')
  assert.strictEqual(bare?.why, "")
  assert.isUndefined(bare?.annotations)
})

it.each(["plain words", "{ not JSON", '["a"]', ""])("%j is no line of a JSON logger", (line) => {
  assert.isUndefined(LogLine.read(line))
})

describe("records of Lambda's runtimes are shown in lines", () => {
  const time = "2026-11-28T09:20:40.756Z"
  const nodeError = { errorType: "TypeError", errorMessage: "boom" }
  const pythonError = { level: "ERROR", errorMessage: "boom", errorType: "ValueError", requestId: "" }
  const cases: ReadonlyArray<readonly [title: string, record: string, lines: ReadonlyArray<string>]> = [
    ["of Node as text", `${time}\tid\tINFO\tone\n  two\u0007`, ["INFO one", "  two\\x07"]],
    ["of Node as text in one line", `${time}\tundefined\tWARN\tone\rtwo`, ["WARN one", "two"]],
    ["of Python as text", `[WARNING]\t${time}\t\tone\ttab\ntwo`, ["WARNING one\ttab", "two"]],
    ["as JSON", JSON.stringify({ timestamp: time, level: "INFO", message: "one\ntwo" }), ["INFO one", "two"]],
    [
      "an error of Node as text",
      `${time}\tid\tERROR\tInvoke Error \t${JSON.stringify({ ...nodeError, stack: ["TypeError: boom", "    at a"] })}`,
      ["ERROR Invoke Error: TypeError: boom", "    at a"]
    ],
    [
      "an error of Node as JSON",
      JSON.stringify({ level: "ERROR", message: { ...nodeError, stackTrace: ["TypeError: boom", "    at a"] } }),
      ["ERROR TypeError: boom", "    at a"]
    ],
    ["an error without a stack", JSON.stringify({ level: "ERROR", message: nodeError }), ["ERROR TypeError: boom"]],
    [
      "an error of Python as JSON",
      JSON.stringify({ ...pythonError, stackTrace: ["  File a\n    raise\n", "  File b\n"] }),
      ["ERROR ValueError: boom", "  File a", "    raise", "  File b"]
    ],
    ["one of Python without a stack", JSON.stringify({ ...pythonError, stackTrace: [] }), ["ERROR ValueError: boom"]],
    ["what only looks like it", `${time}\tid\tinfo\tone`, [`${time}\tid\tinfo\tone`]]
  ]
  it.each(cases)("%s", (_, record, lines) => assert.deepStrictEqual(LogLine.readable(record), lines))

  it("below each other in the timeline, which keeps its columns", () => {
    const line = `${time}\tid\tINFO\tone\ntwo`
    const entry: JournalEntry = { _tag: "Output", index: 0, at: 0, source: "runtime", channel: "log", line }
    const [first = "", second = ""] = Timeline.make().render(entry).split("\n")
    assert.strictEqual(first.trimStart(), `0${" ".repeat(13)}runtime${" ".repeat(14)}| INFO one`)
    assert.strictEqual(second, `${" ".repeat(first.indexOf("|"))}| two`)
  })
})

it("ERROR and FATAL are errors", () => {
  const isError = (level: unknown) => LogLine.isError(LogLine.read(JSON.stringify({ level, message: "" }))!)
  assert.deepStrictEqual(["ERROR", "FATAL", "WARN", "INFO", 50].map(isError), [true, true, false, false, false])
})

describe("printable", () => {
  it.each([
    ["\u001b[2J\tred\u0000\u009b", "\\x1b[2J\tred\\x00\\x9b"],
    ["hello\u202egpj.exe\u2066\u2069\u200f", "hello\\u202egpj.exe\\u2066\\u2069\\u200f"],
    ["a\nb", "a\\x0ab"],
    ["grün 日本語 עברית", "grün 日本語 עברית"]
  ])("%j", (text, shown) => {
    assert.strictEqual(LogLine.printable(text), shown)
  })
})
