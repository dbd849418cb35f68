/** Holds a call of the contract to what the case promises. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { makeServer } from "../support/RawServer.ts"
import type { Outcome } from "./contract.ts"
import type { Case } from "./contractCases.ts"

/** @param perform makes the call to the host */
export const assertContract = Effect.fnUntraced(function* (
  { answer, gives, sends }: Case,
  perform: (host: string) => Effect.Effect<Outcome, never, Scope.Scope>
) {
  const { host, received } = yield* makeServer(() => answer)
  const outcome = yield* perform(host)
  if ("fails" in gives) {
    if (!("fails" in outcome)) return assert.fail(`it gives ${JSON.stringify(outcome.gives)}`)
    assert.strictEqual(outcome.fails, gives.fails)
    assert.strictEqual(outcome.again, gives.again)
    assert.include(outcome.message, gives.says ?? "")
  } else {
    assert.deepStrictEqual(outcome, { gives })
  }
  if (sends === undefined) return
  assert.lengthOf(received, sends.length)
  for (const [index, { headers = {}, ...request }] of sends.entries()) {
    assert.deepInclude(received[index], request)
    assert.deepInclude(received[index]?.headers, headers)
  }
})
