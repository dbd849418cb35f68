/** Errors that nothing catches or handles, in one process: a line for each, and the extension goes on. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Scenario } from "../../../test/runtimes/scenario.ts"
import { http } from "../support/RawServer.ts"
import { lambda, scenario, shutdown } from "./lambda.ts"

const longInvoke = () =>
  http(
    "200 OK",
    JSON.stringify({ eventType: "INVOKE", deadlineMs: Date.now() + 60_000, requestId: "r-1", invokedFunctionArn: "a" })
  )

// A value that cannot be printed has a line without annotations.
const Line = Schema.fromJsonString(
  Schema.Struct({ level: Schema.String, message: Schema.String, cause: Schema.optionalKey(Schema.String) })
)
const decode = Schema.decodeUnknownEffect(Schema.Array(Line))

const lines: Readonly<Record<string, number>> = { placed: 1, twice: 2, single: 1, silent: 0 }

/** The frames of the program itself, on Node and on LLRT. */
const place = /\n +at .*\/uncaught(?:\.mjs|\/bundle\.lrt):\d+:\d+/

export const uncaught: ReadonlyArray<Scenario> = [
  scenario("each error that nothing catches is one line with its place, and the extension goes on", (start) =>
    Effect.gen(function* () {
      const { host } = yield* lambda(longInvoke, () => shutdown(2000))
      const run = yield* start("uncaught.ts", { AWS_LAMBDA_RUNTIME_API: host })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      const [before, ...parts] = run.output().split(/^# /m)
      assert.strictEqual(before, "")
      assert.isAbove(parts.length, 50)
      for (const part of parts) {
        const end = part.indexOf("\n")
        const name = part.slice(0, end)
        const text = part.slice(end + 1).trim()
        const said = text === "" ? [] : yield* Effect.orDie(decode(text.split("\n")))
        const kind = name.split(" ")[0] ?? ""
        assert.lengthOf(said, lines[kind] ?? Number.NaN, `${name}: ${text}`)
        for (const { cause = "", level, message } of said) {
          assert.strictEqual(level, "ERROR", name)
          if (kind === "single") continue
          assert.match(message, /^an (?:uncaught exception|unhandled rejection); the extension goes on$/, name)
          assert.match(cause, /^\w+: boom/, name)
          assert.match(cause, place, name)
        }
      }
    })
  )
]
