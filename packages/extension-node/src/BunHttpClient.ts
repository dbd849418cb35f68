/**
 * The HTTP client for the Extensions API on bun, whose `node:http` is slow. The client calls bun's own `fetch` and has
 * the properties of `LambdaHttpClient`:
 *
 * - no time limit anywhere: a parked next may wait for hours
 * - a connection for each call: if bun loses a kept-alive connection, it repeats
 *   the poll, and the program does not learn that an event may be lost
 * - no proxy (bun's `fetch` obeys `HTTP_PROXY`), no redirects, no tracing
 * - interruption aborts the request
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import { BufferedResponse } from "./internal/http/BufferedResponse.ts"
import { requestBody } from "./internal/http/requestBody.ts"

// Only bun's `fetch` knows `proxy` and `timeout`.
const options = { keepalive: false, proxy: false, redirect: "manual", timeout: false } as const

const send = (request: HttpClientRequest): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback<HttpClientResponse, HttpClientError.HttpClientError>((resume, signal) => {
    const fail = (Reason: typeof HttpClientError.EncodeError | typeof HttpClientError.TransportError, cause: unknown) =>
      resume(Effect.fail(new HttpClientError.HttpClientError({ reason: new Reason({ request, cause }) })))
    const body = requestBody(request)
    if (body instanceof Error) return fail(HttpClientError.EncodeError, body)
    let message: Request
    try {
      // Throws on a header value or a URL that HTTP does not allow.
      message = new Request(request.url, {
        method: request.method,
        headers: request.headers,
        body: body === undefined ? null : new Uint8Array(body)
      })
    } catch (cause) {
      return fail(HttpClientError.EncodeError, cause)
    }
    fetch(message, { ...options, signal })
      .then((response) =>
        response.arrayBuffer().then((bytes) => {
          const headers = Object.fromEntries(response.headers)
          const body = Effect.succeed(Buffer.from(bytes))
          resume(Effect.succeed(new BufferedResponse(request, response.status, headers, body)))
        })
      )
      .catch((cause) => fail(HttpClientError.TransportError, cause))
  })

/**
 * Layer of the client. `NodeExtension.layer` uses it when the program runs on bun.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.succeed(
  HttpClient.HttpClient,
  // `HttpClient.make` adds a span and an AbortController to each request; neither is wanted here.
  HttpClient.makeWith<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap(send),
    Effect.succeed
  )
)
