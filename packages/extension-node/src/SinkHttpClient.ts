/**
 * The HTTP client for sinks and for the calls of an extension: HTTP/1.1 over
 * `node:net` and `node:tls`, which are loaded with the first request. It takes
 * less memory and time than `fetch`, whose first use costs tens of milliseconds.
 *
 * - Connections are kept for the next request, within bounds. One that died while
 *   the environment was frozen is not used: its age is read from the clock, and an
 *   end that waits in its socket is seen first.
 * - A request is sent again, once, only if no byte of it was taken, or if its
 *   method is GET, HEAD, PUT, DELETE or OPTIONS and a kept connection ended
 *   before it answered. A POST that may have been read fails instead.
 * - TLS trusts the roots of Node and those of `NODE_EXTRA_CA_CERTS`, and checks
 *   the name of the host. An error says which certificate is wrong, and why.
 * - Every wait has a limit. A freeze is no part of it.
 * - An answer is given as soon as its head is complete. An error in its body is a
 *   `TransportError` of the effect that reads the body. A connection with a rest
 *   that nobody reads is closed.
 * - A redirect is an answer like any other; none is followed.
 * - The client asks for no compression, and does not undo any: a body with a
 *   `content-encoding` stays as it came.
 * - A proxy of the environment is used if the option `proxy` asks for it, or the
 *   switch of Node.
 *
 * @since 0.1.0
 */
import { CurrentUnusedProxy } from "@effect-lambda/extension/telemetry/TelemetrySink"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { makeClient } from "./internal/sink/client.ts"
import { proxiesOfThisProcess } from "./internal/proxy/ofThisProcess.ts"

/**
 * The bounds of the client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** For name, connection and TLS handshake together. A freeze does not count. Default 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * From the first byte of the request to the last byte of the answer. A freeze does not count. Default 60 seconds. A sink has
   * `exportTimeout` besides, for the whole attempt.
   */
  readonly answerTimeout?: Duration.Input | undefined
  /** All bytes of an answer, with its head; the body of a longer one cannot be read. Default 16 MiB. */
  readonly maxAnswerBytes?: number | undefined
  /**
   * For so long a connection is kept for the next request, by the clock: a freeze counts. A server that says less in the
   * header `keep-alive` is obeyed. Zero keeps none. Default 30 seconds.
   */
  readonly idleTimeout?: Duration.Input | undefined
  /** How many connections wait for their next request, to all servers together. Default 16. */
  readonly maxIdleConnections?: number | undefined
  /**
   * `"environment"`: the proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY` are used, except for hosts of `NO_PROXY` and of
   * this machine. Default: only if `NODE_USE_ENV_PROXY` is 1 or Node was started with `--use-env-proxy`. A request fails if its
   * variable does not hold the URL of a proxy, of `http:` or `https:`. A sink says so when it is made.
   */
  readonly proxy?: "environment" | undefined
}

const proxiesOf = ({ proxy }: Options) => proxiesOfThisProcess(proxy === "environment")

/**
 * The client with other bounds. Its connections close with the scope.
 *
 * **Example** (An answer within 5 seconds)
 *
 * ```ts
 * import { SinkHttpClient } from "@effect-lambda/extension-node"
 * import * as HttpClient from "effect/http/HttpClient"
 * import * as Layer from "effect/Layer"
 *
 * export const client = Layer.effect(HttpClient.HttpClient, SinkHttpClient.make({ answerTimeout: "5 seconds" }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  // The variables are those at the time of use, not those at the import.
  Effect.suspend(() =>
    makeClient({
      connectMillis: Duration.toMillis(options.connectTimeout ?? "10 seconds"),
      answerMillis: Duration.toMillis(options.answerTimeout ?? "60 seconds"),
      maxAnswerBytes: options.maxAnswerBytes ?? 16 * 1024 * 1024,
      idleMillis: Duration.toMillis(options.idleTimeout ?? "30 seconds"),
      maxIdleConnections: options.maxIdleConnections ?? 16,
      via: proxiesOf(options).via
    })
  )

/**
 * Layer of the client with other bounds, or with a proxy. Sinks learn from it which proxy they go past.
 *
 * **Example** (Through the proxy of the environment)
 *
 * ```ts
 * import { SinkHttpClient } from "@effect-lambda/extension-node"
 *
 * export const client = SinkHttpClient.layerWith({ proxy: "environment" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.merge(
    Layer.effect(HttpClient.HttpClient, make(options)),
    Layer.sync(CurrentUnusedProxy, () => proxiesOf(options).unused)
  )

/**
 * Layer of the client. `NodeTelemetry.layer` provides it.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerWith({})
