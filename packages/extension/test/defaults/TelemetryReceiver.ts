/** The defaults of the receiver: what it asks of its listener and of Lambda, and what it holds. */
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import { TelemetryTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { Default } from "./Default.ts"
import * as receivers from "../../src/telemetry/internal/receive/receiver.ts"
import { types } from "../support.ts"

const { log } = TelemetryTest

const mebibyte = 1024 * 1024

/** A receiver, and what it asks of its listener and of Lambda. */
const receiver = Effect.gen(function* () {
  const listening: Array<{ options: TelemetryListener.ListenOptions; deliveries: TelemetryListener.Deliveries }> = []
  const subscriptions: Array<TelemetrySubscription.Subscription> = []
  const made = yield* receivers.make({ types }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (options, deliveries) =>
        Effect.sync(() => {
          listening.push({ options, deliveries })
          return { port: 4243 }
        })
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, {
      subscribe: (_, subscription) =>
        Effect.sync(() => {
          subscriptions.push(subscription)
          return { _tag: "Subscribed", schemaVersion: "2025-01-29" } as const
        })
    })
  )
  yield* made.subscribe(registration)
  const [{ deliveries, options } = assert.fail("it does not listen")] = listening
  const [subscription = assert.fail("it does not subscribe")] = subscriptions
  return { made, options, deliveries, subscription }
})

const registration = {
  functionName: "f",
  functionVersion: "1",
  handler: "h",
  extensionName: "e",
  extensionIdentifier: "00000000-0000-4000-8000-00000000000a",
  events: ["INVOKE" as const]
}

/** The body of the request that subscribes with nothing but a destination. */
const subscribed = Effect.gen(function* () {
  const { subscription } = yield* receiver
  let body = ""
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      return HttpClientResponse.fromWeb(request, new Response('"OK"'))
    })
  )
  const api = yield* TelemetryApi.make({ runtimeApi: "lambda:9001", initializationType: "on-demand" }).pipe(
    Effect.provideService(HttpClient.HttpClient, client)
  )
  yield* api.subscribe(registration, subscription)
  return JSON.parse(body)
})

const bytesOf = (text: string) => new TextEncoder().encode(text)

export const defaults: ReadonlyArray<Default> = [
  {
    module: "TelemetrySubscription",
    option: "buffering",
    standard: "25 ms, 1000 records, 1 MiB",
    shows: Effect.map(subscribed, ({ buffering }) =>
      assert.deepStrictEqual(buffering, { timeoutMs: 25, maxItems: 1000, maxBytes: mebibyte })
    )
  },
  {
    module: "TelemetrySubscription",
    option: "schemaVersion",
    standard: "the newest that Lambda accepts",
    shows: Effect.map(subscribed, ({ schemaVersion }) => assert.strictEqual(schemaVersion, "2025-01-29"))
  },
  {
    module: "TelemetrySubscription",
    option: "protocol",
    standard: "`HTTP`",
    shows: Effect.map(receiver, ({ options, subscription }) =>
      assert.deepStrictEqual([options.protocol, subscription.destination.protocol], ["HTTP", "HTTP"])
    )
  },
  {
    module: "TelemetrySubscription",
    option: "method",
    standard: "`POST`",
    shows: Effect.map(receiver, ({ subscription }) => assert.deepInclude(subscription.destination, { method: "POST" }))
  },
  {
    module: "TelemetrySubscription",
    option: "host",
    standard: "`0.0.0.0`",
    shows: Effect.map(receiver, ({ options }) => assert.strictEqual(options.host, "0.0.0.0"))
  },
  {
    module: "TelemetrySubscription",
    option: "port",
    standard: "any free port",
    shows: Effect.map(receiver, ({ options }) => assert.strictEqual(options.port, 0))
  },
  {
    module: "TelemetrySubscription",
    option: "maxBodyBytes",
    standard: "8 MiB",
    shows: Effect.map(receiver, ({ options }) => assert.strictEqual(options.maxBodyBytes, 8 * mebibyte))
  },
  {
    module: "TelemetrySubscription",
    option: "queue",
    standard: "50,000 records, 32 MiB",
    shows: Effect.gen(function* () {
      const filled = Effect.fnUntraced(function* (record: string, records: number) {
        const { deliveries, made } = yield* receiver
        const { queue } = made.open("nobody", ({ records }) => records)
        const body = bytesOf(`[${Array.from({ length: records }, () => JSON.stringify(log(record))).join(",")}]`)
        while (queue.refused === 0) deliveries.body(body)
        return queue
      })
      assert.strictEqual((yield* filled("", 1000)).records, 50_000)
      const { held } = yield* filled("x".repeat(100_000), 10)
      assert.isAtMost(held, 32 * mebibyte)
      // The next record would have been beyond it.
      assert.isAbove(held, 32 * mebibyte - 300_000)
    })
  }
]
