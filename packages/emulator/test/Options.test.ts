/** An option that is accepted has its effect; another one is refused by its name. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Settings from "../src/internal/Settings.ts"
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

/** Why an environment with these options does not start. */
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
