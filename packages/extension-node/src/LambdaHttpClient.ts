/**
 * The HTTP client for the Extensions API: a few lines over `node:http`, with
 * what that API needs and nothing else.
 *
 * - no time limit anywhere: a parked next may wait for hours (Node's `fetch`
 *   gives up after 300 seconds, undici after an hour)
 * - one kept-alive connection per call under way, never a queue: an error
 *   report must not wait behind the parked next
 * - no proxy, no redirects, no tracing
 * - interruption destroys the request
 *
 * Sinks and the user's own calls should use a client of their own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import type * as Http from "node:http"
import { BufferedResponse } from "./internal/BufferedResponse.ts"
import { http } from "./internal/node.ts"
import { requestBody } from "./internal/requestBody.ts"

// A kept-alive connection that died unnoticed (while the environment was frozen) fails at once; a parked poll that loses
// its connection fails later, and must be seen as lost.
const staleWithinMillis = 1000

const isStale = (nodeRequest: Http.ClientRequest, sentAt: number, cause: NodeJS.ErrnoException) =>
  nodeRequest.reusedSocket &&
  (cause.code === "ECONNRESET" || cause.code === "EPIPE") &&
  performance.now() - sentAt < staleWithinMillis

/** What `node:http` makes of a URL. The API has four of them, and parsing one costs a tenth of a whole request. */
const targets = new Map<string, { readonly hostname: string; readonly port: string; readonly path: string }>()

const targetOf = (url: string) => {
  const known = targets.get(url)
  if (known !== undefined) return known
  const { hostname, pathname, port, search } = new URL(url)
  // The brackets of an IPv6 address belong to the URL, not to the address.
  const target = { hostname: hostname.replace(/^\[|\]$/g, ""), port, path: pathname + search }
  if (targets.size === 16) targets.clear()
  targets.set(url, target)
  return target
}

const send = (
  agent: Http.Agent | false,
  request: HttpClientRequest
): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback<HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
    const fail = (Reason: typeof HttpClientError.EncodeError | typeof HttpClientError.TransportError, cause: unknown) =>
      resume(Effect.fail(new HttpClientError.HttpClientError({ reason: new Reason({ request, cause }) })))
    const body = requestBody(request)
    if (body instanceof Error) return fail(HttpClientError.EncodeError, body)
    const sentAt = performance.now()
    let nodeRequest: Http.ClientRequest
    try {
      // Throws on a header value or a URL that HTTP does not allow.
      nodeRequest = http.request({ ...targetOf(request.url), agent, method: request.method, headers: request.headers })
    } catch (cause) {
      return fail(HttpClientError.EncodeError, cause)
    }
    nodeRequest.once("response", (nodeResponse) => {
      const chunks: Array<Buffer> = []
      nodeResponse.on("data", (chunk: Buffer) => chunks.push(chunk))
      nodeResponse.once("error", (cause) => fail(HttpClientError.TransportError, cause))
      nodeResponse.once("end", () => {
        const { headers, statusCode = 0 } = nodeResponse
        // Joined before it is decoded: a character may be split between two chunks.
        const body = Buffer.concat(chunks)
        const response = new BufferedResponse(request, statusCode, headers, body)
        // One tick later the connection is back in the agent, so that the next request finds it.
        process.nextTick(() => resume(Effect.succeed(response)))
      })
    })
    // Not `once`: an error after the first one must not end the process.
    nodeRequest.on("error", (cause) =>
      isStale(nodeRequest, sentAt, cause)
        ? // On a connection of its own, which cannot be stale again.
          resume(send(false, request))
        : fail(HttpClientError.TransportError, cause)
    )
    nodeRequest.end(body)
    return Effect.sync(() => nodeRequest.destroy())
  })

/**
 * The client. Its connections close with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.gen(function* () {
  const agent = yield* Effect.acquireRelease(
    // No `maxSockets` and no `timeout`. One connection is parked in next, the spare serves a report.
    Effect.sync(() => new http.Agent({ keepAlive: true, maxFreeSockets: 2 })),
    (agent) => Effect.sync(() => agent.destroy())
  )
  // `HttpClient.make` adds a span and an AbortController to each request; neither is wanted here.
  return HttpClient.makeWith<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) => send(agent, request)),
    Effect.succeed
  )
})

/**
 * Layer of the client. `NodeExtension.layer` closes over it, so that an
 * `HttpClient` of the user never carries the Extensions API.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.effect(HttpClient.HttpClient, make)
