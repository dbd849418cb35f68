/** Lambda's side of telemetry in memory. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SubscriptionRefused, TelemetryApiError } from "../../telemetry/TelemetryApiError.ts"
import type { Subscription } from "../../telemetry/TelemetrySubscription.ts"
import { TelemetryTransport } from "../../telemetry/TelemetryTransport.ts"
import type { Delivery } from "./script.ts"

// A global of every runtime, without a type here.
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }

// The port of an in-memory listener that asks for any.
const freePort = 4243

/** A batch as Lambda writes it to a TCP connection: one JSON object per line. A body that is not a batch stays as it is. */
const toLines = (body: string): string => {
  try {
    const records: unknown = JSON.parse(body)
    if (Array.isArray(records)) return records.map((record) => `${JSON.stringify(record)}\n`).join("")
  } catch {}
  return body
}

/** Lambda's side of telemetry in memory: delivers to all listeners, after a subscription. */
export const make = (options: {
  readonly isSupported: boolean
  readonly isClosed: () => boolean
  readonly onSubscribed: (subscription: Subscription) => Effect.Effect<void>
  readonly onDelivered: (bytes: number) => Effect.Effect<void>
  readonly scope: Scope.Scope
}) => {
  const listening = new Set<(body: string) => void>()
  const encoder = new TextEncoder()
  let isSubscribed = false

  const transport = TelemetryTransport.of({
    host: "127.0.0.1",
    queueBytes: 32 * 1024 * 1024,
    listen: ({ port, protocol }, deliveries) =>
      Effect.gen(function* () {
        const connection = protocol === "TCP" ? deliveries.connection() : undefined
        const receive = (body: string) =>
          connection === undefined
            ? deliveries.body(encoder.encode(body))
            : connection.chunk(encoder.encode(toLines(body)))
        listening.add(receive)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            listening.delete(receive)
            connection?.end()
          })
        )
        return { port: port === 0 ? freePort : port }
      }),
    subscribe: Effect.fnUntraced(function* (_, subscription) {
      if (!options.isSupported) return { _tag: "NotSupported" as const }
      if (options.isClosed()) {
        return yield* new TelemetryApiError({
          method: "telemetry",
          reason: new SubscriptionRefused({
            status: 403,
            errorType: "Telemetry.SubscriptionClosed",
            errorMessage: "Telemetry API subscription is closed already"
          })
        })
      }
      isSubscribed = true
      yield* options.onSubscribed(subscription)
      return { _tag: "Subscribed" as const, schemaVersion: subscription.schemaVersion ?? "2025-01-29" }
    })
  })

  const deliver = Effect.fnUntraced(function* ({ afterMillis, body }: Delivery) {
    if (afterMillis > 0) yield* Effect.sleep(afterMillis)
    if (!isSubscribed) return
    yield* options.onDelivered(encoder.encode(body).length)
    for (const receive of listening) receive(body)
  })

  return {
    /** Starts the deliveries that belong to an event; deliveries without a delay arrive before this completes. */
    deliverAll: (deliveries: ReadonlyArray<Delivery>) =>
      Effect.forEach(
        deliveries,
        (delivery) => Effect.forkIn(deliver(delivery), options.scope, { startImmediately: true }),
        { discard: true }
      ),
    transport
  }
}
