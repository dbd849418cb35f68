/**
 * Subscribes to the Logs API, version 2020-08-15, for extensions that want its
 * records (`LogsEvent`). The Telemetry API supersedes it, and an extension can
 * use only one of the two.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { InvalidRequest } from "../ExtensionError.ts"
import * as ExtensionsProtocol from "../ExtensionsProtocol.ts"
import { type Api, subscribe } from "./internal/subscription/subscribe.ts"
import { LambdaEnvironment } from "../LambdaEnvironment.ts"
import type { Registration } from "../Registration.ts"
import type { Options } from "./TelemetryApi.ts"
import { TelemetryApiError } from "./TelemetryApiError.ts"
import type { Outcome, Subscription } from "./TelemetrySubscription.ts"

/**
 * The versions of the records, newest first; 2021-03-18 adds
 * `platform.runtimeDone`.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
 * @category constants
 * @since 0.1.0
 */
export const schemaVersions = ["2021-03-18", "2020-08-15"] as const

/**
 * The Logs API.
 *
 * @category services
 * @since 0.1.0
 */
export class LogsApi extends Context.Service<
  LogsApi,
  {
    /**
     * Subscribes as `subscribe` of `TelemetryApi` does. On managed instances there is no Logs API: the call fails, and
     * nothing is sent.
     */
    readonly subscribe: (
      registration: Registration,
      subscription: Subscription
    ) => Effect.Effect<Outcome, TelemetryApiError>
  }
>()("@effect-lambda/extension/telemetry/LogsApi") {}

/**
 * The service over the current `HttpClient`, which `ExtensionsApi` uses too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { initializationType, runtimeApi } = options
  const client = yield* HttpClient.HttpClient
  const api: Api = {
    method: "logs",
    url: ExtensionsProtocol.url(ExtensionsProtocol.logsEndpoint, runtimeApi),
    schemaVersions
  }
  return LogsApi.of({
    subscribe: (registration, subscription) =>
      initializationType === "lambda-managed-instances"
        ? Effect.fail(
            new TelemetryApiError({
              method: "logs",
              reason: new InvalidRequest({
                description: "Lambda Managed Instances have no Logs API; subscribe with TelemetryApi",
                cause: undefined
              })
            })
          )
        : subscribe(client, api, registration, subscription)
  })
})

/**
 * The service for the environment in which the program runs.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<LogsApi, never, HttpClient.HttpClient | LambdaEnvironment> = Layer.effect(
  LogsApi,
  Effect.flatMap(LambdaEnvironment, make)
)
