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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Connections from "./internal/listener/Connections.ts"
import type { Answer, Route } from "./internal/listener/RequestConnection.ts"

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

/** Every body is accepted, on every path: a batch that is refused comes again and again. */
const deliveryOf = ({ maxBodyBytes }: ListenOptions, deliveries: Deliveries, protect: Protect): Route => {
  // The answer comes first: a sender repeats a batch that it takes for refused.
  const taken = (then: () => void): Answer => ({ status: 200, afterwards: () => protect(then) })
  return {
    methods: ["POST", "PUT"],
    maxBodyBytes,
    body: (bytes) => taken(() => deliveries.body(bytes)),
    tooLarge: (bytes) => taken(() => deliveries.tooLarge(bytes))
  }
}

const serveTcp =
  (deliveries: Deliveries, protect: Protect): Connections.Serve =>
  (socket, { part, seen, touch }) => {
    protect(() => {
      const connection = deliveries.connection()
      socket.on("data", (chunk: Buffer) => {
        protect(() => connection.chunk(chunk))
        const held = connection.held?.() ?? 0
        part.hold(held)
        seen.isOpen = held > 0
        touch()
      })
      socket.on("close", () => {
        part.hold(0)
        protect(() => connection.end())
      })
    })
    // A connection without a receiver is drained too.
    socket.resume()
  }

/**
 * The service with other limits than {@link layer} has.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (limits: Partial<Limits> = {}): TelemetryListener["Service"] => {
  const listen = Effect.fnUntraced(function* (
    options: ListenOptions,
    deliveries: Deliveries
  ): Effect.fn.Return<{ readonly port: number }, TelemetryListenerError, Scope.Scope> {
    const { host, maxBodyBytes, port, protocol } = options
    const protect = yield* makeProtect
    const connections = Connections.make({ ...defaults, ...limits }, maxBodyBytes)
    const isHttp = protocol === "HTTP"
    const delivery = deliveryOf(options, deliveries, protect)
    const serve = isHttp ? connections.http({ route: () => delivery }) : serveTcp(deliveries, protect)
    const bound = yield* connections
      .bind({ host, port }, serve)
      .pipe(Effect.mapError(({ cause }) => new TelemetryListenerError({ host, port, cause })))
    if (isHttp) yield* connections.cutLate
    return { port: bound }
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
