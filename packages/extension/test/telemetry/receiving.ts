/** A receiver that has subscribed, and the hand of Lambda. */
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as Effect from "effect/Effect"
import * as receivers from "../../src/telemetry/internal/receive/receiver.ts"
import { types } from "../support.ts"

export const registration = {
  functionName: "f",
  functionVersion: "1",
  handler: "h",
  extensionName: "e",
  extensionIdentifier: "id",
  events: ["INVOKE" as const]
}

export const encode = (text: string) => new TextEncoder().encode(text)

/** A receiver that has subscribed, and the hand of Lambda. */
export const receiving = Effect.fnUntraced(function* (options: Partial<TelemetrySubscription.ReceiverOptions> = {}) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const subscriptions: Array<TelemetrySubscription.Subscription> = []
  const receiver = yield* receivers.make({ types, ...options }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (_, deliveries) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            listening.push(deliveries)
            return { port: 4243 }
          }),
          () => Effect.sync(() => listening.splice(0))
        )
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, {
      subscribe: (_, subscription) => {
        subscriptions.push(subscription)
        return Effect.succeed({ _tag: "Subscribed", schemaVersion: "2025-01-29" })
      }
    })
  )
  yield* receiver.subscribe(registration)
  const deliver = (records: ReadonlyArray<unknown>) => listening[0]?.body(encode(JSON.stringify(records)))
  return { receiver, listening, subscriptions, deliver }
})
