/** A batch that the backend took and whose answer has no end: an attempt that is cut meanwhile was no failure. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import { capturedLogs, runInTime, types } from "../support.ts"
import { url } from "./httpSink.ts"
import { accounted, invocation } from "./runs.ts"

const script = [invocation(1), invocation(2), ExtensionTest.shutdown()]

it.effect.each<readonly [string, Partial<Telemetry.Options<never, never>>]>([
  ["the time limit of an attempt", { exportTimeout: "50 millis" }],
  ["the time limit of the flush", { strategy: FlushStrategy.endOfInvocation, flushTimeout: "50 millis" }]
])("%s ends while the answer is read: nothing is sent twice, and all is delivered", ([, options]) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      requests.push(request)
      return HttpClientResponse.fromWeb(request, new Response(new ReadableStream()))
    })
  )
  return Effect.gen(function* () {
    const { layer, messages } = capturedLogs()
    const accounting = accounted()
    const onAccounting = accounting.onAccounting
    const telemetry = Telemetry.make({ types, ...options, onAccounting, sink: TelemetrySink.http({ url }) })
    yield* runInTime(Extension.run({ telemetry })).pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.provide(layer)
    )
    const ids = requests.map(({ headers }) => headers["idempotency-key"])
    assert.isAtLeast(ids.length, 2)
    assert.strictEqual(new Set(ids).size, ids.length)
    const [{ delivered, offered } = assert.fail("there is no sink")] = accounting.get().consumers
    assert.strictEqual(delivered, offered)
    assert.isAtLeast(offered, 6)
    assert.deepStrictEqual(messages, [])
  }).pipe(Effect.provide(ExtensionTest.layer(script)))
})
