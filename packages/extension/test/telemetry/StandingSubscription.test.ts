/** The subscription that the stub of a layer made before the program: adopted, added to, or left alone. */
import { Extension, Telemetry } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { logs, runInTime } from "../supervised.ts"
import { accounted, sinkOf } from "./sessions.ts"
import { refusal, registration, subscribe } from "./subscribing.ts"

const { shutdown } = ExtensionTest
const { delivery, report } = TelemetryTest

const body = (change: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    schemaVersion: "2025-01-29",
    types: ["platform", "function"],
    buffering: { maxItems: 1000, maxBytes: 1_048_576, timeoutMs: 25 },
    destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4243/" },
    ...change
  })

/** Subscribes as a program whose stub has made this subscription. */
const beside = (standing: string, options: Parameters<typeof subscribe>[0] = {}) => {
  const { layer, messages } = logs()
  return subscribe({ ...options, registration: { ...registration, subscription: standing } }).pipe(
    Effect.map(({ result, sent }) => ({
      outcome: Result.isSuccess(result) ? result.success : result.failure.reason._tag,
      requests: sent.map(({ body }) => JSON.parse(body)),
      warnings: messages
    })),
    Effect.provide(layer)
  )
}

const subscribed = (schemaVersion: string): TelemetrySubscription.Outcome => ({ _tag: "Subscribed", schemaVersion })
const closed = [403, refusal("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")] as const

