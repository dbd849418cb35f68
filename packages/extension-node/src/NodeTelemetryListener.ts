/**
 * `TelemetryListener` over the sockets of Node: Lambda delivers telemetry to
 * them, by HTTP or TCP.
 *
 * The callback of a socket hands over everything that arrives there. A request
 * costs no fiber, no parsing and no log line: a line would itself be telemetry of
 * an extension, delivered again.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @since 0.1.0
 */
import {
  type Deliveries,
  type ListenOptions,
  TelemetryListener,
  TelemetryListenerError
} from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import type * as Net from "node:net"
import { makeReadBudget } from "./internal/telemetry/readBudget.ts"
import { http } from "./internal/process/node.ts"

/**
 * The limits of a client. Lambda needs a handful of connections and milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Open connections. For another connection, the connection that was idle for the longest time is closed. Default 256. */
  readonly maxConnections: number
  /**
   * How many bytes all unfinished bodies and lines may take together. Beyond that only the oldest is read on, and the others
   * wait unread. Two bodies of the longest size are always possible. Default 32 MiB, besides 128 KiB for each connection.
   */
  readonly maxBytes: number
  /**
   * From the first byte of an HTTP request (or the opening of a connection) to
   * the end of its body; then the connection is closed. Default 30 seconds.
   * A freeze does not count.
   */
  readonly requestTimeout: Duration.Input
}

const defaults: Limits = { maxConnections: 256, maxBytes: 32 * 1024 * 1024, requestTimeout: "30 seconds" }

type Protect = (call: () => void) => void

/** Deliveries never throw. If one does, the process lives on, and only the first time is worth a line. */
const makeProtect = Effect.map(Effect.context<never>(), (context): Protect => {
  let isReported = false
  return (call) => {
    try {
      call()
    } catch (cause) {
      if (isReported) return
      isReported = true
      Effect.runForkWith(context)(
        Effect.logError("the receiver of telemetry threw; this is logged only once", Cause.die(cause))
      )
    }
  }
})

/**
 * The bytes of a body, one chunk more. There is room for as many as content-length announces, or for as many again without
 * one, and for none if more than `room` is wanted.
 */
const append = (
  body: Buffer,
  length: number,
  chunk: Buffer,
  announced: number,
  maxBytes: number,
  room: number
): Buffer => {
  if (length === 0) return chunk
  const needed = length + chunk.length
  if (needed > body.length) {
    const wanted = Math.min(maxBytes, Math.max(needed, announced > 0 ? announced : 2 * length))
    const larger = Buffer.allocUnsafe(wanted - body.length <= room ? wanted : needed)
    body.copy(larger, 0, 0, length)
    body = larger
  }
  chunk.copy(body, length)
  return body
}

const nothing = Buffer.alloc(0)

interface Seen {
  /** Requests that have begun, or lines. */
  open: number
  /** Received until the last answer; -1 before the first. */
  bytes: number
  /** How often the connection was found at work since then. */
  looks: number
}

/** The sockets, in the order of their last work. */
type Sockets = Map<Net.Socket, Seen>

const touch = (sockets: Sockets, socket: Net.Socket) => {
  const seen = sockets.get(socket)
  if (seen === undefined) return
  sockets.delete(socket)
  sockets.set(socket, seen)
}

/** Closes the connection that was idle for the longest time. If all are at work, it closes the longest silent one. */
const makeRoom = (sockets: Sockets) => {
  let [longest] = sockets.keys()
  for (const [socket, { open }] of sockets) {
    if (open > 0) continue
    longest = socket
    break
  }
  if (longest === undefined) return
  // The socket is deleted now and not only when it is closed: the next connection may come before.
  sockets.delete(longest)
  longest.destroy()
}

type Budget = ReturnType<typeof makeReadBudget>

const makeHttpServer = (
  { maxBodyBytes }: ListenOptions,
  deliveries: Deliveries,
  protect: Protect,
  sockets: Sockets,
  budget: Budget
): Net.Server => {
  const answer = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const { socket } = request
    const seen = sockets.get(socket)
    if (seen !== undefined) seen.open++
    touch(sockets, socket)
    const part = budget.open(request)
    const isDelivery = request.method === "POST" || request.method === "PUT"
    const announced = Number(request.headers["content-length"] ?? 0)
    const isKept = isDelivery && announced <= maxBodyBytes
    let body: Buffer = nothing
    let length = 0
    request.on("data", (chunk: Buffer) => {
      const before = length
      length += chunk.length
      body =
        isKept && length <= maxBodyBytes ? append(body, before, chunk, announced, maxBodyBytes, budget.left()) : nothing
      part.hold(body.length)
      touch(sockets, socket)
    })
    request.once("close", () => part.hold(0))
    // A request that is cut off has no end.
    request.once("end", () => {
      // Every body is accepted: a batch that is refused comes again and again.
      response.sendDate = false
      response.writeHead(isDelivery ? 200 : 405, { ...(isDelivery ? {} : { Allow: "POST, PUT" }), "Content-Length": 0 })
      response.end()
      if (seen !== undefined) {
        seen.open--
        seen.bytes = socket.bytesRead
        seen.looks = 0
      }
      touch(sockets, socket)
      part.hold(0)
      if (!isDelivery) return
      protect(() => (length > maxBodyBytes ? deliveries.tooLarge(length) : deliveries.body(body.subarray(0, length))))
    })
  }
  const server = http.createServer({ requireHostHeader: false }, answer)
  // Node's own limits count frozen time, and their timers fire before a socket is read. After a freeze they would close
  // an idle connection just when Lambda sends the next batch on it, or a request whose rest has already arrived.
  return Object.assign(server, { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0, timeout: 0 })
}

