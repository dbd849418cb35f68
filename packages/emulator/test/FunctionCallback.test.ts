/** Handlers that call back: Lambda's runtimes before Node 24 wait for them, Node 24 refuses them. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { errorOf, withFunction } from "./functions.ts"
import { temporaryDirectory, writeExecutable } from "./support.ts"

type Result = string | { readonly errorType: string; readonly errorMessage: string }

/** The bootstrap follows the version that Node tells, and this Node tells another. */
const asNode = Effect.fnUntraced(function* (version: string) {
  const text = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`
  const file = writeExecutable(yield* temporaryDirectory, "version.cjs", text, 0o644)
  return { environment: { NODE_OPTIONS: `--require=${file}` } }
})

const results = (emulator: Emulator.Emulator["Service"], events: ReadonlyArray<string>) =>
  Effect.forEach(
    events,
    Effect.fnUntraced(function* (what): Effect.fn.Return<Result, EmulatorError> {
      const result = yield* emulator.invoke(JSON.stringify({ what }))
      return result.functionError === undefined ? result.payload : errorOf(result)
    })
  )

describe("before Node 24", () => {
  const callback = `
    const ways = {
      value: (done) => setTimeout(() => done(null, "from callback"), 20),
      nothing: (done) => done(),
      error: (done) => done(new RangeError("too far")),
      text: (done) => done("only text"),
      twice: (done) => { done(null, "first"); done(null, "second"); done(new Error("late")) },
      throws: () => { throw new TypeError("thrown") }
    }
    exports.handler = (event, context, callback) => ways[event.what](callback)`

  const context = `
    exports.handler = (event, context) => {
      setTimeout(() => {}, 60_000)
      switch (event.what) {
        case "succeed": return context.succeed({ way: "succeed" })
        case "fail": return context.fail(new RangeError("failed"))
        case "fail without": return context.fail()
        case "done": return context.done(null, "done")
        case "done with": return context.done(new RangeError("done with"))
      }
    }`

  const promises = `
    const promised = { value: async () => "promised", error: async () => { throw new RangeError("rejected") } }
    exports.handler = (event, context) => {
      setTimeout(() => {}, 60_000)
      return promised[event.what]()
    }`

  const error = (errorType: string, errorMessage: string): Result => ({ errorType, errorMessage })

  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<readonly [event: string, result: Result]>]> = [
    [
      "the response waits for the callback, whose first call counts",
      callback,
      [
        ["value", '"from callback"'],
        ["nothing", "null"],
        ["error", error("RangeError", "too far")],
        ["text", error("string", "only text")],
        ["twice", '"first"'],
        ["throws", error("TypeError", "thrown")],
        ["value", '"from callback"']
      ]
    ],
    [
      "context.succeed, fail and done respond at once",
      context,
      [
        ["succeed", '{"way":"succeed"}'],
        ["fail", error("RangeError", "failed")],
        ["fail without", error("string", "handled")],
        ["done", '"done"'],
        ["done with", error("RangeError", "done with")]
      ]
    ],
    [
      "a promise responds at once",
      promises,
      [
        ["value", '"promised"'],
        ["error", error("RangeError", "rejected")]
      ]
    ],
    ["what a handler returns without a callback is no result", "exports.handler = () => 'returned'", [["", "null"]]],
    [
      "a promise that never settles fails, and the process lives on",
      `const id = process.pid
       exports.handler = async (event) => event.what === "never" ? new Promise(() => {}) : id === process.pid`,
      [
        [
          "never",
          error(
            "Runtime.NodeJsExit",
            "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"
          )
        ],
        ["", "true"]
      ]
    ]
  ]

  it.live.each(cases)("%s", ([, text, expected]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction("index.cjs", text, yield* asNode("22.21.0"))
      const found = yield* results(
        emulator,
        expected.map(([event]) => event)
      )
      for (const [index, [event, result]] of expected.entries()) {
        const answer = found[index]
        if (typeof result === "string" || typeof answer === "string") assert.strictEqual(answer, result, event)
        else assert.deepInclude(answer, result, event)
      }
      // Nothing of it ended the process.
      assert.isEmpty((yield* emulator.journal.entries).filter(Journal.is("ProcessExited")))
    })
  )

  it.live("callbackWaitsForEmptyEventLoop: false responds while something is left to do", () =>
    Effect.gen(function* () {
      const text = `exports.handler = (event, context, callback) => {
        setTimeout(() => {}, 60_000)
        context.callbackWaitsForEmptyEventLoop = event.what === "waits"
        callback(null, context.callbackWaitsForEmptyEventLoop)
      }`
      const version = yield* asNode("20.20.2")
      const { emulator } = yield* withFunction("index.cjs", text, { ...version, timeout: "2 seconds" })
      assert.strictEqual((yield* emulator.invoke('{"what":"goes on"}')).payload, "false")
      assert.strictEqual((yield* emulator.invoke('{"what":"waits"}')).functionError, "Sandbox.Timedout")
    })
  )

  it.live("a warning says what Node 24 will do, if it is not switched off", () =>
    Effect.gen(function* () {
      const { environment } = yield* asNode("22.21.0")
      const warned = Effect.fnUntraced(function* (variables: Readonly<Record<string, string>>) {
        const text = "exports.handler = (event, context, callback) => callback()"
        const { emulator } = yield* withFunction("index.cjs", text, { environment: { ...environment, ...variables } })
        yield* emulator.invoke("{}")
        return (yield* emulator.journal.entries).filter(
          Journal.is("Output", ({ line }) =>
            line.includes("\tWARN\tAWS Lambda plans to remove support for callback-based")
          )
        ).length
      })
      assert.strictEqual(yield* warned({}), 1)
      assert.strictEqual(yield* warned({ AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING: "1" }), 0)
    })
  )
})

describe("from Node 24 on", () => {
  const refused: ReadonlyArray<readonly [title: string, name: string, text: string]> = [
    ["a CommonJS handler", "index.cjs", "exports.handler = (event, context, callback) => callback(null, 1)"],
    ["an async one with three parameters", "index.mjs", "export const handler = async (event, context, callback) => 1"]
  ]
  it.live.each(refused)("%s that takes a callback fails init with Lambda's words", ([, name, text]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction(name, text, yield* asNode("24.0.0"))
      const result = yield* emulator.invoke("{}")
      assert.strictEqual(result.functionError, "Runtime.CallbackHandlerDeprecated")
      assert.match(
        errorOf(result).errorMessage,
        /^ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node\.js 24\. /
      )
      const { route } = yield* emulator.journal.waitFor(Journal.is("ErrorReported"))
      assert.strictEqual(route, "init/error")
    })
  )

  it.live("the returned value of a handler is the result, and its context has no callbacks", () =>
    Effect.gen(function* () {
      const text = `exports.handler = (event, context, ...rest) =>
        [rest.length, "done" in context, "callbackWaitsForEmptyEventLoop" in context]`
      const { emulator } = yield* withFunction("index.cjs", text, yield* asNode("24.0.0"))
      assert.strictEqual((yield* emulator.invoke("{}")).payload, "[0,false,false]")
    })
  )

  it.live("a stream may have three parameters", () =>
    Effect.gen(function* () {
      const text = `exports.handler = awslambda.streamifyResponse(async (event, stream, context) => stream.end("ok"))`
      const { emulator } = yield* withFunction("index.cjs", text, yield* asNode("24.0.0"))
      assert.strictEqual((yield* emulator.invoke("{}")).payload, "ok")
    })
  )
})
