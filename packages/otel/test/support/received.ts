/** Records as the receiver of the library gives them: each with the text that it came in. */
import type { TelemetryEvent } from "@effect-lambda/extension"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

const registration = {
  functionName: "f",
  functionVersion: "1",
  handler: "h",
  extensionName: "e",
  extensionIdentifier: "id",
  events: ["INVOKE" as const]
}

/** The events of a body of the Telemetry API. */
export const received = Effect.fnUntraced(function* (body: string) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const receiver = yield* TelemetryReceiver.make({ types: ["platform", "function", "extension"] }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (_, deliveries) =>
        Effect.sync(() => {
          listening.push(deliveries)
          return { port: 4243 }
        })
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, {
      subscribe: () => Effect.succeed({ _tag: "Subscribed", schemaVersion: "2025-01-29" })
    })
  )
  const events: Array<TelemetryEvent.TelemetryEvent> = []
  const reading = yield* receiver.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => events.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* receiver.subscribe(registration)
  for (const deliveries of listening) deliveries.body(new TextEncoder().encode(body))
  yield* receiver.close
  yield* Fiber.join(reading)
  return events
}, Effect.scoped)
