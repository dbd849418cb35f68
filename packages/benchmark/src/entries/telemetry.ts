#!/usr/bin/env node
/** Our receiver behind our listener, with a consumer that takes the records (TAKE=1) or is stuck. */
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { NodeTelemetryListener } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

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

const program = Effect.gen(function* () {
  const receiver = yield* TelemetryReceiver.TelemetryReceiver
  yield* Effect.forkScoped(Stream.runForEachArray(receiver.events, take), { startImmediately: true })
  console.log(JSON.stringify({ port: receiver.port }))
  yield* Effect.callback<void>((resume) => {
    process.stdin.resume().once("end", () => resume(Effect.void))
  })
  console.log(JSON.stringify({ ...(yield* receiver.accounting), taken }))
  process.exit(0)
})

Effect.runFork(Effect.scoped(Effect.provide(program, layer)))
