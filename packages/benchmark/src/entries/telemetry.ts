#!/usr/bin/env node
/** Our receiver behind our listener, with a consumer that takes the records (TAKE=1) or is stuck. */
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { NodeTelemetryListener } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { createServer } from "node:net"

let taken = 0
const take = (events: ReadonlyArray<unknown>) => {
  taken += events.length
  return process.env.TAKE === "1" ? Effect.void : Effect.never
}

// The batches come from the benchmark, so this program does not subscribe.
const layer = TelemetryReceiver.layer({ types: ["platform", "function"], host: "127.0.0.1" }).pipe(
  Layer.provide(TelemetryTransport.layer()),
  Layer.provide(NodeTelemetryListener.layer),
  Layer.provide(Layer.succeed(TelemetryApi.TelemetryApi, { subscribe: () => Effect.never }))
)

/** Prints the ports, and waits for a connection to the second one, which ends the program. LLRT has no stdin to wait for. */
const untilAsked = (port: number) =>
  Effect.callback<void>((resume) => {
    const server = createServer(() => resume(Effect.void))
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      console.log(JSON.stringify({ port, end: Object(address).port }))
    })
  })

const program = Effect.gen(function* () {
  const receiver = yield* TelemetryReceiver.TelemetryReceiver
  yield* Effect.forkScoped(Stream.runForEachArray(receiver.events, take), { startImmediately: true })
  yield* untilAsked(receiver.port)
  console.log(JSON.stringify({ ...(yield* receiver.accounting), taken }))
  process.exit(0)
})

Effect.runFork(Effect.scoped(Effect.provide(program, layer)))
