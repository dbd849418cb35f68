/** The client that carries the Extensions API also carries the Telemetry API, which has the same address. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Runtime from "#runtime"

const Current = /*#__PURE__*/ Context.Reference<HttpClient.HttpClient | undefined>(
  "@effect-lambda/extension-node/internal/lambda/lambdaClient/Current",
  { defaultValue: () => undefined }
)

/** Notes the client for {@link shared}. */
export const share: Layer.Layer<never, never, HttpClient.HttpClient> = Layer.effect(Current, HttpClient.HttpClient)

/**
 * The noted client, or another one if none is noted. The subscription then leaves over the connection that the stub has
 * opened, and next follows over the same connection: no other connection is opened before the first event.
 */
export const shared: Layer.Layer<HttpClient.HttpClient> = Layer.unwrap(
  Effect.map(Current, (client) =>
    client === undefined ? Runtime.lambdaClient() : Layer.succeed(HttpClient.HttpClient, client)
  )
)
