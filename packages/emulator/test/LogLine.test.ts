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
    "a cause without an end",
    { level: "ERROR", message: "invoke failed", cause: "x".repeat(5000) },
    `invoke failed: ${"x".repeat(500)}…`
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

it.each(["plain words", "{ not JSON", '["a"]', ""])("%j is no line of a JSON logger", (line) => {
  assert.isUndefined(LogLine.read(line))
})

it("ERROR and FATAL are errors", () => {
  const isError = (level: unknown) => LogLine.isError(LogLine.read(JSON.stringify({ level, message: "" }))!)
  assert.deepStrictEqual(["ERROR", "FATAL", "WARN", "INFO", 50].map(isError), [true, true, false, false, false])
})
