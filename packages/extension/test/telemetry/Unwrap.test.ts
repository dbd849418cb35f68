/** Telemetry whose options are only known in init. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime, types } from "../support.ts"

const { invoke, journal, shutdown } = ExtensionTest
const { delivery, runtimeDone, start } = TelemetryTest

const script = [
  invoke({ timeout: "10 seconds", delivers: [delivery([start("request-1"), runtimeDone("request-1")])] }),
  shutdown()
]

/** Runs with a sink that hangs. */
const run = (env: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { causes, layer: logs, messages } = capturedLogs()
    const sink = TelemetrySink.make({ name: "stuck", export: () => Effect.never })
    const telemetry = Telemetry.unwrap(
      Effect.map(Config.Duration("FLUSH_TIMEOUT"), (flushTimeout) =>
        Telemetry.make({ types, sink, flushTimeout, grace: 0, quiet: 0 })
      )
    )
    yield* runInTime(
      Extension.run({ telemetry }).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } })),
        Effect.provide(logs)
      )
    )
    const [first = 0, second] = (yield* journal).flatMap((entry) => (entry._tag === "Next" ? [entry.at] : []))
    return { heldMillis: second === undefined ? undefined : second - first, said: [...messages, ...causes].join("\n") }
  }).pipe(Effect.provide(ExtensionTest.layer(script)))

it.effect("a bound of flushes from a variable has its effect", () =>
  Effect.gen(function* () {
    assert.strictEqual((yield* run({ FLUSH_TIMEOUT: "300 millis" })).heldMillis, 300)
    assert.strictEqual((yield* run({ FLUSH_TIMEOUT: "3 seconds" })).heldMillis, 3000)
  })
)

it.effect("a variable that is missing, and an option that cannot be, fail init", () =>
  Effect.gen(function* () {
    const missing = yield* run({})
    assert.include(missing.said, "init failed")
    assert.include(missing.said, "FLUSH_TIMEOUT")
    const negative = yield* run({ FLUSH_TIMEOUT: "-3 seconds" })
    assert.include(negative.said, "the option flushTimeout is -3000 ms: it takes no negative time")
  })
)
