/** An option that is accepted has its effect; another one is refused by its name. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import process from "node:process"
import * as Settings from "../src/internal/settings/Settings.ts"
import { script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** Prints the kind of init: first as its environment names it, then as telemetry does. */
const initTypes = script(`
  console.log("environment " + process.env.AWS_LAMBDA_INITIALIZATION_TYPE)
  const received = http.createServer((request, response) => {
    const chunks = []
    request.on("data", (chunk) => chunks.push(chunk))
    request.on("end", () => {
      response.end()
      for (const { type, record } of JSON.parse(Buffer.concat(chunks))) {
        if ("initializationType" in record) console.log(type + " " + record.initializationType)
      }
    })
  })
  await new Promise((resolve) => received.listen(0, resolve))
  await register(["SHUTDOWN"])
  const URI = "http://sandbox.localdomain:" + received.address().port
  const body = { schemaVersion: "2022-12-13", types: ["platform"], buffering: { timeoutMs: 25 }, destination: { protocol: "HTTP", URI } }
  await call("PUT", "/2022-07-01/telemetry", identified(), JSON.stringify(body))
  await next()
  process.exit(0)`)

/** Tells why an environment with these options does not start. */
const refusal = (options: Emulator.Options) =>
  Effect.scoped(Effect.flip(startEmulator(options))).pipe(Effect.map(({ reason }) => [reason._tag, reason.message]))

describe("the kind of init", () => {
  it.live.each(["on-demand", "provisioned-concurrency", "snap-start"] as const)(
    "%s is what the processes and the telemetry are told",
    (initType) =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const extension = writeExecutable(directory, "a", initTypes)
        const emulator = yield* startEmulator({ extensions: [extension], initType })
        const said = (line: string) =>
          emulator.journal.waitFor(
            Journal.is("Output", (output) => output.line === line),
            "10 seconds"
          )
        yield* said(`environment ${initType}`)
        yield* said(`platform.initStart ${initType}`)
      })
  )

  it.each<readonly [Emulator.Options, number]>([
    [{}, 10_000],
    [{ initType: "on-demand", timeout: "15 minutes" }, 10_000],
    [{ initType: "provisioned-concurrency" }, 130_000],
    [{ initType: "snap-start", timeout: "129 seconds" }, 130_000],
    [{ initType: "snap-start", timeout: "15 minutes" }, 900_000],
    [{ initType: "snap-start", initTimeout: "1 second" }, 1000],
    [{ profile: "lmi", timeout: "20 seconds" }, 20_000]
  ])("%j limits init to %i ms", (options, milliseconds) => {
    assert.strictEqual(Settings.resolve(options, undefined).initTimeoutMs, milliseconds)
  })

  it.live("its limit is the environment's own", () =>
    Effect.gen(function* () {
      const emulator = yield* startEmulator({ initType: "provisioned-concurrency" })
      assert.strictEqual(emulator.initTimeoutMs, 130_000)
    })
  )

  it.live("profiles that initialise in one way refuse another", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refusal({ profile: "lmi", initType: "on-demand" }), [
        "InvalidOption",
        "initType is on-demand, but profile lmi initialises in one way, lambda-managed-instances. Leave it out, or take profile real."
      ])
      assert.deepStrictEqual(yield* refusal({ profile: "rie", initType: "snap-start" }), [
        "InvalidOption",
        "initType is snap-start, but profile rie initialises in one way, on-demand. Leave it out, or take profile real."
      ])
      yield* startEmulator({ profile: "rie", initType: "on-demand" })
    })
  )
})

/** Tells what the processes of an environment with these options see, or what the extension does. */
const seen = Effect.fnUntraced(function* (options: Emulator.Options, source: Journal.Source) {
  const directory = yield* temporaryDirectory
  const show = script("console.log(JSON.stringify(process.env)); setInterval(() => {}, 1000); await register([])")
  const emulator = yield* startEmulator({
    ...options,
    extensions: [writeExecutable(directory, "a", show)],
    function: { command: [writeExecutable(directory, "function.cjs", show)], ...options.function }
  })
  const { line } = yield* emulator.journal.waitFor(
    Journal.is("Output", (output) => output.source === source),
    "10 seconds"
  )
  const environment: Readonly<Record<string, string>> = JSON.parse(line)
  return environment
})

it.live("an address of the sandbox that no listener here can have is refused", () =>
  Effect.gen(function* () {
    for (const sandboxAddress of ["10.0.0.1", "localhost", "127.0.0", "::1", ""]) {
      assert.deepStrictEqual(yield* refusal({ sandboxAddress }), [
        "InvalidOption",
        `sandboxAddress is ${sandboxAddress}, which is no address of loopback. Give one such as 127.0.0.6.`
      ])
    }
    assert.deepStrictEqual(yield* refusal({ sandboxAddress: "127.0.0.6", profile: "lmi" }), [
      "InvalidOption",
      "sandboxAddress is 127.0.0.6, but profile lmi delivers to 127.0.0.1. Leave it out, or take profile real."
    ])
  })
)

