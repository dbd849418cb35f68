/** The function side: bootstraps, Node and Python handler files, streams, errors, limits. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { hasPython, request, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** The function's file in a directory of its own, as on Lambda. */
const withFunction = Effect.fnUntraced(function* (name: string, text: string, options: Emulator.Options = {}) {
  const directory = yield* temporaryDirectory
  const handler = writeExecutable(directory, name, text, 0o644)
  const emulator = yield* startEmulator({ timeout: "10 seconds", function: { handler }, ...options })
  return { emulator, handler, directory }
})

const errorOf = ({ payload }: Emulator.InvokeResult): { readonly errorType: string; readonly errorMessage: string } =>
  JSON.parse(payload)

const invokeOptions: Emulator.InvokeOptions = {
  requestId: "11111111-2222-4333-8444-555555555555",
  traceHeader: "Root=1-2-3;Sampled=0",
  clientContext: '{"custom":{"café":"\n€"}}'.replace("\n", ""),
  cognitoIdentity: '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
  tenantId: "tenant",
  qualifier: "live"
}

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
            handler: process.env._HANDLER, root: process.env.LAMBDA_TASK_ROOT, trace: process.env._X_AMZN_TRACE_ID }
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
          trace: "Root=1-2-3;Sampled=0"
        }
      )
      const output = yield* emulator.journal.waitFor(Journal.is("Output"))
      assert.deepInclude(output, { source: "runtime", channel: "stdout", line: "working on Ada €" })
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

  it.live("what it throws is posted with its type and stack; the process lives on", () =>
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
      // The type in the header has neither Runtime. nor Function. before it (spec: Runtime API, error).
      assert.strictEqual(order.functionError, "Runtime.Unknown")
      assert.isTrue(order.respondedByRuntime)
      const text = yield* emulator.invoke('{"what":"string"}')
      assert.deepStrictEqual(JSON.parse(text.payload), { errorType: "string", errorMessage: "only text", trace: [] })
      assert.strictEqual((yield* emulator.invoke('{"what":"pid"}')).payload, first.payload)
      const malformed = yield* emulator.invoke("{no json")
      assert.strictEqual(errorOf(malformed).errorType, "Runtime.MalformedEvent")
    })
  )

  it.live("an error that nobody catches is posted, then the process ends and the next invocation has a new one", () =>
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
        errorMessage: "lost promise"
      })
      const thrown = errorOf(yield* emulator.invoke('{"what":"throw"}'))
      assert.deepInclude(thrown, { errorType: "RangeError", errorMessage: "lost throw" })
      // Nothing is left to wait for, so Node ends the process.
      const never = errorOf(yield* emulator.invoke('{"what":"never"}'))
      assert.match(never.errorMessage, /Runtime exited with error: exit status 13$/)
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
    ["export const handler = (", "Runtime.UserCodeSyntaxError", /^Unexpected end of input$/],
    ['import "no-such-package"', "Runtime.ImportModuleError", /^Cannot find package 'no-such-package'/],
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
          await body(stream, ["one ", "two €"])
          if (what === "late") throw new TypeError("midway")
          stream.end()
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
    })
  )
})

