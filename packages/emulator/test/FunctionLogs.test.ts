/** The output of a function of a handler file: the form in which it arrives, and that all of it does. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { withFunction } from "./functions.ts"
import { hasPython } from "./support.ts"

const lines = 60_000

describe("everything that a function printed arrives, however its process ends", () => {
  const node = (print: string, end: string) =>
    `export const handler = () => { for (let i = 1; i <= ${lines}; i++) ${print}; ${end} }`
  const python = (end: string) => `import os, signal
def handler(event, context):
    for i in range(1, ${lines} + 1):
        print(f"line {i}")
    ${end}
`
  const exit = "process.exit(7)"
  const kill = 'process.kill(process.pid, "SIGKILL")'
  const cases: ReadonlyArray<readonly [title: string, file: string, text: string]> = [
    ["console.log, process.exit", "index.mjs", node('console.log("line", i)', exit)],
    ["process.stdout, SIGKILL", "index.mjs", node("process.stdout.write(`line ${i}\\n`)", kill)],
    ["process.stderr, process.exit", "index.mjs", node("process.stderr.write(`line ${i}\\n`)", exit)],
    ...(hasPython
      ? [
          ["print, os._exit", "main.py", python("os._exit(7)")] as const,
          ["print, SIGKILL", "main.py", python("os.kill(os.getpid(), signal.SIGKILL)")] as const
        ]
      : [])
  ]
  it.live.each(cases)("%s", ([, name, text]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction(name, text, { timeout: "60 seconds" })
      yield* emulator.invoke("{}")
      yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      const printed = (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ line }) => line)
      assert.strictEqual(printed.length, lines)
      assert.match(printed[0] ?? "", /\bline 1$/)
      assert.match(printed[lines - 1] ?? "", /\bline 60000$/)
    })
  )
})

const requestId = "11111111-2222-4333-8444-555555555555"

/** Replaces the parts that differ from run to run, from one Python to another, or that are not the function's. */
const known = (text: string, directory: string): string =>
  text
    .replaceAll(directory, "DIR")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g, "TIME")
    .replaceAll(requestId, "ID")
    .replaceAll(/\n\s+[~^]+(?=\n)/g, "")
    .replace(/(\n {4}at handler [^\n]*)[^]*$/, "$1")
    .replace(/(" {4}at handler [^"]*").*$/, "$1]}")

/** The output of a function at its load and in an invocation: its channel, and the text or the object. */
const printed = Effect.fnUntraced(function* (name: string, text: string, options: Emulator.Options) {
  const { directory, emulator } = yield* withFunction(name, text, options)
  yield* emulator.invoke("{}", { requestId })
  yield* emulator.journal.waitFor(Journal.is("RuntimeDone"))
  return (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ channel, line }): Printed => {
    if (!line.startsWith("{")) return [channel, known(line, directory)]
    const record: unknown = JSON.parse(line, (key, value: unknown) => {
      if (key === "stackTrace" && Array.isArray(value)) return value.slice(0, 2)
      return typeof value === "string" ? known(value, directory) : value
    })
    return [channel, record]
  })
})

type Printed = readonly [channel: Journal.Channel, what: unknown]

const node = `console.log("at load")
export const handler = async () => {
  console.log("one\\ntwo", { three: 3 })
  console.debug("detail %d", 7)
  console.warn(new RangeError("range"))
  console.error("bad:", new TypeError("type"))
  console.log({ order: 1 })
  console.fatal(1n)
  console.log()
  process.stdout.write("raw\\nlines\\n")
  throw Object.assign(new TypeError("boom"), { code: "E1" })
}`

const nodeText: ReadonlyArray<Printed> = [
  ["log", "TIME\tundefined\tINFO\tat load"],
  ["log", "TIME\tID\tINFO\tone\ntwo { three: 3 }"],
  ["log", "TIME\tID\tDEBUG\tdetail 7"],
  ["log", "TIME\tID\tWARN\tRangeError: range\n    at handler (file://DIR/index.mjs:5:16)"],
  ["log", "TIME\tID\tERROR\tbad: TypeError: type\n    at handler (file://DIR/index.mjs:6:25)"],
  ["log", "TIME\tID\tINFO\t{ order: 1 }"],
  ["log", "TIME\tID\tFATAL\t1n"],
  ["log", "TIME\tID\tINFO\tundefined"],
  ["stdout", "raw"],
  ["stdout", "lines"],
  [
    "log",
    'TIME\tID\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"boom","code":"E1",' +
      '"stack":["TypeError: boom","    at handler (file://DIR/index.mjs:11:23)"]}'
  ]
]

const ofNode = (level: string, rest: object): Printed => ["log", { timestamp: "TIME", level, requestId: "ID", ...rest }]

const nodeError = (errorType: string, errorMessage: string, place: string) => ({
  errorType,
  errorMessage,
  stackTrace: [`${errorType}: ${errorMessage}`, `    at handler (file://DIR/index.mjs:${place})`]
})

