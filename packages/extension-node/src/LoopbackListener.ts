/**
 * A small HTTP server over the sockets of Node, for other programs of the same
 * sandbox: the function sends to it.
 *
 * It binds `127.0.0.1` and, if there is IPv6, `::1`, and nothing else. A request
 * costs no fiber. Everything has a bound: the head, the body before and after
 * decompression, all bodies under way together, connections, and the time of a request.
 * The headers of a request are not handed over, so no program can log or forward them by mistake.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Runtime from "#runtime"
import type { Request as Head } from "./internal/http/Request.ts"
import * as Connections from "./internal/listener/Connections.ts"
import type * as RequestConnection from "./internal/listener/RequestConnection.ts"

/**
 * A whole request for a route.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  /** Without its query. */
  readonly path: string
  /** One of the route's `contentTypes`. */
  readonly contentType: string
  /** Decompressed. The bytes do not change afterwards; they may be a part of a larger `ArrayBuffer`. */
  readonly body: Uint8Array
}

/**
 * An answer. Its length and the end of the connection are added.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  /** Of HTTP, such as 200. */
  readonly status: number
  /** Names and values. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
  /** Not compressed. Default: empty. */
  readonly body?: Uint8Array
}

/**
 * What happens to the requests for a path.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route {
  /** The only one; another is answered 405. */
  readonly method: string
  /** Media types in lower case, without parameters. Another, or none, is answered 415. */
  readonly contentTypes: ReadonlyArray<string>
  /** In bytes, of the body before and after decompression. A longer body is discarded as it comes, and answered 413. */
  readonly maxBodyBytes: number
  /** Called in the callback of a socket, so it must be quick. If it throws, the answer is 500. */
  readonly answer: (request: Request) => Answer
}

/**
 * A request that gets no answer of a route.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  /**
   * 400: the body is not the gzip that it says. 404: no route has the path. 405: not with this method. 413: the body is too long.
   * 415: not with this content type, or compressed in another way than gzip.
   */
  readonly status: 400 | 404 | 405 | 413 | 415
  /** A sentence without its full stop. It has nothing of the request in it. */
  readonly why: string
  /** The path without its query, as the client sent it. */
  readonly path: string
  /** The media type of the request in lower case, without parameters; empty if it has none. */
  readonly contentType: string
}

/**
 * The options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** By their paths. */
  readonly routes: Readonly<Record<string, Route>>
  /** Makes the answer to a request that is refused. Status and `Allow` of the refusal win. Default: an empty body. */
  readonly refuse?: ((refusal: Refusal) => Answer) | undefined
  /** A client speaks HTTP/2 from its first byte on, as those of gRPC do. Its connection is closed. Default: it is answered 400. */
  readonly onHttp2?: (() => void) | undefined
  /**
   * What came is no HTTP that is read here, such as TLS. It is answered with this status, such as 400 or 431, and its connection
   * is closed. Called in the callback of a socket. Default: nothing.
   */
  readonly onMalformed?: ((status: number) => void) | undefined
  /** Open connections; for another one, the one that was idle for the longest time is closed. Default: 256. */
  readonly maxConnections?: number | undefined
  /**
   * How many bytes all bodies that have not arrived whole may take together. Beyond that only the oldest is read on, and the
   * others wait unread. Two bodies of the longest size are always possible. Default: 32 MiB.
   */
  readonly maxBytes?: number | undefined
  /**
   * From the first byte of a request (or the opening of a connection) to the end of its body; then the connection is closed. A
   * freeze does not count. A connection that waits for another request has no limit. Default: 30 seconds.
   */
  readonly requestTimeout?: Duration.Input | undefined
}

/**
 * The port could not be bound.
 *
 * @category errors
 * @since 0.1.0
 */
export class LoopbackListenerError extends Schema.TaggedError<LoopbackListenerError>(
  "@effect-lambda/extension-node/LoopbackListenerError"
)("LoopbackListenerError", { host: Schema.String, port: Schema.Int, cause: Schema.Defect() }) {
  override get message(): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return (
      `cannot listen on ${host}:${this.port}: ${why}. ` +
      "If another process has the port, such as another extension of the function, one of the two needs another port."
    )
  }
}

/**
 * A listener. It listens on nothing before `bind`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoopbackListener {
  /**
   * Listens on a port of `127.0.0.1` and `::1` until the scope is closed: then nothing is accepted any more, and every
   * connection is closed. The value is the port, which the system chooses for 0. The limits are those of all ports together.
   */
  readonly bind: (port: number) => Effect.Effect<number, LoopbackListenerError, Scope.Scope>
}

