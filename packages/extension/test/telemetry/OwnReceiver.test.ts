/** A program that reads telemetry without `Telemetry`: over the receiver as a service, ours or the program's. */
import { Extension } from "@effect-lambda/extension"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { runInTime, words } from "../support.ts"
import { invocation } from "./runs.ts"

const { note } = ExtensionTest

/** Notes how each invocation of the function ended, before it calls next. */
const program = Effect.gen(function* () {
  const receiver = yield* TelemetryReceiver.TelemetryReceiver
  yield* Extension.events({ onRegistered: receiver.subscribe }).pipe(
    Stream.runForEach((event) =>
      event.eventType === "INVOKE"
        ? Effect.flatMap(receiver.awaitRuntimeDone(event), (done) =>
            note(Option.isSome(done) ? done.value.record.status : "unknown")
          )
        : Effect.void
    )
  )
  return yield* receiver.accounting
})

const script = ExtensionTest.layer([invocation(1), ExtensionTest.shutdown()])

describe("a program over the receiver", () => {
  it.effect("subscribes when it is registered, and waits for the function", () =>
    Effect.gen(function* () {
      const { decoded, received } = yield* runInTime(
        program.pipe(Effect.provide(TelemetryReceiver.layer({ types: ["platform"] })))
      ).pipe(Effect.flatten)
      assert.deepStrictEqual({ received, decoded }, { received: 3, decoded: 3 })
      const order = ["Registered", "Subscribed", "Next", "INVOKE", "Delivered", "Delivered", "success", "Next"]
      assert.deepStrictEqual(yield* words, [...order, "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide(script))
  )

  it.effect("takes a receiver of the program's", () =>
    Effect.gen(function* () {
      const mine = TelemetryReceiver.TelemetryReceiver.of({
        port: 1,
        types: ["platform"],
        subscribe: () => Effect.succeed({ _tag: "NotSupported" }),
        events: Stream.make(TelemetryTest.log("a line")),
        awaitRuntimeDone: () => Effect.succeedSome(TelemetryTest.runtimeDone("request-1", { status: "timeout" })),
        functionFailed: () => Effect.never,
        accounting: Effect.succeed({
          received: 1,
          decoded: 1,
          undecodable: 0,
          droppedByLambda: { records: 0, bytes: 0 },
          consumers: []
        }),
        close: Effect.void
      })
      yield* runInTime(program.pipe(Effect.provideService(TelemetryReceiver.TelemetryReceiver, mine)))
      assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "timeout", "Next", "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide(script))
  )
})
