import { LambdaEnvironment } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

const withEnv = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const make = (variables: Record<string, string>) => LambdaEnvironment.make({ variables, extensionName: "hello.mjs" })

describe("LambdaEnvironment", () => {
  it.effect("reads the variables that the library needs", () =>
    Effect.gen(function* () {
      const environment = yield* make({
        AWS_LAMBDA_RUNTIME_API: "169.254.100.1:9001",
        AWS_LAMBDA_INITIALIZATION_TYPE: "snap-start"
      })
      assert.strictEqual(environment.runtimeApi, "169.254.100.1:9001")
      assert.strictEqual(environment.extensionName, "hello.mjs")
      assert.strictEqual(environment.initializationType, "snap-start")
    })
  )

  it.effect("outside Lambda: one clear sentence", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(make({}))
      assert.isTrue(error._tag === "LambdaEnvironmentError" && error.variable === "AWS_LAMBDA_RUNTIME_API")
      assert.include(error.message, "does not run inside Lambda or the emulator; try")
    })
  )

  for (const value of ["", "http://127.0.0.1:9001", "127.0.0.1:9001/path", "a b", "host:port"]) {
    it.effect(`an address of ${JSON.stringify(value)} is refused with the value in the message`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(make({ AWS_LAMBDA_RUNTIME_API: value }))
        assert.strictEqual(error._tag, "LambdaEnvironmentError")
        if (value !== "") assert.include(error.message, JSON.stringify(value))
      })
    )
  }

  for (const value of ["127.0.0.1:9001", "[::1]:9001", "sandbox.localdomain:9001", "localhost"]) {
    it.effect(`an address of ${value} is accepted`, () =>
      Effect.map(make({ AWS_LAMBDA_RUNTIME_API: value }), (environment) =>
        assert.strictEqual(environment.runtimeApi, value)
      )
    )
  }

  it.effect("the variables as Config; the credentials are redacted", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* LambdaEnvironment.functionName, "f")
      assert.strictEqual(yield* LambdaEnvironment.functionVersion, "$LATEST")
      assert.strictEqual(yield* LambdaEnvironment.functionMemorySize, 512)
      assert.strictEqual(yield* LambdaEnvironment.region, "eu-central-1")
      assert.strictEqual(yield* LambdaEnvironment.initializationType, "on-demand")
      for (const config of [
        LambdaEnvironment.accessKeyId,
        LambdaEnvironment.secretAccessKey,
        LambdaEnvironment.sessionToken
      ]) {
        const secret = yield* config
        assert.strictEqual(String(secret), "<redacted>")
        assert.strictEqual(Redacted.value(secret), "s3cr3t")
      }
    }).pipe(
      withEnv({
        AWS_LAMBDA_FUNCTION_NAME: "f",
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
        AWS_REGION: "eu-central-1",
        AWS_ACCESS_KEY_ID: "s3cr3t",
        AWS_SECRET_ACCESS_KEY: "s3cr3t",
        AWS_SESSION_TOKEN: "s3cr3t"
      })
    )
  )
})
