/** Every client carries the Extensions API: the table in wire/contractCases.ts, over the bytes of a real connection. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeServer } from "./support/RawServer.ts"
import { assertContract } from "./wire/assertContract.ts"
import { makeApis, outcomeOf } from "./wire/contract.ts"
import { contractCases, ok } from "./wire/contractCases.ts"
import { clients } from "./wire/implementations.ts"

describe.each(clients)("over $name", ({ layer }) => {
  it.live.each(contractCases.map((row) => [row.name, row] as const))("%s", ([, row]) =>
    assertContract(row, (host) => outcomeOf(layer, row, host))
  )

  it.live("a refused connection is Unreachable and retryable", () =>
    Effect.gen(function* () {
      const { host } = yield* Effect.scoped(makeServer(() => ok))
      const { api } = yield* makeApis(layer, host)
      const error = yield* Effect.flip(api.register({ events: [] }))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.isTrue(error.isRetryable)
      assert.include(error.message, host)
    })
  )
})
