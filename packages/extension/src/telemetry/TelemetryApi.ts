/**
 * Subscribes to the Telemetry API, version 2022-07-01. Records arrive at a listener, not here: `TelemetryListener` has
 * the other half.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as ExtensionsProtocol from "../ExtensionsProtocol.ts"
import { type Api, subscribe } from "./internal/subscription/subscribe.ts"
import { type InitializationType, LambdaEnvironment } from "../LambdaEnvironment.ts"
import type { Registration } from "../Registration.ts"
import type { TelemetryApiError } from "./TelemetryApiError.ts"
import type { Outcome, Subscription } from "./TelemetrySubscription.ts"

/**
 * The versions of the records, newest first. A subscription without a version tries them in this order. Managed
 * instances know the first version only.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 * @category constants
 * @since 0.1.0
 */
export const schemaVersions = ["2025-01-29", "2022-12-13", "2022-07-01"] as const

/**
 * The Telemetry API.
 *
 * @category services
 * @since 0.1.0
 */
export class TelemetryApi extends Context.Service<
  TelemetryApi,
  {
    /**
     * Subscribes, between register and the first next, with the listener bound. The call sends one request, and another
     * for each older schema version that it falls back to. An older version is tried only if Lambda refused the version
     * and nothing else. A wrong subscription fails before anything is sent.
     */
    readonly subscribe: (
      registration: Registration,
      subscription: Subscription
    ) => Effect.Effect<Outcome, TelemetryApiError>
  }
>()("@effect-lambda/extension/telemetry/TelemetryApi") {}

/**
 * The address of the API, and the kind of environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly runtimeApi: string
  readonly initializationType: InitializationType
}

/**
 * The service over the current `HttpClient`, which `ExtensionsApi` uses too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const { initializationType, runtimeApi } = options
  const client = yield* HttpClient.HttpClient
  const isManaged = initializationType === "lambda-managed-instances"
  const api: Api = {
    method: "telemetry",
    url: ExtensionsProtocol.url(ExtensionsProtocol.telemetryEndpoint, runtimeApi),
    schemaVersions: isManaged ? [schemaVersions[0]] : schemaVersions
  }
  return TelemetryApi.of({
    subscribe: (registration, subscription) => subscribe(client, api, registration, subscription)
  })
})

/**
 * The service for the environment in which the program runs.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<TelemetryApi, never, HttpClient.HttpClient | LambdaEnvironment> = Layer.effect(
  TelemetryApi,
  Effect.flatMap(LambdaEnvironment, make)
)
