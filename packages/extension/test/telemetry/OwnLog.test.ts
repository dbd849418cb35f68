/** A sink or a program over the stream that writes to the log with each batch: with the type `extension` that is said, once. */
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { capturedLogs, runInTime } from "../support.ts"

const { delivery, log, runtimeDone, start } = TelemetryTest

const invocations = (count: number) => [
  ...Array.from({ length: count }, (_, n) =>
    ExtensionTest.invoke({ delivers: [delivery([start(`${n}`), log("line"), runtimeDone(`${n}`)])] })
  ),
  ExtensionTest.shutdown()
]

/** `printed`: the bytes that the work on each batch writes to the log. */
const run = (options: {
  readonly printed: ReadonlyArray<number>
  readonly types?: TelemetrySubscription.ReceiverOptions["types"]
  readonly telemetry?: "sink" | "stream"
  readonly printedBetween?: number
}) =>
  Effect.gen(function* () {
    let size = 1000
    let batches = 0
    const print = Effect.sync(() => {
      size += options.printed[batches++] ?? 0
    })
    const { types = ["platform", "function", "extension"] } = options
    const telemetry =
      options.telemetry === "stream"
        ? Telemetry.stream((events) => Stream.runForEachArray(events, () => print), { types })
        : Telemetry.make({ types, sink: TelemetrySink.make({ name: "chatty", export: () => print }) })
    const { layer: logs, messages } = capturedLogs()
    yield* runInTime(
      Extension.run({
        onInvoke: () =>
          Effect.sync(() => {
            size += options.printedBetween ?? 0
          }),
        telemetry
      })
    ).pipe(
      Effect.provideService(
        Telemetry.CurrentLogSize,
        Effect.sync(() => size)
      ),
      Effect.provide(logs)
    )
    assert.isAtLeast(batches, options.printed.length)
    return messages.filter((message) => message.includes("writes to the log with each batch"))
  }).pipe(Effect.provide(ExtensionTest.layer(invocations(options.printed.length))))

const each = (count: number, bytes = 100) => Array.from({ length: count }, () => bytes)

it.effect("a sink is named once, at the fifth batch in a row", () =>
  Effect.gen(function* () {
    assert.lengthOf(yield* run({ printed: each(4) }), 0)
    assert.lengthOf(yield* run({ printed: each(5) }), 1)
    const [said, ...more] = yield* run({ printed: each(12) })
    assert.include(
      said,
      'Warn: the sink chatty writes to the log with each batch, and the type "extension" delivers these lines'
    )
    assert.lengthOf(more, 0)
  })
)

it.effect("a program over the stream is named as well", () =>
  Effect.gen(function* () {
    const [said, ...more] = yield* run({ printed: each(12), telemetry: "stream" })
    assert.include(said, "Warn: the program over the stream writes to the log with each batch")
    assert.lengthOf(more, 0)
  })
)

it.effect.each<readonly [string, Parameters<typeof run>[0]]>([
  ["now and then", { printed: [100, 100, 100, 100, 0, 100, 100, 100, 100, 0] }],
  ["between batches", { printed: each(12, 0), printedBetween: 100 }],
  ["and receives no lines of extensions", { printed: each(12), types: ["platform", "function"] }]
])("no consumer is named that writes %s", ([, options]) =>
  Effect.gen(function* () {
    assert.lengthOf(yield* run(options), 0)
  })
)
