/** The wrapper script of the layer, as Lambda starts a function with it. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const wrapper = join(import.meta.dirname, "../layer/otel-wrapper")

/** What the function finds in its variables, if they are set like this and the script starts it. */
const seen = Effect.fnUntraced(function* (
  environment: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {}
) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "otel-wrapper-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const handler = join(folder, "index.mjs")
  writeFileSync(handler, "export const handler = async () => process.env\n")
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), 0o755)
  }
  const given = Object.entries(environment).map(([name, value]) => [name, value.replace("FOLDER", folder)])
  const emulator = yield* Emulator.make({
    function: { handler },
    environment: { ...Object.fromEntries(given), AWS_LAMBDA_EXEC_WRAPPER: wrapper },
    timeout: "20 seconds"
  })
  const { functionError, payload } = yield* emulator.invoke("{}")
  const variables: Readonly<Record<string, string>> = JSON.parse(payload)
  return {
    functionError,
    variables,
    ofExporters: Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith("OTEL_EXPORTER_")))
  }
})

const toTheLayer = {
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf"
}

/** The same of a program that prints its variables, which starts in no time. */
const printed = (environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const given = { PATH: process.env["PATH"] ?? "", OTEL_EXPORTER_OTLP_HEADERS: "api-key=key", ...environment }
  const lines = execFileSync(wrapper, ["env"], { env: given }).toString().split("\n")
  return Object.fromEntries(
    lines.flatMap((line) =>
      line.startsWith("OTEL_EXPORTER_") ? [[line.split("=", 1)[0], line.replace(/^\w+=/, "")]] : []
    )
  )
}

describe("a variable that the layer reads, the wrapper reads alike", () => {
  it.each(["false", "False", "FALSE", " false ", "\tfalse"])("EFFECT_LAMBDA_OTLP_RECEIVER=%j", (value) => {
    assert.deepStrictEqual(printed({ EFFECT_LAMBDA_OTLP_RECEIVER: value }), {
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=key"
    })
  })

  it.each(["true", "TRUE", "", " "])("EFFECT_LAMBDA_OTLP_RECEIVER=%j", (value) => {
    assert.deepStrictEqual(printed({ EFFECT_LAMBDA_OTLP_RECEIVER: value }), toTheLayer)
  })

  it.each([
    ["", 4318],
    [" ", 4318],
    [" 14318 ", 14_318],
    ["*", "*"]
  ] as const)("EFFECT_LAMBDA_OTLP_RECEIVER_PORT=%j", (value, port) => {
    const { OTEL_EXPORTER_OTLP_ENDPOINT } = printed({ EFFECT_LAMBDA_OTLP_RECEIVER_PORT: value })
    assert.strictEqual(OTEL_EXPORTER_OTLP_ENDPOINT, `http://127.0.0.1:${port}`)
  })
})

describe("another wrapper that is empty is none", () => {
  it.each(["", " ", "\t"])("EFFECT_LAMBDA_EXEC_WRAPPER=%j", (value) => {
    assert.deepStrictEqual(printed({ EFFECT_LAMBDA_EXEC_WRAPPER: value }), toTheLayer)
  })
})

describe("the wrapper", () => {
  it.live("lets the SDK of the function send to the layer, and keeps the key of the backend from it", () =>
    Effect.gen(function* () {
      const { ofExporters, variables } = yield* seen({
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://otlp.example.com",
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
        OTEL_EXPORTER_OTLP_HEADERS: "api-key=secret",
        OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces.example.com/v1/traces",
        OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "grpc",
        OTEL_EXPORTER_OTLP_LOGS_HEADERS: "api-key=secret",
        OTEL_SERVICE_NAME: "shop",
        OTEL_TRACES_EXPORTER: "otlp"
      })
      assert.deepStrictEqual(ofExporters, toTheLayer)
      // Everything else of the SDK is as the customer set it.
      assert.deepInclude(variables, { OTEL_SERVICE_NAME: "shop", OTEL_TRACES_EXPORTER: "otlp" })
      assert.notInclude(JSON.stringify(variables), "secret")
    })
  )

  it.live("starts another wrapper after itself, which starts the function", () =>
    Effect.gen(function* () {
      const { ofExporters, variables } = yield* seen(
        { EFFECT_LAMBDA_EXEC_WRAPPER: "FOLDER/another" },
        { another: '#!/bin/bash\nexport ANOTHER="was here"\nexec "$1" --no-warnings "${@:2}"\n' }
      )
      assert.strictEqual(variables["ANOTHER"], "was here")
      assert.deepStrictEqual(ofExporters, toTheLayer)
    })
  )

  it.live("that names itself as the next one starts the function once", () =>
    Effect.gen(function* () {
      const { functionError, ofExporters } = yield* seen({ EFFECT_LAMBDA_EXEC_WRAPPER: wrapper })
      assert.isUndefined(functionError)
      assert.deepStrictEqual(ofExporters, toTheLayer)
    })
  )
})