describe("variables that Lambda sets itself", () => {
  it.live("region and credentials of the variables are those of the environment", () =>
    Effect.gen(function* () {
      const environment = { AWS_REGION: "eu-central-1", AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "secret" }
      for (const source of ["extension:a", "runtime"] as const) {
        const of = yield* seen({ environment }, source)
        assert.deepStrictEqual([of["AWS_REGION"], of["AWS_DEFAULT_REGION"]], ["eu-central-1", "eu-central-1"])
        assert.deepStrictEqual([of["AWS_ACCESS_KEY_ID"], of["AWS_SECRET_ACCESS_KEY"]], ["AKIA", "secret"])
        // Long-term keys have no session token, and an invented token would be refused with them.
        assert.isFalse("AWS_SESSION_TOKEN" in of)
      }
      const { functionArn } = Settings.resolve({ environment }, undefined)
      assert.strictEqual(functionArn, "arn:aws:lambda:eu-central-1:123456789012:function:function")
    })
  )

  it.live("variables that are not reserved are the customer's, for the function also those of X-Ray", () =>
    Effect.gen(function* () {
      const environment = {
        AWS_XRAY_CONTEXT_MISSING: "IGNORE_ERROR",
        TZ: "Europe/Berlin",
        PATH: process.env.PATH ?? ""
      }
      const of = yield* seen({ environment }, "runtime")
      assert.deepInclude(of, environment)
      assert.strictEqual(of["AWS_XRAY_DAEMON_ADDRESS"], "169.254.79.129:2000")
    })
  )

  const secret = "do-not-print-me"
  it.live.each<readonly [string, Emulator.Options, string]>([
    [
      "a name",
      { environment: { AWS_LAMBDA_FUNCTION_NAME: secret } },
      "is set by Lambda itself. Use the option functionName."
    ],
    [
      "the memory size",
      { environment: { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: secret } },
      "is set by Lambda itself. Use the option memorySize."
    ],
    [
      "the kind of init",
      { environment: { AWS_LAMBDA_INITIALIZATION_TYPE: secret } },
      "is set by Lambda itself. Use the option initType."
    ],
    [
      "an address",
      { environment: { AWS_LAMBDA_RUNTIME_API: secret } },
      '"AWS_LAMBDA_RUNTIME_API" is set by Lambda itself.'
    ],
    [
      "the handler",
      { environment: { _HANDLER: secret }, profile: "rie" },
      "is set by Lambda itself. Use the option handler."
    ],
    [
      "a name of the function alone",
      { function: { command: ["sh"], environment: { LAMBDA_TASK_ROOT: secret } } },
      "is set by Lambda itself. Use the option function.cwd."
    ],
    [
      "a region of the function alone",
      { function: { command: ["sh"], environment: { AWS_REGION: secret } } },
      "cannot be set for the function alone. Use the option environment."
    ],
    [
      "a hidden name that rie sets too",
      { environment: { _AWS_XRAY_DAEMON_PORT: secret }, profile: "rie" },
      "is set by Lambda itself"
    ],
    [
      "a server for credentials beside that of a snapshot",
      { environment: { AWS_CONTAINER_CREDENTIALS_FULL_URI: secret }, initType: "snap-start" },
      "is set by Lambda itself under SnapStart. Use the option credentials."
    ],
    ["a hidden name", { environment: { _PRIVATE: secret } }, "begins with _, and Lambda refuses such names"],
    [
      "a name with a space",
      { environment: { "AWS_REGION ": secret } },
      '"AWS_REGION " begins with a digit or has other characters'
    ],
    [
      "a name that begins with a digit",
      { environment: { "1ST": secret } },
      '"1ST" begins with a digit or has other characters'
    ],
    ["no name", { environment: { "": secret } }, '"" has no name'],
    ["a = in a name", { environment: { "A=B": secret } }, '"A=B" has a = in its name'],
    ["a NUL in a name", { environment: { "A\0": secret } }, "has a NUL character in its name"],
    ["a NUL in a value", { environment: { A: `${secret}\0` } }, "has a NUL character in its value"],
    ["half of the credentials", { environment: { AWS_SESSION_TOKEN: secret } }, '"AWS_ACCESS_KEY_ID" is missing'],
    [
      "the other half",
      { environment: { AWS_ACCESS_KEY_ID: secret } },
      '"AWS_SECRET_ACCESS_KEY" is missing: AWS_ACCESS_KEY_ID would have no effect without it.'
    ],
    ["an empty region", { environment: { AWS_DEFAULT_REGION: "" } }, '"AWS_DEFAULT_REGION" is empty'],
    [
      "two regions",
      { environment: { AWS_REGION: "a", AWS_DEFAULT_REGION: "b" } },
      '"AWS_DEFAULT_REGION" is b, but AWS_REGION is a: an environment has one region.'
    ],
    [
      "another region than the option",
      { environment: { AWS_REGION: "a" }, region: "b" },
      "region is b, but the variables of the environment say a. Give the region once."
    ],
    ["no region", { region: "" }, "region is empty"],
    [
      "a region with a space",
      { region: `eu ${secret}` },
      "region has other characters than letters, digits and hyphens"
    ],
    [
      "a region with a line break",
      { environment: { AWS_REGION: `eu\n${secret}` } },
      '"AWS_REGION" has other characters than letters'
    ],
    [
      "credentials twice",
      {
        environment: { AWS_ACCESS_KEY_ID: secret, AWS_SECRET_ACCESS_KEY: secret },
        credentials: { accessKeyId: secret, secretAccessKey: secret }
      },
      "Give them once."
    ]
  ])("%s is refused by name, and no value is told", ([, options, words]) =>
    Effect.gen(function* () {
      const [tag, message] = yield* refusal(options)
      assert.match(tag ?? "", /^Invalid(Variable|Option)$/)
      assert.include(message, words)
      assert.notInclude(message, secret)
    })
  )

  it.live("AWS's emulator hands names on that begin with _, which extensions do not see", () =>
    startEmulator({ profile: "rie", environment: { _PRIVATE: "x", "a.b": "x" } })
  )
})