describe("a Python handler file", () => {
  it.live("where there is no python3, one sentence says so", () =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction("main.py", "", { environment: { PATH: "/does/not/exist" } })
      const failed = yield* emulator.journal.waitFor(Journal.is("LaunchFailed"))
      assert.strictEqual(failed.advice, "There is no program python3 in /does/not/exist. Install it, or give its path.")
    })
  )

  /** On a machine without Python the same tests show that the emulator says so. */
  const python3 = (
    emulator: Emulator.Emulator["Service"],
    test: Effect.Effect<void, Effect.Error<ReturnType<typeof emulator.invoke>>>
  ) =>
    hasPython
      ? test
      : Effect.map(emulator.journal.waitFor(Journal.is("LaunchFailed")), ({ message }) =>
          assert.strictEqual(message, 'exec: "python3": executable file not found in $PATH')
        )

  it.live("gets the event and the context, and its result is the answer", () =>
    Effect.gen(function* () {
      const { directory, emulator } = yield* withFunction(
        "main.py",
        `import os
def handler(event, context):
    print("working on " + event["name"])
    remaining = context.get_remaining_time_in_millis()
    return {
        "event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn,
        "name": context.function_name, "version": context.function_version, "memory": context.memory_limit_in_mb,
        "client": context.client_context, "identity": context.identity.cognito_identity_id,
        "tenant": context.tenant_id, "in_time": 0 < remaining <= 10000, "cwd": os.getcwd(),
        "handler": os.environ["_HANDLER"], "trace": os.environ["_X_AMZN_TRACE_ID"],
    }
`
      )
      const test = Effect.gen(function* () {
        const { payload } = yield* emulator.invoke('{"name":"Ada €"}', invokeOptions)
        assert.deepStrictEqual(JSON.parse(payload), {
          event: { name: "Ada €" },
          id: invokeOptions.requestId,
          arn: "arn:aws:lambda:us-east-1:123456789012:function:function:live",
          name: "function",
          version: "$LATEST",
          memory: "128",
          client: { custom: { café: "€" } },
          identity: "id",
          tenant: "tenant",
          in_time: true,
          cwd: Fs.realpathSync(directory),
          handler: "main.handler",
          trace: "Root=1-2-3;Sampled=0"
        })
        const output = yield* emulator.journal.waitFor(Journal.is("Output"))
        assert.deepInclude(output, { source: "runtime", channel: "stdout", line: "working on Ada €" })
      })
      yield* python3(emulator, test)
    })
  )

  it.live("what it raises is posted with its type and stack; the process lives on", () =>
    Effect.gen(function* () {
      const { emulator, handler } = yield* withFunction(
        "main.py",
        `import os
class OrderError(Exception):
    pass
def handler(event, context):
    if event == "order":
        raise OrderError("no such order")
    return os.getpid()
`
      )
      const test = Effect.gen(function* () {
        const first = yield* emulator.invoke('"pid"')
        const failed = yield* emulator.invoke('"order"', { requestId: "r" })
        const { stackTrace, ...rest }: { readonly stackTrace: ReadonlyArray<string> } = JSON.parse(failed.payload)
        assert.deepStrictEqual(rest, { errorType: "OrderError", errorMessage: "no such order", requestId: "r" })
        assert.include(stackTrace[0], `File "${handler}", line 6, in handler`)
        assert.strictEqual(failed.functionError, "Runtime.Unknown")
        assert.strictEqual((yield* emulator.invoke('"pid"')).payload, first.payload)
        assert.strictEqual(errorOf(yield* emulator.invoke("{no json")).errorType, "Runtime.MalformedEvent")
      })
      yield* python3(emulator, test)
    })
  )

  const loadFailures: ReadonlyArray<readonly [text: string, errorType: string, message: RegExp]> = [
    ["other = 1", "Runtime.HandlerNotFound", /^\S+main\.py has no function named handler\. It has other\.$/],
    ["def handler(", "Runtime.UserCodeSyntaxError", /was never closed|unexpected EOF/],
    ["import no_such_module", "Runtime.ImportModuleError", /^No module named 'no_such_module'$/],
    ['raise ValueError("at load")', "ValueError", /^at load$/]
  ]
  it.live.each(loadFailures)("a file that cannot be used: %s", ([text, errorType, message]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction("main.py", text)
      const test = Effect.gen(function* () {
        const error = errorOf(yield* emulator.invoke("{}"))
        assert.strictEqual(error.errorType, errorType)
        assert.match(error.errorMessage, message)
      })
      yield* python3(emulator, test)
    })
  )
})

/** A client of the Runtime API that this test drives, beside a function that is none. */
const driven = Effect.fnUntraced(function* () {
  const emulator = yield* startEmulator({ timeout: "10 seconds" })
  const runtime = "/2018-06-01/runtime"
  const call = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = "") =>
    request(emulator.runtimeApi, method, `${runtime}${path}`, headers, body)
  return { emulator, call }
})

