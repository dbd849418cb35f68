/** The backend of `ExtensionTest`: sinks send to it without a server, and the test reads their requests from the journal. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { capturedLogs, runInTime, types, words } from "../support.ts"
import { bytesOf, endpoint, url } from "./httpSink.ts"
import { accounted, invocation } from "./runs.ts"

const script = [invocation(1), ExtensionTest.shutdown()]

const run = (options: Partial<Telemetry.Options<never, never>> = {}) =>
  Extension.run({ telemetry: Telemetry.make({ types, ...options, sink: TelemetrySink.http({ url }) }) })

const sent = Effect.map(ExtensionTest.journal, (entries) =>
  entries.flatMap((entry) => (entry._tag === "Sent" ? [entry] : []))
)

const textOf = (request: HttpClientRequest.HttpClientRequest) => new TextDecoder().decode(bytesOf(request))

describe("the backend in memory", () => {
  it.effect("takes each request, and the journal has it at its place", () =>
    Effect.gen(function* () {
      yield* runInTime(run())
      const order = ["Registered", "Subscribed", "Next", "INVOKE", "Delivered", "Delivered", "Sent", "Next", "SHUTDOWN"]
      assert.deepStrictEqual(yield* words, [...order, "ExitAt"])
      const [entry] = yield* sent
      assert.deepInclude(entry, { at: 125, status: 200 })
      assert.deepInclude(entry?.request, { method: "POST", url })
      assert.include(entry && textOf(entry.request), "line 1")
    }).pipe(Effect.provide(ExtensionTest.layer(script)))
  )

  it.effect(
    "answers as the option respond says, which sees the request: a batch that is sent again keeps its id",
    () => {
      const seen: Array<string | undefined> = []
      const respond = ({ headers }: HttpClientRequest.HttpClientRequest): ExtensionTest.Answer => {
        seen.push(headers["idempotency-key"])
        return seen.length === 1 ? { status: 429, headers: { "retry-after": "1" } } : { status: 202 }
      }
      return Effect.gen(function* () {
        yield* runInTime(run())
        const entries = yield* sent
        assert.deepStrictEqual(
          entries.map(({ status }) => status),
          [429, 202]
        )
        assert.lengthOf(seen, 2)
        assert.isString(seen[0])
        assert.strictEqual(seen[0], seen[1])
      }).pipe(Effect.provide(ExtensionTest.layer(script, { respond })))
    }
  )

  it.effect("refuses with a text, which is in the log", () =>
    Effect.gen(function* () {
      const { causes, layer: logs, messages } = capturedLogs()
      const { get, onAccounting } = accounted()
      yield* runInTime(run({ onAccounting }).pipe(Effect.provide(logs)))
      assert.include([...messages, ...causes].join("\n"), 'the endpoint answered 400: "entry too far behind"')
      assert.deepInclude(get().consumers[0], { delivered: 0, droppedBySink: 3 })
    }).pipe(
      Effect.provide(ExtensionTest.layer(script, { respond: () => ({ status: 400, body: "entry too far behind" }) }))
    )
  )
})

describe("a client of the program", () => {
  const places = [
    [
      "that it is provided with",
      (mine: HttpClient.HttpClient) => run().pipe(Effect.provideService(HttpClient.HttpClient, mine))
    ],
    [
      "in the option layer",
      (mine: HttpClient.HttpClient) =>
        Extension.run({
          layer: Layer.succeed(HttpClient.HttpClient, mine),
          telemetry: Telemetry.make({ types, sink: TelemetrySink.http({ url }) })
        })
    ]
  ] as const

  it.effect.each(places)("%s takes the place of the one that the host provides", ([, runWith]) =>
    Effect.gen(function* () {
      const { client, requests } = endpoint(200)
      yield* runInTime(runWith(client))
      assert.lengthOf(requests, 1)
      assert.lengthOf(yield* sent, 0)
    }).pipe(Effect.provide(ExtensionTest.layer(script)))
  )
})