const mediaType = ({ headers }: Head): string => {
  const value = headers.get("content-type") ?? ""
  const semicolon = value.indexOf(";")
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
}

/** `undefined`: it is none that we undo. */
const compressionOf = ({ headers }: Head): "gzip" | "none" | undefined => {
  const value = headers.get("content-encoding")
  if (value === undefined) return "none"
  const encoding = value.trim().toLowerCase()
  if (encoding === "" || encoding === "identity") return "none"
  return encoding === "gzip" || encoding === "x-gzip" ? "gzip" : undefined
}

/** Answers never throw. If one does, the client gets 500, and only the first time is worth a line. */
const makeProtect = Effect.map(Effect.context<never>(), (context) => {
  let isReported = false
  return (answer: () => Answer): Answer => {
    try {
      return answer()
    } catch (cause) {
      if (!isReported) {
        isReported = true
        Effect.runForkWith(context)(
          Effect.logError("an answer of a listener on loopback threw; this is logged only once", Cause.die(cause))
        )
      }
      return { status: 500 }
    }
  }
})

const isWithoutIPv6 = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "code") && (cause.code === "EADDRNOTAVAIL" || cause.code === "EAFNOSUPPORT")

/**
 * A listener with these routes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<LoopbackListener, never, Scope.Scope> {
  const {
    maxBytes = 32 * 1024 * 1024,
    maxConnections = 256,
    onHttp2,
    onMalformed,
    requestTimeout = "30 seconds"
  } = options
  const { refuse = () => ({ status: 400 }) } = options
  const routes = new Map(Object.entries(options.routes))
  const protect = yield* makeProtect
  const longest = Math.max(0, ...Array.from(routes.values(), ({ maxBodyBytes }) => maxBodyBytes))
  const connections = Connections.make({ maxBytes, maxConnections, requestTimeout }, longest)

  const refused = (refusal: Refusal, headers?: Readonly<Record<string, string>>): RequestConnection.Answer => {
    const answer = protect(() => refuse(refusal))
    return { ...answer, status: refusal.status, headers: { ...answer.headers, ...headers } }
  }
  /** Whatever its method and its length. */
  const refusing = (head: Head, refusal: Refusal, headers?: Readonly<Record<string, string>>) => ({
    methods: [head.start.method],
    maxBodyBytes: 0,
    body: () => refused(refusal, headers),
    tooLarge: () => refused(refusal, headers)
  })

  const routeOf = (path: string, head: Head): RequestConnection.Route => {
    const contentType = mediaType(head)
    const because = (status: Refusal["status"], why: string): Refusal => ({ status, why, path, contentType })
    const route = routes.get(path)
    if (route === undefined) return refusing(head, because(404, "nothing is at this path"))
    const { maxBodyBytes, method } = route
    if (head.start.method !== method) {
      return refusing(head, because(405, `this path takes ${method} alone`), { Allow: method })
    }
    if (!route.contentTypes.includes(contentType)) {
      return refusing(head, because(415, `the content type has to be ${route.contentTypes.join(" or ")}`))
    }
    const compression = compressionOf(head)
    if (compression === undefined) {
      return refusing(head, because(415, "the content encoding has to be gzip, or none"))
    }
    const tooLarge = () => refused(because(413, `the body is longer than ${maxBodyBytes} bytes`))
    return {
      methods: [method],
      maxBodyBytes,
      tooLarge,
      body: (bytes) => {
        const body = compression === "gzip" ? Runtime.gunzip(bytes, maxBodyBytes) : bytes
        if (body === "too long") return tooLarge()
        if (body === "not gzip") return refused(because(400, "the body is not gzip, or only a part of it"))
        return protect(() => route.answer({ path, contentType, body }))
      }
    }
  }
  const serve = connections.http({
    route: routeOf,
    ...(onHttp2 !== undefined && { onHttp2 }),
    ...(onMalformed !== undefined && { onMalformed })
  })
  yield* connections.cutLate

  const bindTo = (host: string, port: number) =>
    Effect.mapError(
      connections.bind({ host, port }, serve),
      ({ cause }) => new LoopbackListenerError({ host, port, cause })
    )
  return {
    bind: Effect.fnUntraced(function* (port) {
      const bound = yield* bindTo("127.0.0.1", port)
      yield* Effect.catchIf(
        bindTo("::1", bound),
        // A port that the system chose may be taken there.
        ({ cause }) => port === 0 || isWithoutIPv6(cause),
        () => Effect.void
      )
      return bound
    })
  }
})