describe("any client of the Runtime API", () => {
  it.live("a bootstrap that exits at once is one clear sentence", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const command = writeExecutable(directory, "bootstrap", "#!/bin/sh\nexit 0\n")
      const emulator = yield* startEmulator({ function: { command: [command] } })
      const result = yield* emulator.invoke("{}", { requestId: "r" })
      assert.strictEqual(
        result.payload,
        '{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: Runtime exited without providing a reason"}'
      )
    })
  )

  it.live("a response of exactly the limit passes, one byte more is refused and told to the invoker", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const bytes = 6_291_556
      const sizes = script(`
        for (;;) {
          const { id, body } = await nextInvocation()
          const { status } = await respond(id, Buffer.alloc(Number(body), "x"))
          console.log("status " + status)
        }`)
      const command = writeExecutable(directory, "function.cjs", sizes)
      const emulator = yield* startEmulator({ function: { command: [command] }, timeout: "10 seconds" })
      const largest = yield* emulator.invoke(String(bytes))
      assert.deepStrictEqual([largest.payload.length, largest.functionError], [bytes, undefined])
      const tooLarge = yield* emulator.invoke(String(bytes + 1))
      assert.strictEqual(tooLarge.functionError, "Function.ResponseSizeTooLarge")
      yield* emulator.journal.waitFor(Journal.is("Output", ({ line }) => line === "status 413"))
      assert.deepStrictEqual(
        (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ line }) => line),
        ["status 202", "status 413"]
      )
    })
  )

  it.live("the error in the trailers of a stream counts only for a stream", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const streaming = script(`
        for (;;) {
          const { id, body } = await nextInvocation()
          const outgoing = http.request({ host, port, agent, method: "POST", path: "/2018-06-01/runtime/invocation/" + id + "/response",
            headers: { ...JSON.parse(body), "Transfer-Encoding": "chunked",
              Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body" } })
          const answered = new Promise((done) => outgoing.on("response", (response) => response.resume().on("end", done)))
          outgoing.write("half")
          outgoing.addTrailers({ "Lambda-Runtime-Function-Error-Type": "Function.Midway",
            "Lambda-Runtime-Function-Error-Body": Buffer.from('{"errorMessage":"€"}').toString("base64") })
          outgoing.end()
          await answered
        }`)
      const command = writeExecutable(directory, "function.cjs", streaming)
      const emulator = yield* startEmulator({ function: { command: [command] }, timeout: "10 seconds" })
      const mode = (text: string) => JSON.stringify({ "Lambda-Runtime-Function-Response-Mode": text })
      const failed = yield* emulator.invoke(mode("streaming"))
      assert.deepStrictEqual([failed.functionError, failed.payload], ["Function.Midway", '{"errorMessage":"€"}'])
      const buffered = yield* emulator.invoke("{}")
      assert.deepStrictEqual([buffered.functionError, buffered.payload], [undefined, "half"])
    })
  )

  it.live("a value that no header can hold arrives as Go would send it", () =>
    Effect.gen(function* () {
      const { call, emulator } = yield* driven()
      yield* Effect.forkScoped(emulator.invoke("{}", { clientContext: '{\n"a":"€"}', tenantId: "a\r\nInjected: b" }))
      const { headers } = yield* call("GET", "/invocation/next")
      assert.strictEqual(
        Buffer.from(headers["lambda-runtime-client-context"] ?? "", "latin1").toString("utf8"),
        '{ "a":"€"}'
      )
      assert.strictEqual(headers["lambda-runtime-aws-tenant-id"], "a  Injected: b")
    })
  )
})

describe("a function that is no function", () => {
  it.live("one sentence each", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const text = Path.join(directory, "index.txt")
      Fs.writeFileSync(text, "")
      const options: ReadonlyArray<Emulator.FunctionOptions> = [
        { handler: "/does/not/exist.mjs" },
        { command: ["/does/not/exist"] },
        { command: ["sh"], cwd: "/does/not/exist" },
        { handler: text }
      ]
      const messages = yield* Effect.forEach(options, (option) =>
        Effect.map(Effect.flip(startEmulator({ function: option })), ({ message }) => message)
      )
      assert.deepStrictEqual(messages, [
        "Emulator.layer: No file at /does/not/exist.mjs. Build it first, or correct the path.",
        "Emulator.layer: No file at /does/not/exist. Build it first, or correct the path.",
        "Emulator.layer: The function's cwd /does/not/exist does not exist. Correct it.",
        `Emulator.layer: ${text} is neither a JavaScript nor a Python file. Give a program that speaks the Runtime API as function.command.`
      ])
    })
  )
})