const makeTcpServer = (deliveries: Deliveries, protect: Protect, sockets: Sockets, budget: Budget): Net.Server =>
  process.getBuiltinModule("node:net").createServer((socket) => {
    protect(() => {
      const connection = deliveries.connection()
      const part = budget.open(socket)
      socket.on("data", (chunk: Buffer) => {
        protect(() => connection.chunk(chunk))
        const held = connection.held?.() ?? 0
        part.hold(held)
        const seen = sockets.get(socket)
        if (seen !== undefined) seen.open = held > 0 ? 1 : 0
        touch(sockets, socket)
      })
      socket.once("close", () => {
        part.hold(0)
        protect(() => connection.end())
      })
    })
    // A connection without a receiver is drained too.
    socket.resume()
  })

/** Binds the server; at the end of the scope nothing is accepted any more, and every connection is cut. */
const bind = (server: Net.Server, sockets: Sockets, { host, port }: ListenOptions) =>
  Effect.acquireRelease(
    Effect.callback<number, TelemetryListenerError>((resume) => {
      const fail = (cause: unknown) => resume(Effect.fail(new TelemetryListenerError({ host, port, cause })))
      // Not `once`: an error after the first one must not end the process.
      server.on("error", fail)
      try {
        // Throws if the number is not a port.
        server.listen({ host, port }, () => {
          const address = server.address()
          resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
        })
      } catch (cause) {
        fail(cause)
      }
    }),
    () =>
      Effect.suspend(() => {
        server.close()
        const cut = (socket: Net.Socket) =>
          Effect.callback<void>((resume) => {
            socket.once("close", () => resume(Effect.void))
            socket.destroy()
          })
        return Effect.forEach([...sockets.keys()], cut, { concurrency: "unbounded", discard: true })
      })
  )

// A request is cut after so many looks at it, not after so much time: a frozen process does not look.
const looksPerRequest = 6

/**
 * The service with other limits than {@link layer} has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (limits: Partial<Limits> = {}): TelemetryListener["Service"] => {
  const { maxBytes, maxConnections, requestTimeout } = { ...defaults, ...limits }

  const listen = Effect.fnUntraced(function* (
    options: ListenOptions,
    deliveries: Deliveries
  ): Effect.fn.Return<{ readonly port: number }, TelemetryListenerError, Scope.Scope> {
    const protect = yield* makeProtect
    const sockets: Sockets = new Map()
    // Two bodies are kept free: for the oldest, which is read on, and for a chunk or growth beyond the limit.
    const budget = makeReadBudget(Math.max(0, maxBytes - 2 * options.maxBodyBytes))
    const server =
      options.protocol === "TCP"
        ? makeTcpServer(deliveries, protect, sockets, budget)
        : makeHttpServer(options, deliveries, protect, sockets, budget)
    server.on("connection", (socket) => {
      if (sockets.size >= maxConnections) makeRoom(sockets)
      // A connection that never sends a byte does not count as idle.
      sockets.set(socket, { open: 0, bytes: -1, looks: 0 })
      socket.on("error", () => {})
      socket.once("close", () => sockets.delete(socket))
    })

    const port = yield* bind(server, sockets, options)
    if (options.protocol === "HTTP") {
      const look = Effect.sync(() => {
        for (const [socket, seen] of sockets) {
          const isIdle = seen.open === 0 && socket.bytesRead === seen.bytes
          if (!isIdle && ++seen.looks >= looksPerRequest) socket.destroy()
        }
      })
      const interval = Duration.toMillis(requestTimeout) / looksPerRequest
      yield* Effect.forkScoped(Effect.forever(Effect.delay(look, interval)))
    }
    return { port }
  })

  return TelemetryListener.of({ listen })
}

/**
 * Listens on sockets of this process.
 *
 * - HTTP: POST and PUT on any path are answered 200 with an empty body as soon
 *   as the body has arrived, whatever it is; other methods 405. A request that
 *   is cut off hands over nothing. Connections are kept alive without an idle
 *   limit.
 * - TCP: chunks as they come; the end once, however the connection ends.
 * - At most 256 connections; for another, the longest idle one is closed. At
 *   most 30 seconds for a request, and 32 MiB for all bodies under way.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<TelemetryListener> = Layer.sync(TelemetryListener, () => make())
