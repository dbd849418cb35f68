/** Node handler files: their arguments, and the fate of their results and errors. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { errorOf, invokeOptions, withFunction } from "./functions.ts"
import { startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

describe("a Node handler file", () => {
  it.live("gets the event and the context, and its result is the answer", () =>
    Effect.gen(function* () {
      const { directory, emulator } = yield* withFunction(
        "index.mjs",
        `import { basename } from "node:path"
        export const handler = async (event, context) => {
          const { getRemainingTimeInMillis, ...plain } = context
          const remaining = getRemainingTimeInMillis()
          console.log("working on " + event.name)
          return { event, plain, inTime: remaining > 0 && remaining <= 10_000, cwd: process.cwd(),
            handler: process.env._HANDLER, root: process.env.LAMBDA_TASK_ROOT, runtime: process.env.AWS_EXECUTION_ENV, trace: process.env._X_AMZN_TRACE_ID }
        }`
      )
      const result = yield* emulator.invoke('{"name":"Ada €"}', invokeOptions)
      assert.strictEqual(result.functionError, undefined, result.payload)
      const { logStreamName, ...plain } = JSON.parse(result.payload).plain
      assert.match(logStreamName, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\]/)
      assert.deepStrictEqual(
        { ...JSON.parse(result.payload), plain },
        {
          event: { name: "Ada €" },
          plain: {
            awsRequestId: invokeOptions.requestId,
            invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:function:live",
            functionName: "function",
            functionVersion: "$LATEST",
            memoryLimitInMB: "128",
            logGroupName: "/aws/lambda/function",
            clientContext: { custom: { café: "€" } },
            identity: { cognitoIdentityId: "id", cognitoIdentityPoolId: "pool" },
            tenantId: "tenant"
          },
          inTime: true,
          cwd: Fs.realpathSync(directory),
          handler: "index.handler",
          root: directory,
          runtime: `AWS_Lambda_nodejs${process.versions.node.split(".", 1).join("")}.x`,
          trace: "Root=1-2-3;Sampled=0"
        }
      )
      const output = yield* emulator.journal.waitFor(Journal.is("Output"))
      assert.deepInclude(output, { source: "runtime", channel: "log" })
      assert.match(output.line, /Z\t11111111-2222-4333-8444-555555555555\tINFO\tworking on Ada €$/)
    })
  )

  it.live("another export, of CommonJS and of TypeScript; nothing returned is null", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const files = [
        ["index.cjs", "exports.main = (event) => event.n + 1"],
        ["index.ts", "export const main = (event: { readonly n: number }): void => void event"]
      ] as const
      const payloads = yield* Effect.forEach(
        files,
        Effect.fnUntraced(function* ([name, text]) {
          const handler = writeExecutable(directory, name, text)
          const emulator = yield* startEmulator({ function: { handler, export: "main" } })
          return (yield* emulator.invoke('{"n":1}')).payload
        })
      )
      assert.deepStrictEqual(payloads, ["2", "null"])
    })
  )

  it.live("an error that it throws is posted with its type and stack; the process lives on", () =>
    Effect.gen(function* () {
      const { emulator, handler } = yield* withFunction(
        "index.mjs",
        `class OrderError extends Error { name = "OrderError" }
        export const handler = async ({ what }) => {
          if (what === "string") throw "only text"
          if (what === "order") throw new OrderError("no such order")
          return process.pid
        }`
      )
      const first = yield* emulator.invoke('{"what":"pid"}')
      const order = yield* emulator.invoke('{"what":"order"}')
      const { trace, ...rest }: { readonly trace: ReadonlyArray<string> } = JSON.parse(order.payload)
      assert.deepStrictEqual(rest, { errorType: "OrderError", errorMessage: "no such order" })
      assert.match(trace[0] ?? "", /OrderError: no such order/)
      assert.include(trace[1], handler)
      // The type in the header has neither Runtime. nor Function. before it (docs/protocol.md#runtime-error).
      assert.strictEqual(order.functionError, "Runtime.Unknown")
      assert.isTrue(order.respondedByRuntime)
      const text = yield* emulator.invoke('{"what":"string"}')
      assert.deepStrictEqual(JSON.parse(text.payload), { errorType: "string", errorMessage: "only text", trace: [] })
      assert.strictEqual((yield* emulator.invoke('{"what":"pid"}')).payload, first.payload)
      const malformed = yield* emulator.invoke("{no json")
      assert.strictEqual(errorOf(malformed).errorType, "SyntaxError")
    })
  )

  it.live("an uncaught error is posted, then the process ends and the next invocation has a new process", () =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction(
        "index.mjs",
        `export const handler = ({ what }) => what === "reject"
          ? new Promise(() => { Promise.reject(new RangeError("lost promise")) })
          : what === "throw"
          ? new Promise(() => { setImmediate(() => { throw new RangeError("lost throw") }) })
          : what === "never"
          ? new Promise(() => {})
          : "fine"`
      )
      const rejected = errorOf(yield* emulator.invoke('{"what":"reject"}'))
      assert.deepInclude(rejected, {
        errorType: "Runtime.UnhandledPromiseRejection",
        errorMessage: "RangeError: lost promise"
      })
      const thrown = errorOf(yield* emulator.invoke('{"what":"throw"}'))
      assert.deepInclude(thrown, { errorType: "RangeError", errorMessage: "lost throw" })
      // Nothing is left to wait for, so Node ends the process.
      const never = errorOf(yield* emulator.invoke('{"what":"never"}'))
      assert.match(never.errorMessage, /Runtime exited without providing a reason$/)
      assert.strictEqual((yield* emulator.invoke("{}")).payload, '"fine"')
    })
  )

  const loadFailures: ReadonlyArray<readonly [text: string, errorType: string, message: RegExp]> = [
    [
      "export const other = 1; export const another = 2",
      "Runtime.HandlerNotFound",
      /^\S+index\.mjs exports no function named handler\. It exports another, other\.$/
    ],
    ["", "Runtime.HandlerNotFound", /^\S+index\.mjs exports no function named handler\. It exports nothing\.$/],
    ["export const handler = (", "Runtime.UserCodeSyntaxError", /^SyntaxError: Unexpected end of input$/],
    ['import "no-such-package"', "Runtime.ImportModuleError", /: Cannot find package 'no-such-package'/],
    ['throw new TypeError("at load")', "TypeError", /^at load$/]
  ]
  it.live.each(loadFailures)("a file that cannot be used: %s", ([text, errorType, message]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction("index.mjs", text)
      const result = yield* emulator.invoke("{}")
      const error = errorOf(result)
      assert.strictEqual(error.errorType, errorType)
      assert.match(error.errorMessage, message)
      assert.isFalse(result.respondedByRuntime)
      const reported = yield* emulator.journal.waitFor(Journal.is("ErrorReported"))
      assert.deepInclude(reported, { source: "runtime", route: "init/error" })
    })
  )

  it.live("streams", () =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction(
        "index.mjs",
        `const body = async (stream, parts) => { for (const part of parts) stream.write(part) }
        export const handler = awslambda.streamifyResponse(async ({ what }, stream, context) => {
          if (what === "http") stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 })
          if (what === "early") throw new TypeError("before the first byte")
          if (what === "object") stream.write({ a: 1 })
          await body(stream, ["one ", "two €"])
          if (what === "late") throw new TypeError("midway")
          stream.end()
          if (what === "object") return "ignored"
        })`
      )
      const plain = yield* emulator.invoke('{"what":"plain"}')
      assert.deepStrictEqual([plain.payload, plain.functionError], ["one two €", undefined])
      const http = yield* emulator.invoke('{"what":"http"}')
      assert.strictEqual(http.payload, `{"statusCode":201}${"\0".repeat(8)}one two €`)
      for (const what of ["early", "late"]) {
        const failed = yield* emulator.invoke(JSON.stringify({ what }))
        assert.strictEqual(failed.functionError, "Runtime.Unknown")
        assert.deepInclude(errorOf(failed), {
          errorType: "TypeError",
          errorMessage: what === "late" ? "midway" : "before the first byte"
        })
      }
      assert.strictEqual((yield* emulator.invoke('{"what":"plain"}')).payload, "one two €")
      assert.strictEqual((yield* emulator.invoke('{"what":"object"}')).payload, '{"a":1}one two €')
      const warning = Journal.is("Output", ({ line }) =>
        line.endsWith("WARN\tStreaming handlers ignore return values.")
      )
      yield* emulator.journal.waitFor(warning)
    })
  )

  it.live("a stream of a handler that returns no promise fails", () =>
    Effect.gen(function* () {
      const text = `exports.handler = awslambda.streamifyResponse((event, stream) => { setTimeout(() => stream.end("late"), 50) })`
      const { emulator } = yield* withFunction("index.cjs", text)
      assert.deepInclude(errorOf(yield* emulator.invoke("{}")), {
        errorType: "Error",
        errorMessage: "Streaming does not support non-async handlers."
      })
    })
  )

  it.live.each<readonly [string, string]>([
    ["a handler", "export const handler = () => new Promise(() => {})"],
    ["a module", "await new Promise(() => {})\nexport const handler = () => null"]
  ])("%s with a promise that never settles ends the process with 0, and prints nothing", ([, text]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction("index.mjs", text)
      const { functionError } = yield* emulator.invoke("{}")
      assert.strictEqual(functionError, "Runtime.ExitError")
      const exited = yield* emulator.journal.waitFor(Journal.is("ProcessExited"))
      assert.deepStrictEqual(exited.status, { _tag: "Code", code: 0 })
      assert.isEmpty((yield* emulator.journal.entries).filter(Journal.is("Output")))
    })
  )
})
