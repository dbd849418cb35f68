/** The Lambda in memory refuses as Lambda does, and a lost poll stays open as long as it says. */
import { Extension, type ExtensionError, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import type * as Registration from "@effect-lambda/extension/Registration"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { runInTime } from "./support.ts"

const { invoke, lost, shutdown } = ExtensionTest

const stranger: Registration.Registration = {
  extensionName: "extension",
  extensionIdentifier: "00000000-0000-4000-8000-00000000000b",
  events: ["INVOKE", "SHUTDOWN"],
  functionName: "f",
  functionVersion: "1",
  handler: ""
}
const both = ["INVOKE", "SHUTDOWN"] as const
const subscription: TelemetrySubscription.Subscription = {
  types: ["platform"],
  destination: { protocol: "HTTP", port: 4243 }
}

type Refused = { readonly reason: ExtensionError.ExtensionsApiErrorReason | { readonly _tag: string } }

const rows: ReadonlyArray<
  readonly [
    what: string,
    call: (
      api: ExtensionsApi.ExtensionsApi["Service"],
      telemetry: TelemetryTransport.TelemetryTransport["Service"]
    ) => Effect.Effect<object, Refused>,
    errorType: string,
    managed?: boolean
  ]
> = [
  ["an empty name", (api) => api.register({ name: "", events: both }), "Extension.InvalidExtensionName"],
  ["SHUTDOWN for another name", (api) => api.register({ name: "b", events: both }), "Extension.InvalidEventType"],
  ["INVOKE on managed instances", (api) => api.register({ events: both }), "Extension.InvalidEventType", true],
  [
    "a second register",
    (api) => Effect.andThen(api.register({ events: both }), api.register({ events: both })),
    "Extension.InvalidExtensionState"
  ],
  ["the next of a stranger", (api) => api.nextEvent(stranger), "Extension.UnknownExtensionIdentifier"],
  [
    "a subscription after init",
    (api, telemetry) =>
      Effect.gen(function* () {
        const registration = yield* api.register({ events: both })
        yield* api.nextEvent(registration)
        return yield* telemetry.subscribe(registration, subscription)
      }),
    "Telemetry.SubscriptionClosed"
  ]
]

describe("refused with 403", () => {
  it.effect.each(rows)("%s", ([, call, errorType, isManaged = false]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        call(yield* ExtensionsApi.ExtensionsApi, yield* TelemetryTransport.TelemetryTransport)
      )
      assert.deepInclude(error.reason, { status: 403, errorType })
    }).pipe(
      Effect.provide(
        ExtensionTest.layer(
          [invoke(), shutdown()],
          isManaged ? { initializationType: "lambda-managed-instances" } : undefined
        )
      )
    )
  )
})

it.effect.each([
  [undefined, 4243],
  [4244, 4244]
] as const)("telemetry that asks for the port %s is subscribed with the port %d", ([port, subscribed]) =>
  Effect.gen(function* () {
    yield* runInTime(
      Extension.run({ telemetry: Telemetry.make({ types: ["platform"], sink: TelemetrySink.console, port }) })
    )
    const subscriptions = (yield* ExtensionTest.journal).flatMap((entry) =>
      entry._tag === "Subscribed" ? [entry.subscription.destination] : []
    )
    assert.deepStrictEqual(subscriptions, [{ protocol: "HTTP", port: subscribed, method: "POST" }])
  }).pipe(Effect.provide(ExtensionTest.layer([shutdown()])))
)

it.effect("a lost poll stays open for a second unless the script says how long", () =>
  Effect.gen(function* () {
    const api = yield* ExtensionsApi.ExtensionsApi
    const registration = yield* api.register({ events: both })
    const poll = Effect.map(Effect.result(api.nextEvent(registration)), (result) =>
      result._tag === "Success" ? result.success.eventType : result.failure.reason._tag
    )
    const results = yield* Effect.forkChild(Effect.all([poll, Effect.delay(poll, 999), Effect.delay(poll, 1)]))
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(yield* Fiber.join(results), ["Unreachable", "Rejected", "INVOKE"])
  }).pipe(Effect.provide(ExtensionTest.layer([lost(), invoke()])))
)
