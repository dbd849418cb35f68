#!/usr/bin/env node
/** Our receiver of OTLP on its listener. The bodies that it hands over are held, and given up when they are 4 MiB. */
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import * as OtlpReceiver from "@effect-lambda/otel/OtlpReceiver"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const heldBytes = 4 * 1024 * 1024

let held: Array<OtlpReceiver.Piece> = []
let bytes = 0
const accept = (piece: OtlpReceiver.Piece) => {
  held.push(piece)
  bytes += piece.bytes.length
  if (bytes < heldBytes) return true
  held = []
  bytes = 0
  return true
}

const program = Effect.gen(function* () {
  const receiver = yield* OtlpReceiver.make({ accept, port: 0, grpcPort: 0 })
  console.log(JSON.stringify({ port: receiver.port }))
  yield* Effect.callback<void>((resume) => {
    process.stdin.resume().once("end", () => resume(Effect.void))
  })
  const { accepted, requests } = yield* receiver.counts
  console.log(JSON.stringify({ received: requests, spans: accepted.traces }))
  process.exit(0)
})

const environment = {
  runtimeApi: "127.0.0.1:1",
  extensionName: "otlp-in",
  initializationType: "on-demand" as const,
  registration: Option.none()
}

Effect.runFork(Effect.scoped(Effect.provideService(program, LambdaEnvironment, environment)))
