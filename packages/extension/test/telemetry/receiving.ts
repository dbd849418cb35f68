/** A receiver that has subscribed, and the hand of Lambda. */
import {
  TelemetryApi,
  TelemetryListener,
  TelemetryReceiver,
  type TelemetrySubscription
} from "@effect-lambda/extension"
import * as Effect from "effect/Effect"

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
export const receiving = Effect.fnUntraced(function* (options: TelemetryReceiver.Options = {}) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const subscriptions: Array<TelemetrySubscription.Subscription> = []
  const receiver = yield* TelemetryReceiver.make(options).pipe(
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
