/** runMain as a real process against a scripted server. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { failures } from "./life/failures.ts"
import { invoke, lambda, shutdown } from "./life/lambda.ts"
import { life } from "./life/life.ts"
import { compressed } from "./life/sinks.ts"
import * as Program from "./support/Program.ts"
import { until } from "./support/RawServer.ts"
import { play } from "../../test/runtimes/scenario.ts"

describe.each(Program.runtimes)("runMain on %s", (runtime) => {
  play(runtime, [...life, ...failures, ...compressed])
})

// On Node a poll is repeated on purpose if its connection dies at once: LambdaHttpClient does that itself.
for (const bun of Program.runtimes.filter((name) => name === "bun")) {
  it.live("bun does not repeat a poll that lost its connection behind our back", () =>
    Effect.gen(function* () {
      const { cut, host, received } = yield* lambda(
        () => "park",
        invoke,
        () => shutdown(2000)
      )
      const run = yield* Program.start("probe.ts", { AWS_LAMBDA_RUNTIME_API: host }, bun)
      yield* until("the parked poll", () => received.length === 2)
      cut()
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      assert.include(run.output(), "the poll was lost")
      assert.include(run.output(), "handled r-1")
    })
  )
}