/** The format JSON has the level INFO. */
const nodeJson: ReadonlyArray<Printed> = [
  ["log", { timestamp: "TIME", level: "INFO", message: "at load" }],
  ofNode("INFO", { message: "one\ntwo { three: 3 }" }),
  ofNode("WARN", { message: nodeError("RangeError", "range", "5:16") }),
  ofNode("ERROR", {
    message: "bad: TypeError: type\n    at handler (file://DIR/index.mjs:6:25)",
    ...nodeError("TypeError", "type", "6:25")
  }),
  ofNode("INFO", { message: { order: 1 } }),
  ofNode("FATAL", { message: "1n" }),
  ofNode("INFO", {}),
  ["stdout", "raw"],
  ["stdout", "lines"],
  ofNode("ERROR", { message: { ...nodeError("TypeError", "boom", "11:23"), code: "E1" } })
]

const python = `import logging
logging.warning("at load")
def handler(event, context):
    logger = logging.getLogger("orders")
    logger.warning("one\\ntwo")
    logger.info("only with a level")
    logger.error("order %d", 7, extra={"order": 7})
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("bad")
    print("raw\\nlines")
    context.log("as it is")
    raise ValueError("boom")
`

const pythonText: ReadonlyArray<Printed> = [
  ["log", "[WARNING]\tTIME\t\tat load"],
  ["log", "[WARNING]\tTIME\tID\tone\ntwo"],
  ["log", "[ERROR]\tTIME\tID\torder 7"],
  [
    "log",
    "[ERROR]\tTIME\tID\tbad\nTraceback (most recent call last):\n" +
      '  File "DIR/main.py", line 9, in handler\n    1 / 0\nZeroDivisionError: division by zero'
  ],
  ["stdout", "raw"],
  ["stdout", "lines"],
  ["log", "as it is"],
  [
    "log",
    "[ERROR] ValueError: boom\nTraceback (most recent call last):\n" +
      '\u00a0\u00a0File "DIR/main.py", line 14, in handler\n\u00a0\u00a0\u00a0\u00a0raise ValueError("boom")'
  ]
]

const ofPython = (level: string, rest: object): Printed => [
  "log",
  { timestamp: "TIME", level, logger: "orders", requestId: "ID", ...rest }
]

const pythonJson: ReadonlyArray<Printed> = [
  ["log", { timestamp: "TIME", level: "WARNING", message: "at load", logger: "root", requestId: "" }],
  ofPython("WARNING", { message: "one\ntwo" }),
  ofPython("INFO", { message: "only with a level" }),
  ofPython("ERROR", { message: "order 7", order: 7 }),
  ofPython("ERROR", {
    message: "bad",
    errorType: "ZeroDivisionError",
    errorMessage: "division by zero",
    stackTrace: ['  File "DIR/main.py", line 9, in handler\n    1 / 0\n'],
    location: "DIR/main.py:handler:11"
  }),
  ["stdout", "raw"],
  ["stdout", "lines"],
  ["log", "as it is"],
  [
    "log",
    {
      timestamp: "TIME",
      level: "ERROR",
      errorMessage: "boom",
      errorType: "ValueError",
      requestId: "ID",
      stackTrace: ['  File "DIR/main.py", line 14, in handler\n    raise ValueError("boom")\n']
    }
  ]
]

type Case = readonly [
  title: string,
  name: string,
  text: string,
  options: Emulator.Options,
  expected: ReadonlyArray<Printed>
]

/** AWS's emulator gives no descriptor: there a record is a line of stdout, with CR for its line breaks. */
const asLines = (records: ReadonlyArray<Printed>): ReadonlyArray<Printed> =>
  records.map(([, what]) => ["stdout", typeof what === "string" ? what.replaceAll("\n", "\r") : what])

describe("each call of a logger is one record, in the order of all output", () => {
  const cases: ReadonlyArray<Case> = [
    ["Node, text", "index.mjs", node, {}, nodeText],
    ["Node, JSON", "index.mjs", node, { logFormat: "json" }, nodeJson],
    ["Python, text", "main.py", python, {}, pythonText],
    ["Python, JSON", "main.py", python, { logFormat: "json" }, pythonJson],
    [
      "Node, a level",
      "index.mjs",
      node,
      { environment: { AWS_LAMBDA_LOG_LEVEL: "warn" } },
      nodeText.filter(([channel, what]) => channel === "stdout" || /\t(?:WARN|ERROR|FATAL)\t/.test(String(what)))
    ],
    [
      "Python, a level",
      "main.py",
      python,
      { environment: { AWS_LAMBDA_LOG_LEVEL: "INFO" } },
      pythonText.toSpliced(2, 0, ["log", "[INFO]\tTIME\tID\tonly with a level"])
    ],
    [
      "the format that a variable says",
      "index.mjs",
      node,
      { environment: { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" } },
      nodeJson
    ],
    [
      "Node under rie",
      "index.mjs",
      'export const handler = () => console.log("a\\nb")',
      { profile: "rie" },
      asLines([["log", "TIME\tID\tINFO\ta\nb"]])
    ]
  ]
  it.live.each(cases.filter(([, name]) => hasPython || !name.endsWith(".py")))(
    "%s",
    ([, name, text, options, expected]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* printed(name, text, options), expected)
      })
  )
})
