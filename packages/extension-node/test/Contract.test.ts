/** Every client carries the Extensions API: the table in wire/contractCases.ts, over the bytes of a real connection. */
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { makeServer } from "./support/RawServer.ts"
import { contractCases, ok } from "./wire/contractCases.ts"
import { clients } from "./wire/implementations.ts"

describe.each(clients)("over $name", ({ layer }) => {
  const makeApis = Effect.fnUntraced(function* (runtimeApi: string) {
    const context = yield* Layer.build(layer)
    return yield* Effect.all({
      api: ExtensionsApi.make({ runtimeApi, extensionName: "a" }),
      telemetry: TelemetryApi.make({ runtimeApi, initializationType: "on-demand" })
    }).pipe(Effect.provideContext(context))
  })

  it.live.each(contractCases.map((row) => [row.name, row] as const))("%s", ([, { answer, call, gives, sends }]) =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer(() => answer)
      const result = call(yield* makeApis(host))
      if ("fails" in gives) {
        const error = yield* Effect.flip(result)
        assert.strictEqual(error.reason._tag, gives.fails)
        assert.strictEqual(error.isRetryable, gives.again)
        assert.include(error.message, gives.says ?? "")
      } else {
        assert.deepStrictEqual(yield* result, gives)
      }
      if (sends === undefined) return
      assert.lengthOf(received, sends.length)
      for (const [index, { headers = {}, ...request }] of sends.entries()) {
        assert.deepInclude(received[index], request)
        assert.deepInclude(received[index]?.headers, headers)
      }
    })
  )

  it.live("a refused connection is Unreachable and retryable", () =>
    Effect.gen(function* () {
      const { host } = yield* Effect.scoped(makeServer(() => ok))
      const { api } = yield* makeApis(host)
      const error = yield* Effect.flip(api.register({ events: [] }))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.isTrue(error.isRetryable)
      assert.include(error.message, host)
    })
  )
})
