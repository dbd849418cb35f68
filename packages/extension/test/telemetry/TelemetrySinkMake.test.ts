/** Sinks of the user's, and the sink that prints. */
import { TelemetrySink } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { batch, endpoint, ndjson, secret, transportError } from "./httpSink.ts"

describe("console", () => {
  it.effect("prints one JSON line per record, through Effect's Console", () =>
    Effect.gen(function* () {
      const printed: Array<unknown> = []
      const console = Object.assign(Object.create(globalThis.console), {
        log: (...texts: ReadonlyArray<unknown>) => printed.push(...texts)
      })
      const sink = yield* Effect.provideService(TelemetrySink.console, Console.Console, console)
      yield* sink.export(batch)
      assert.deepStrictEqual(printed, [ndjson.trimEnd()])
      assert.isTrue(sink.isOwnLog)
    })
  )
})

describe("make", () => {
  class Store extends Context.Service<Store, { readonly put: (text: string) => void }>()("test/Store") {}

  it.effect("takes the requirements of export when the sink is made", () =>
    Effect.gen(function* () {
      const stored: Array<string> = []
      const sink = yield* TelemetrySink.make({
        name: "store",
        export: (batch) => Effect.map(Store, (store) => store.put(batch.id))
      }).pipe(Effect.provideService(Store, { put: (text) => stored.push(text) }))
      yield* sink.export(batch)
      assert.deepStrictEqual(stored, ["batch-1"])
    })
  )

  it.effect("says the causes that its client hides, and nothing of the request but method and URL", () =>
    Effect.gen(function* () {
      const refused = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:1") })
      const { layer } = endpoint(transportError(refused))
      const request = HttpClientRequest.post("http://127.0.0.1:1/").pipe(
        HttpClientRequest.setHeader("authorization", secret),
        HttpClientRequest.bodyText("a record")
      )
      const sink = yield* TelemetrySink.make({ name: "own", export: () => HttpClient.execute(request) }).pipe(
        Effect.provide(layer)
      )
      const { message } = yield* Effect.flip(sink.export(batch))
      assert.strictEqual(
        message,
        "the sink own did not take a batch: Transport error (POST http://127.0.0.1:1/): " +
          "fetch failed: connect ECONNREFUSED 127.0.0.1:1"
      )
    })
  )

  it.effect("does not show the header value that its client refuses", () =>
    Effect.gen(function* () {
      const headers = yield* Effect.try(() => new Headers({ authorization: "Bearer abc\ndef" })).pipe(Effect.flip)
      const sink = yield* TelemetrySink.make({ name: "own", export: () => Effect.fail(headers) })
      const { message } = yield* Effect.flip(sink.export(batch))
      assert.include(message, '"<redacted>" is an invalid header value')
      assert.notInclude(message, "abc")
    })
  )

  it.effect("a cause that cannot be read is a failure like any other", () =>
    Effect.gen(function* () {
      const unreadable = {
        message: "no",
        get cause() {
          throw new Error("unreadable")
        }
      }
      const sink = yield* TelemetrySink.make({ name: "own", export: () => Effect.fail(unreadable) })
      const { message } = yield* Effect.flip(sink.export(batch))
      assert.strictEqual(message, "the sink own did not take a batch: no")
    })
  )

  it.effect("every failure may pass, unless it is told otherwise", () =>
    Effect.gen(function* () {
      const failing = { name: "store", export: () => Effect.fail("full") }
      const one = yield* Effect.flip((yield* TelemetrySink.make(failing)).export(batch))
      const other = yield* Effect.flip(
        (yield* TelemetrySink.make({ ...failing, isRetryable: (error) => error !== "full" })).export(batch)
      )
      assert.deepStrictEqual([one.isRetryable, other.isRetryable], [true, false])
      assert.strictEqual(one.message, "the sink store did not take a batch: full")
    })
  )
})
