/**
 * The HTTP client for the Extensions API: HTTP/1.1 over `node:net`, with only the features that this API needs. The
 * client starts faster than `node:http`, whose first request is a large part of an extension's start.
 *
 * - no time limit anywhere: a parked next may wait for hours (Node's `fetch`
 *   gives up after 300 seconds, undici after an hour)
 * - a kept-alive connection per call under way, never a queue: an error
 *   report must not wait behind the parked next
 * - `http:` only, no proxy, no redirects, no tracing
 * - an answer is at most 1 MiB
 * - interruption closes the connection
 *
 * Sinks and the user's calls should use another client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import { AnswerReader, type Limit } from "./internal/http/Answer.ts"
import { BufferedResponse } from "./internal/http/BufferedResponse.ts"
import { type Call, Connection } from "./internal/http/Connection.ts"
import { type Origin, originOf } from "./internal/http/origin.ts"
import { requestBody } from "./internal/http/requestBody.ts"
import { requestHead } from "./internal/http/requestHead.ts"

// A kept-alive connection that died unnoticed (while the environment was frozen) fails at once. A parked poll that loses
// its connection fails later, and must count as lost.
const staleWithinMillis = 1000

/** The clock of `performance.now()`, whose first use loads eight modules of Node. */
const monotonicMillis = (): number => Number(process.hrtime.bigint() / 1_000_000n)

/** Far more than any answer of Lambda. */
const limit: Limit = {
  maxBytes: 1024 * 1024,
  maxHeadBytes: 1024 * 1024,
  tooLong: "the answer is longer than 1 MiB, more than Lambda ever sends"
}

/** The parts of a URL that a request needs. */
interface Target extends Origin {
  readonly path: string
}

/** The API has four URLs, and parsing a URL costs a tenth of a whole request. */
const targets = new Map<string, Target>()

/** @throws Error if it is not a URL of `http:` */
const targetOf = (url: string): Target => {
  const known = targets.get(url)
  if (known !== undefined) return known
  const parsed = new URL(url)
  if (parsed.protocol !== "http:") throw new Error(`${parsed.protocol} is not supported, the API is http:`)
  const target = { ...originOf(parsed), path: parsed.pathname + parsed.search }
  if (targets.size === 16) targets.clear()
  targets.set(url, target)
  return target
}

/** @throws Error if a header cannot be sent */
const encode = (request: HttpClientRequest, target: Target, body: Uint8Array | undefined): Uint8Array => {
  const length = body === undefined ? "" : `Content-Length: ${body.length}\r\n`
  const head = requestHead(request, target.path, `Host: ${target.authority}\r\n${length}`)
  return body === undefined ? head : Buffer.concat([head, body])
}

const open = (connections: Set<Connection>, { authority, hostname, port }: Target): Connection => {
  const connection = Connection.open(authority, hostname, port, (closed) => connections.delete(closed))
  connections.add(connection)
  return connection
}

const send = (
  connections: Set<Connection>,
  request: HttpClientRequest,
  isSecondTry: boolean
): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.callback<HttpClientResponse, HttpClientError.HttpClientError>((resume) => {
    const fail = (Reason: typeof HttpClientError.EncodeError | typeof HttpClientError.TransportError, cause: unknown) =>
      resume(Effect.fail(new HttpClientError.HttpClientError({ reason: new Reason({ request, cause }) })))
    const body = requestBody(request)
    if (body instanceof Error) return fail(HttpClientError.EncodeError, body)
    let target: Target
    let message: Uint8Array
    try {
      target = targetOf(request.url)
      message = encode(request, target, body)
    } catch (cause) {
      return fail(HttpClientError.EncodeError, cause)
    }
    const line = `${request.method} ${target.path}`
    const isAwaited = ({ authority, sent }: Connection) => sent === line && authority === target.authority
    const isFree = ({ authority, isIdle }: Connection) => isIdle && authority === target.authority
    const awaited = [...connections].find(isAwaited)
    // The second try opens a new connection, which cannot be stale.
    const kept = isSecondTry ? undefined : [...connections].find(isFree)
    const connection = awaited ?? kept ?? open(connections, target)
    // A request that was sent before this process is not kept: Lambda has it, so the client never sends it again.
    const { isKept } = connection
    const sentAt = monotonicMillis()
    const call: Call = {
      reader: new AnswerReader(request.method, limit),
      onAnswer: ({ body, headers, status }) =>
        resume(Effect.succeed(new BufferedResponse(request, status, headers, Effect.succeed(body)))),
      onError: (cause, loss) =>
        isKept && loss !== "broken" && monotonicMillis() - sentAt < staleWithinMillis
          ? resume(send(connections, request, true))
          : fail(HttpClientError.TransportError, cause)
    }
    if (awaited === undefined) connection.send(message, call)
    else connection.receive(call)
    return Effect.sync(() => connection.abandon(call))
  })

/**
 * A connection to the API that is open already when the program starts.
 *
 * @category models
 * @since 0.1.0
 */
export interface InheritedConnection {
  /** The address of the other side, `host:port` as in `AWS_LAMBDA_RUNTIME_API`. */
  readonly runtimeApi: string
  /** The file descriptor, which the client owns from then on. A descriptor that is not a socket is left alone. */
  readonly descriptor: number
  /**
   * The request that was sent over it already, as method and path: `GET /2020-01-01/extension/event/next`. The first such
   * request of the client is not sent, and gets the answer to that one. Other requests take other connections.
   */
  readonly sent?: string | undefined
}

/**
 * The client. Its connections close with the scope.
 * @param inherited carries the first request; a request that is sent at once,
 *   before the event loop turns, leaves before `node:net` is loaded
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (inherited?: InheritedConnection) {
  const connections = yield* Effect.acquireRelease(
    Effect.sync(() => new Set<Connection>()),
    (connections) =>
      Effect.sync(() => {
        for (const connection of connections) connection.destroy()
      })
  )
  if (inherited !== undefined) {
    const authority = URL.parse(`http://${inherited.runtimeApi}`)?.host
    const connection =
      authority === undefined
        ? undefined
        : Connection.inherit(authority, inherited.descriptor, inherited.sent, (closed) => connections.delete(closed))
    if (connection !== undefined) connections.add(connection)
  }
  // `HttpClient.make` adds a span and an AbortController to each request; this client wants neither.
  return HttpClient.makeWith<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) => send(connections, request, false)),
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
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.effect(HttpClient.HttpClient, make())

/**
 * {@link layer} over a connection that is open already.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerInheriting = (inherited: InheritedConnection): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(HttpClient.HttpClient, make(inherited))
