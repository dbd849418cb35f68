/** The client for sinks beside `fetch`, over the servers of wire/besideCases.ts: the same result, or a listed difference. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { trustAuthority } from "./support/Tls.ts"
import { besideClients, runBeside } from "./wire/beside.ts"
import { besideCases } from "./wire/besideCases.ts"

describe("a server that", () => {
  it.live.each(besideCases.map((row) => [row.server, row] as const))("%s", ([, row]) =>
    Effect.gen(function* () {
      yield* trustAuthority
      const [ours, theirs] = yield* Effect.forEach(besideClients, ([, layer]) => Effect.provide(runBeside(row), layer))
      assert.strictEqual(ours?.result, row.result)
      assert.strictEqual(theirs?.result, row.fetch?.result ?? row.result)
      // What the server got is the same too, as far as it went the same way.
      if (row.fetch === undefined) assert.deepStrictEqual(ours?.received, theirs?.received)
    })
  )
})
