/** A transport of the user's: what telemetry asks of it, and what it releases. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runInTime, types, words } from "../support.ts"
import { encode } from "./receiving.ts"
import { accounted, noting } from "./runs.ts"

const { log } = TelemetryTest

/** Delivers these lines as soon as it is asked, and notes what is asked of it. */
const transportOf = (lines: ReadonlyArray<string>, queueBytes = 1024 * 1024) =>
  Effect.map(ExtensionTest.ExtensionTest, ({ note }) => {
    const listening: Array<TelemetryListener.Deliveries> = []
    const asked: Array<TelemetryListener.ListenOptions> = []
    const subscriptions: Array<TelemetrySubscription.Subscription> = []
    const transport = TelemetryTransport.TelemetryTransport.of({
      host: "10.0.0.1",
      queueBytes,
      listen: (options, deliveries) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            asked.push(options)
            listening.push(deliveries)
            return { port: 5000 }
          }),
          () => note("unbound")
        ),
      subscribe: (_, subscription) =>
        Effect.sync(() => {
          subscriptions.push(subscription)
          for (const { body } of listening) body(encode(JSON.stringify(lines.map(log))))
          return { _tag: "Subscribed", schemaVersion: "2025-01-29" }
        })
    })
    return { asked, subscriptions, transport }
  })

const script = ExtensionTest.layer([ExtensionTest.shutdown()])

describe("a transport", () => {
  it.effect("is asked to listen on its own host, delivers, and is released at SHUTDOWN", () =>
    Effect.gen(function* () {
      const { asked, subscriptions, transport } = yield* transportOf(["a", "b"])
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink: noting() }) }).pipe(
          Effect.provideService(TelemetryTransport.TelemetryTransport, transport)
        )
      )
      assert.deepInclude(asked, { protocol: "HTTP", host: "10.0.0.1", port: 0, maxBodyBytes: 8 * 2 ** 20 })
      assert.deepInclude(subscriptions[0]?.destination, { protocol: "HTTP", port: 5000 })
      const order = yield* words
      assert.include(order, "sink took a b")
      assert.strictEqual(order.filter((word) => word === "unbound").length, 1)
    }).pipe(Effect.provide(script))
  )

  it.effect("gives way to the options: the host, the port and the memory of a queue", () =>
    Effect.gen(function* () {
      const { asked, transport } = yield* transportOf(["a", "b"], 1)
      const { get, onAccounting } = accounted()
      const options = { host: "127.0.0.1", port: 4000, queue: { maxBytes: 100_000 }, onAccounting }
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink: noting(), ...options }) }).pipe(
          Effect.provideService(TelemetryTransport.TelemetryTransport, transport)
        )
      )
      assert.deepInclude(asked[0], { host: "127.0.0.1", port: 4000 })
      assert.deepInclude(get().consumers[0], { delivered: 2, droppedByQueue: 0 })
    }).pipe(Effect.provide(script))
  )

  it.effect("bounds the memory of a queue, if the options do not", () =>
    Effect.gen(function* () {
      const { transport } = yield* transportOf(["a".repeat(1000), "b".repeat(1000)], 4000)
      const { get, onAccounting } = accounted()
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink: noting(), onAccounting }) }).pipe(
          Effect.provideService(TelemetryTransport.TelemetryTransport, transport)
        )
      )
      assert.deepInclude(get().consumers[0], { delivered: 1, droppedByQueue: 1 })
    }).pipe(Effect.provide(script))
  )

  const sinks = [
    ["cannot be made", Effect.fail("no token")],
    ["is not made in the time of init", Effect.never]
  ] as const

  it.effect.each(sinks)("is released if a sink %s", ([, sink]) =>
    Effect.gen(function* () {
      const { transport } = yield* transportOf([])
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink }) }).pipe(
          Effect.provideService(TelemetryTransport.TelemetryTransport, transport)
        )
      )
      assert.deepStrictEqual(yield* words, ["Registered", "unbound", "Next", "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide(script))
  )

  it.effect("that fails half-way releases what it has bound", () =>
    Effect.gen(function* () {
      const { note } = yield* ExtensionTest.ExtensionTest
      const halfWay = Effect.fnUntraced(function* ({ host, port }: TelemetryListener.ListenOptions) {
        yield* Effect.acquireRelease(note("bound"), () => note("unbound"))
        return yield* new TelemetryListener.TelemetryListenerError({ host, port, cause: new Error("no second socket") })
      })
      yield* runInTime(
        Extension.run({ telemetry: Telemetry.make({ types, sink: TelemetrySink.console }) }).pipe(
          Effect.updateService(TelemetryTransport.TelemetryTransport, (transport) => ({
            ...transport,
            listen: halfWay
          }))
        )
      )
      assert.deepStrictEqual(yield* words, ["Registered", "bound", "unbound", "Next", "SHUTDOWN", "ExitAt"])
    }).pipe(Effect.provide(script))
  )
})

describe("sinks", () => {
  it.effect("that are none fail init: the records would go nowhere", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Extension.run({ onInitFailure: "exit", telemetry: Telemetry.make({ types, sink: Effect.succeed([]) }) })
      )
      assert.include(error.message, "empty list")
      assert.deepStrictEqual(yield* words, ["Registered", "InitError Extension.TelemetryOptionsError", "ExitAt"])
    }).pipe(Effect.provide(script))
  )
})
