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
import * as Runtime from "#runtime"
import * as RequestConnection from "./internal/listener/RequestConnection.ts"
import type { Server, Socket } from "./internal/runtime/Runtime.ts"
import { makeReadBudget } from "./internal/listener/readBudget.ts"

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

interface Seen {
  /** It has half a request, or half a line, and does not make room for another connection. */
  isOpen: boolean
  /** Every request is answered, and there was one. */
  isIdle: boolean
  /** How often the connection was found at work since then. */
  looks: number
}

/** The sockets, in the order of their last work. */
type Sockets = Map<Socket, Seen>

const touch = (sockets: Sockets, socket: Socket) => {
  const seen = sockets.get(socket)
  if (seen === undefined) return
  sockets.delete(socket)
  sockets.set(socket, seen)
}

/** Closes the connection that was idle for the longest time. If all are at work, it closes the longest silent one. */
const makeRoom = (sockets: Sockets) => {
  let [longest] = sockets.keys()
  for (const [socket, { isOpen }] of sockets) {
    if (isOpen) continue
    longest = socket
    break
  }
  if (longest === undefined) return
  // The socket is deleted now and not only when it is closed: the next connection may come before.
  sockets.delete(longest)
  longest.destroy()
}

type Budget = ReturnType<typeof makeReadBudget>

type Serve = (socket: Socket) => void

const serveHttp = (
  { maxBodyBytes }: ListenOptions,
  deliveries: Deliveries,
  protect: Protect,
  sockets: Sockets,
  budget: Budget
): Serve => {
  // Every body is accepted, on every path: a batch that is refused comes again and again.
  const delivery: RequestConnection.Route = {
    methods: ["POST", "PUT"],
    maxBodyBytes,
    body: (bytes) => protect(() => deliveries.body(bytes)),
    tooLarge: (bytes) => protect(() => deliveries.tooLarge(bytes))
  }
  return (socket) =>
    RequestConnection.serve(socket, {
      route: () => delivery,
      part: budget.open(socket),
      room: budget.left,
      onWork: (work) => {
        const seen = sockets.get(socket)
        if (seen === undefined) return
        seen.isOpen = work === "body"
        seen.isIdle = work === "idle"
        if (work === "idle") seen.looks = 0
        // A client that sends its head byte by byte is no younger for it.
        if (work !== "head") touch(sockets, socket)
      }
    })
}

const serveTcp =
  (deliveries: Deliveries, protect: Protect, sockets: Sockets, budget: Budget): Serve =>
  (socket) => {
    protect(() => {
      const connection = deliveries.connection()
      const part = budget.open(socket)
      socket.on("data", (chunk: Buffer) => {
        protect(() => connection.chunk(chunk))
        const held = connection.held?.() ?? 0
        part.hold(held)
        const seen = sockets.get(socket)
        if (seen !== undefined) seen.isOpen = held > 0
        touch(sockets, socket)
      })
      socket.on("close", () => {
        part.hold(0)
        protect(() => connection.end())
      })
    })
    // A connection without a receiver is drained too.
    socket.resume()
  }

/** Binds the server; at the end of the scope nothing is accepted any more, and every connection is cut. */
const bind = (server: Server, sockets: Sockets, { host, port }: ListenOptions) =>
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
        const cut = (socket: Socket) =>
          Effect.callback<void>((resume) => {
            socket.on("close", () => resume(Effect.void))
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
    const serve =
      options.protocol === "TCP"
        ? serveTcp(deliveries, protect, sockets, budget)
        : serveHttp(options, deliveries, protect, sockets, budget)
    const server = Runtime.createServer((socket) => {
      if (sockets.size >= maxConnections) makeRoom(sockets)
      // A connection that never sends a byte does not count as idle.
      sockets.set(socket, { isOpen: false, isIdle: false, looks: 0 })
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
      serve(socket)
    })

    const port = yield* bind(server, sockets, options)
    if (options.protocol === "HTTP") {
      const look = Effect.sync(() => {
        for (const [socket, seen] of sockets) {
          if (!seen.isIdle && ++seen.looks >= looksPerRequest) socket.destroy()
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
 *   is cut off hands over nothing. A request that is no HTTP/1, or that two
 *   readers could understand in two ways, is refused, and its connection ends. Connections are kept alive without an idle
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