describe("the subscription of the stub", () => {
  it.effect.each<[string, string, Parameters<typeof subscribe>[0]]>([
    ["the same", body(), {}],
    ["an older version, when the program names none", body({ schemaVersion: "2022-12-13" }), {}],
    ["the same with escapes", body().replace('"http:', '"\\u0068ttp:'), {}],
    [
      "the same over TCP",
      body({ destination: { protocol: "TCP", port: 4243 } }),
      { subscription: { destination: { protocol: "TCP", port: 4243 } } }
    ]
  ])("%s: nothing is sent, and nothing is said", ([, standing, options]) =>
    Effect.gen(function* () {
      const { outcome, requests, warnings } = yield* beside(standing, options)
      assert.deepStrictEqual(outcome, subscribed(JSON.parse(standing).schemaVersion))
      assert.isEmpty(requests)
      assert.isEmpty(warnings)
    })
  )

  it.effect.each<[string, Record<string, unknown>, ReadonlyArray<string> | undefined]>([
    ["another buffering", { buffering: { maxItems: 1000, maxBytes: 1_048_576, timeoutMs: 100 } }, undefined],
    ["more types", { types: ["platform", "function", "extension"] }, undefined],
    ["fewer types", { types: ["platform"] }, ["function"]],
    ["no types that the program wants", { types: ["extension"] }, ["platform", "function"]]
  ])("%s to the same address: the program asks for what is missing, so no record comes twice", ([, change, missing]) =>
    Effect.gen(function* () {
      const { outcome, requests, warnings } = yield* beside(body(change))
      assert.deepStrictEqual(outcome, subscribed("2025-01-29"))
      assert.deepStrictEqual(
        requests.map(({ types }) => types),
        missing === undefined ? [] : [missing]
      )
      assert.lengthOf(warnings, 1)
      assert.match(warnings.join(), /^Warn: the entry of the layer subscribed to telemetry with .* --start ready$/)
    })
  )

  it.effect("types that Lambda refuses after init: the others come, and the log says which do not", () =>
    Effect.gen(function* () {
      const { outcome, requests, warnings } = yield* beside(body({ types: ["platform"] }), { answers: [closed] })
      assert.deepStrictEqual(outcome, subscribed("2025-01-29"))
      assert.lengthOf(requests, 1)
      assert.lengthOf(warnings, 2)
      assert.match(warnings[1] ?? "", /^Warn: no records of function will come\. .*SubscriptionClosed/)
    })
  )

  it.effect.each<[string, Record<string, unknown>]>([
    ["port", { destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4244/" } }],
    ["method", { destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4243/", method: "PUT" } }],
    ["protocol", { destination: { protocol: "TCP", port: 4243 } }]
  ])("another %s: the program subscribes as if there were none, and says so", ([, change]) =>
    Effect.gen(function* () {
      const taken = yield* beside(body(change))
      assert.deepStrictEqual(
        taken.requests.map((request) => JSON.stringify(request)),
        [body()]
      )
      assert.lengthOf(taken.warnings, 1)
      const late = yield* beside(body(change), { answers: [closed] })
      assert.strictEqual(late.outcome, "SubscriptionRefused")
    })
  )

  it.effect.each(["", "{", "[]", '"OK"', "{}", '{"schemaVersion":1}'])("%j is none", (standing) =>
    Effect.gen(function* () {
      const { requests, warnings } = yield* beside(standing)
      assert.lengthOf(requests, 1)
      assert.isEmpty(warnings)
    })
  )

  it.effect("a wrong subscription fails as without a stub", () =>
    Effect.gen(function* () {
      const { outcome, requests } = yield* beside(body(), { subscription: { types: [] } })
      assert.strictEqual(outcome, "InvalidRequest")
      assert.isEmpty(requests)
    })
  )

  it.effect("the Logs API does not adopt it", () =>
    Effect.gen(function* () {
      const { requests } = yield* beside(body(), { api: "logs" })
      assert.lengthOf(requests, 1)
    })
  )
})

it("portOf reads the port that a body names", () => {
  const { portOf } = TelemetrySubscription
  assert.strictEqual(portOf(body()), 4243)
  assert.strictEqual(portOf(body({ destination: { protocol: "TCP", port: 65_535 } })), 65_535)
  for (const none of ["", "{}", body({ destination: { protocol: "HTTP", URI: "http://sandbox" } })]) {
    assert.isUndefined(portOf(none))
  }
})

describe("the port of the stub's subscription", () => {
  /** Binds with ports that are taken, and gives the ports that were asked for. */
  const bind = (port: number | undefined, options: { readonly port?: number }, ...taken: ReadonlyArray<number>) => {
    const { layer, messages } = logs()
    const asked: Array<number> = []
    const listener = TelemetryListener.TelemetryListener.of({
      listen: ({ host, port }) => {
        asked.push(port)
        return taken.includes(port)
          ? Effect.fail(new TelemetryListener.TelemetryListenerError({ host, port, cause: new Error("in use") }))
          : Effect.succeed({ port: port === 0 ? 5000 : port })
      }
    })
    const api = TelemetryApi.TelemetryApi.of({ subscribe: () => Effect.die("not asked for") })
    return Effect.gen(function* () {
      const transport = yield* TelemetryTransport.make({ port })
      const made = TelemetryReceiver.make({ types: ["platform"], ...options })
      const result = yield* Effect.result(Effect.provideService(made, TelemetryTransport.TelemetryTransport, transport))
      return { asked, port: Result.isSuccess(result) ? result.success.port : result.failure._tag, messages }
    }).pipe(
      Effect.provideService(TelemetryListener.TelemetryListener, listener),
      Effect.provideService(TelemetryApi.TelemetryApi, api),
      Effect.provide(layer),
      Effect.scoped
    )
  }

  it.effect("is bound, unless the program names one", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* bind(undefined, {}), { asked: [0], port: 5000 })
      assert.deepInclude(yield* bind(24_255, {}), { asked: [24_255], port: 24_255 })
      assert.deepInclude(yield* bind(24_255, { port: 4243 }), { asked: [4243], port: 4243 })
    })
  )

  it.effect("that is taken: the program listens on any other and says so; a port of the program fails", () =>
    Effect.gen(function* () {
      const { messages, ...bound } = yield* bind(24_255, {}, 24_255)
      assert.deepStrictEqual(bound, { asked: [24_255, 0], port: 5000 })
      assert.match(
        messages.join(),
        /^Warn: the port of the subscription that the entry .* is not free\. .*24255: in use/
      )
      assert.deepInclude(yield* bind(24_255, { port: 4243 }, 4243), { asked: [4243], port: "TelemetryListenerError" })
    })
  )
})

describe("at SHUTDOWN", () => {
  const polled = { ...registration, events: ["INVOKE", "SHUTDOWN"], hasPolled: true } as const
  // Lambda waits longer and longer between its attempts, so the next one may be well after the end was announced.
  const late = [shutdown({ delivers: [delivery([report("request-1")], { after: "500 millis" })] })]

  it.effect.each<[string, string | undefined, number]>([
    ["a program that has got nothing of the stub's subscription waits for it", "{}", 1],
    ["a program without one waits until nothing has come for 200 ms", undefined, 0]
  ])("%s", ([, standing, received]) =>
    Effect.gen(function* () {
      const { consumer, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({
          telemetry: Telemetry.make({ types: ["platform"], sink: sinkOf(() => Effect.void), onAccounting })
        })
      )
      assert.strictEqual(consumer()?.delivered, received)
    }).pipe(
      Effect.provide(
        ExtensionTest.layer(late, {
          registration: { ...polled, ...(standing !== undefined && { subscription: standing }) }
        })
      )
    )
  )
})
