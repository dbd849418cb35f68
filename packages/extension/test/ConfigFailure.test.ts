/** A variable that is missing or wrong: the log and Lambda are told its name, and never its value. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { capturedLogs, runInTime, words, types } from "./support.ts"

const env = { EMPTY: "", LOKI_PORT: "s3cret", LOKI_LEVEL: "s3cret" }

const run = (layer: Layer.Layer<never, Config.ConfigError | Error>, onInitFailure: "idle" | "exit" = "idle") =>
  Effect.gen(function* () {
    const { causes, layer: logs } = capturedLogs()
    yield* runInTime(Extension.run({ layer, onInitFailure })).pipe(
      Effect.exit,
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
      Effect.provide(logs)
    )
    return { log: causes.join("\n"), journal: yield* ExtensionTest.journal }
  }).pipe(Effect.provide(ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])))

const read = (config: Config.Config<unknown>) => Layer.effectDiscard(config)

it.effect.each<readonly [string, Layer.Layer<never, Config.ConfigError | Error>, string]>([
  ["a text", read(Config.String("LOKI_URL")), "ConfigError: the variable LOKI_URL is not set"],
  ["a secret", read(Config.Redacted("LOKI_TOKEN")), "ConfigError: the variable LOKI_TOKEN is not set"],
  ["a number", read(Config.Int("LOKI_SIZE")), "ConfigError: the variable LOKI_SIZE is not set"],
  ["an empty text", read(Config.String("EMPTY")), "ConfigError: the variable EMPTY is not set"],
  ["a nested one", read(Config.nested(Config.String("URL"), "LOKI")), "ConfigError: the variable LOKI_URL is not set"],
  ["the first of several", read(Config.all([Config.String("A"), Config.String("B")])), "the variable A is not set"],
  ["a defect", Layer.orDie(read(Config.String("LOKI_URL"))), "ConfigError: the variable LOKI_URL is not set"],
  [
    "a wrong number",
    read(Config.Int("LOKI_PORT")),
    "ConfigError: the variable LOKI_PORT has a value that does not fit: Expected a string representing a finite number"
  ],
  [
    "a wrong word",
    read(Config.schema(Schema.Literals(["info", "debug"]), "LOKI_LEVEL")),
    "ConfigError: the variable LOKI_LEVEL has a value that does not fit: Expected "
  ]
])("%s", ([, layer, said]) =>
  Effect.gen(function* () {
    const { log } = yield* run(layer)
    assert.include(log, said)
    assert.notInclude(log, "s3cret")
    assert.notInclude(log, "SchemaError")
  })
)

it.effect("any other failure is said as it is", () =>
  Effect.gen(function* () {
    const { log } = yield* run(Layer.effectDiscard(Effect.fail(new Error("no disk"))))
    assert.include(log, "Error: no disk")
  })
)

it.effect("Lambda is told as well, if the extension exits", () =>
  Effect.gen(function* () {
    const { journal } = yield* run(read(Config.String("LOKI_URL")), "exit")
    const reported = journal.flatMap((entry) => (entry._tag === "InitError" ? [entry.error] : []))
    assert.deepInclude(reported[0], {
      errorType: "Extension.ConfigError",
      errorMessage: "the variable LOKI_URL is not set"
    })
  })
)

it.effect("so it is with a variable that a sink reads", () =>
  Effect.gen(function* () {
    const { causes, layer: logs } = capturedLogs()
    const sink = Effect.flatMap(Config.String("LOKI_URL"), (name) =>
      TelemetrySink.make({ name, export: () => Effect.void })
    )
    yield* runInTime(Extension.run({ telemetry: Telemetry.make({ types, sink }) })).pipe(
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
      Effect.provide(logs)
    )
    assert.include(causes.join("\n"), "the variable LOKI_URL is not set")
    assert.include(yield* words, "SHUTDOWN")
  }).pipe(Effect.provide(ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])))
)
