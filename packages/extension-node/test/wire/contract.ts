/** A call of the contract, and what it has to give. */
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type { Case } from "./contractCases.ts"

/** The end of a call, which another process can write as JSON. */
export type Outcome =
  | { readonly gives: object }
  | { readonly fails: string; readonly message: string; readonly again: boolean }

export const makeApis = Effect.fnUntraced(function* (layer: Layer.Layer<HttpClient.HttpClient>, runtimeApi: string) {
  const context = yield* Layer.build(layer)
  return yield* Effect.all({
    api: ExtensionsApi.make({ runtimeApi, extensionName: "a" }),
    telemetry: TelemetryApi.make({ runtimeApi, initializationType: "on-demand" })
  }).pipe(Effect.provideContext(context))
})

/** Makes the call of a case over the client. */
export const outcomeOf = Effect.fnUntraced(function* (
  layer: Layer.Layer<HttpClient.HttpClient>,
  { call }: Pick<Case, "call">,
  host: string
) {
  const apis = yield* makeApis(layer, host)
  return yield* Effect.match(call(apis), {
    onFailure: ({ isRetryable, message, reason }): Outcome => ({ fails: reason._tag, message, again: isRetryable }),
    onSuccess: (gives): Outcome => ({ gives })
  })
})
