/** Python handler files: their arguments, and the fate of their results and errors. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { errorOf, invokeOptions, withFunction } from "./functions.ts"
import { hasPython } from "./support.ts"

describe("a Python handler file", () => {
  it.live("without python3, one sentence says so", () =>
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
        "client": context.client_context.custom, "identity": context.identity.cognito_identity_id,
        "tenant": context.tenant_id, "in_time": 0 < remaining <= 10000, "cwd": os.getcwd(),
        "handler": os.environ["_HANDLER"], "runtime": os.environ["AWS_EXECUTION_ENV"][:18], "trace": os.environ["_X_AMZN_TRACE_ID"],
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
          client: { café: "€" },
          identity: "id",
          tenant: "tenant",
          in_time: true,
          cwd: Fs.realpathSync(directory),
          handler: "main.handler",
          runtime: "AWS_Lambda_python3",
          trace: "Root=1-2-3;Sampled=0"
        })
        const output = yield* emulator.journal.waitFor(Journal.is("Output"))
        assert.deepInclude(output, { source: "runtime", channel: "stdout", line: "working on Ada €" })
      })
      yield* python3(emulator, test)
    })
  )

  it.live("an error that it raises is posted with its type and stack; the process lives on", () =>
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
        assert.deepStrictEqual(stackTrace, [
          `  File "${handler}", line 6, in handler\n    raise OrderError("no such order")\n`
        ])
        assert.strictEqual(failed.functionError, "Runtime.Unknown")
        assert.strictEqual((yield* emulator.invoke('"pid"')).payload, first.payload)
        assert.strictEqual(errorOf(yield* emulator.invoke("{no json")).errorType, "Runtime.UnmarshalError")
      })
      yield* python3(emulator, test)
    })
  )

  const loadFailures: ReadonlyArray<readonly [text: string, errorType: string, message: RegExp]> = [
    ["other = 1", "Runtime.HandlerNotFound", /^\S+main\.py has no function named handler\. It has other\.$/],
    ["def handler(", "Runtime.UserCodeSyntaxError", /was never closed|unexpected EOF/],
    [
      "import no_such_module",
      "Runtime.ImportModuleError",
      /^Unable to import module 'main': No module named 'no_such_module'$/
    ],
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
