/** ExtensionsApi over a transport in memory: whatever a server answers, the outcome is a value or a typed error. */
import { ExtensionError, ExtensionEvent } from "@effect-lambda/extension"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import type * as Registration from "@effect-lambda/extension/Registration"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "$LATEST",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: "id",
  events: ["INVOKE"]
}
const report = { errorMessage: "m", errorType: "Extension.T", stackTrace: [] }

const answering = (answer: (index: number) => Response) => {
  let index = 0
  return Layer.sync(HttpClient.HttpClient, () =>
    HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, answer(index++))))
  )
}

const make = ExtensionsApi.make({ runtimeApi: "lambda", extensionName: "a" })

/** Calls every operation and checks that each ends in a value or in an ExtensionsApiError. */
const neverADefect = (response: () => Response) =>
  Effect.gen(function* () {
    const api = yield* make.pipe(Effect.provide(answering(response)))
    const calls: ReadonlyArray<Effect.Effect<unknown, ExtensionError.ExtensionsApiError>> = [
      api.register({ events: [] }),
      api.nextEvent(registration),
      api.initError(registration, report),
      api.exitError(registration, report)
    ]
    for (const call of calls) {
      const result = yield* Effect.result(call)
      if (result._tag === "Failure") {
        assert.instanceOf(result.failure, ExtensionError.ExtensionsApiError)
        assert.isString(result.failure.message)
      }
    }
  })

const Status = Schema.Literals([200, 202, 400, 403, 404, 500, 502])
const headers = { "Lambda-Extension-Identifier": "id" }

describe("any answer", () => {
  it.effect.prop(
    "random bytes",
    [Status, Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))],
    ([status, bytes]) => neverADefect(() => new Response(Uint8Array.from(bytes), { status, headers }))
  )

  it.effect.prop("random JSON", [Status, Schema.fromJsonString(Schema.Json)], ([status, json]) =>
    neverADefect(() => new Response(JSON.stringify(json), { status, headers }))
  )

  const Field = Schema.Union([Schema.String, Schema.Finite, Schema.Null, Schema.Boolean])
  it.effect.prop(
    "objects with the right keys and random values",
    [
      Status,
      Schema.Record(
        Schema.Literals([
          "eventType",
          "deadlineMs",
          "requestId",
          "shutdownReason",
          "errorType",
          "errorMessage",
          "status",
          "functionName"
        ]),
        Field
      )
    ],
    ([status, object]) => neverADefect(() => new Response(JSON.stringify(object), { status, headers }))
  )

  it.effect.prop("every event Lambda may send is decoded to itself", [ExtensionEvent.InvokeEvent], ([event]) =>
    Effect.gen(function* () {
      const api = yield* make.pipe(Effect.provide(answering(() => new Response(JSON.stringify(event)))))
      assert.strictEqual(JSON.stringify(yield* api.nextEvent(registration)), JSON.stringify(event))
    })
  )
})

describe("the bare stream", () => {
  const invoke = '{"eventType":"INVOKE","deadlineMs":1,"requestId":"r","invokedFunctionArn":"a"}'
  const shutdown = '{"eventType":"SHUTDOWN","deadlineMs":1,"shutdownReason":"spindown"}'

  it.effect("pulls next, handles, pulls next, and ends after SHUTDOWN", () => {
    const log: Array<string> = []
    const layer = Layer.provideMerge(
      ExtensionsApi.layerConfig({
        runtimeApi: Config.String("AWS_LAMBDA_RUNTIME_API"),
        extensionName: Config.succeed("a")
      }),
      answering((index) => {
        log.push("next")
        return new Response(index < 2 ? invoke : shutdown)
      })
    )
    return Effect.gen(function* () {
      yield* Stream.runForEach(ExtensionsApi.events(registration), (event) =>
        Effect.sync(() => log.push(event.eventType))
      )
      assert.deepStrictEqual(log, ["next", "INVOKE", "next", "INVOKE", "next", "SHUTDOWN"])
    }).pipe(
      Effect.provide(layer),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: { AWS_LAMBDA_RUNTIME_API: "lambda" } })
      )
    )
  })

  it.effect("fails with the first error", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Stream.runDrain(ExtensionsApi.events(registration)))
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(
      Effect.provide(
        Layer.provide(
          Layer.effect(ExtensionsApi.ExtensionsApi, make),
          answering(() => new Response("", { status: 500 }))
        )
      )
    )
  )
})
