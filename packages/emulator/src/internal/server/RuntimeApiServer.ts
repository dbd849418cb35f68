/**
 * The HTTP server of an environment: it turns requests into inputs of the state machine and holds the responses until
 * the machine answers.
 *
 * A waiting poll is never answered by a timeout, and a connection is never closed for being idle. These have a bound:
 *
 * - the number of connections (1024)
 * - the head of a request (64 KiB) and its kept body (one payload)
 * - the requests that wait behind another one on the same connection (100)
 * - the time that a request takes to arrive (`requestTimeout`)
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import NodeProcess from "node:process"
import type { Duplex } from "node:stream"
import { EmulatorError, PortUnavailable } from "../../EmulatorError.ts"
import type { Exchange, Input } from "../environment/EnvironmentState.ts"
import * as ForeignRequest from "./ForeignRequest.ts"
import * as HeaderValue from "./HeaderValue.ts"
import * as HttpBytes from "./HttpBytes.ts"
import * as WireExchanges from "./WireExchanges.ts"
import type { SnapStart } from "../wire/Routes.ts"
import * as Routes from "../wire/Routes.ts"
import type { JournalEvent } from "../journal/JournalEvent.ts"
import type { WireRecord } from "../journal/WireRecord.ts"
import type { Profile } from "../../Profile.ts"
import type { WireResponse } from "../wire/Wire.ts"
import * as Wire from "../wire/Wire.ts"

/** The end of the connection, which no header announces: after so many bytes of the body, or after all of it. */
export type ConnectionEnd = { readonly afterBytes: number } | "after-answer"

/** A listening server. */
export interface RuntimeApiServer {
  /** `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string
  /**
   * Answers a waiting request; a request whose connection is gone is forgotten. `onEnded` is called when the connection
   * has ended as `end` says, or was gone.
   */
  readonly reply: (exchange: Exchange, response: WireResponse, end?: ConnectionEnd, onEnded?: () => void) => void
  /** Closes the connection of a waiting request without an answer. */
  readonly drop: (exchange: Exchange) => void
  /** As `drop`, but with a reset (RST): bytes that were sent and not yet read are lost too. */
  readonly reset: (exchange: Exchange) => void
  /** Closes the connection of a poll. The poll itself stays, and `PollAborted` follows. */
  readonly cut: (exchange: Exchange) => void
}

/** The options of the server. */
export interface RuntimeApiServerOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  readonly profile: Profile
  /**
   * The time limit for a request from its first byte to its last, default one hour: longer than the longest invocation,
   * whose response may be streamed all the time. The limit does not touch polls, whose requests have arrived.
   */
  readonly requestTimeout?: Duration.Input
  /** `false`: every route of the Extensions and Logs/Telemetry APIs answers 404 with an empty body. */
  readonly extensionsEnabled: boolean
  /** With it the routes for a restore and for credentials are there. Default: they are unknown paths. */
  readonly snapStart?: SnapStart
  /** Records all exchanges. Default: none is recorded. */
  readonly wire?: WireRecord | undefined
  readonly now: () => number
  readonly onInput: (input: Input) => void
  /** Refusals that the state machine has no part in: unknown paths, wrong methods, services that do not exist. */
  readonly onRefused: (event: JournalEvent) => void
}

/** Returns the part of the body that leaves. */
const send = (profile: Profile, response: Http.ServerResponse, wire: WireResponse, end?: ConnectionEnd): Buffer => {
  const body = Buffer.from(wire.body)
  HttpBytes.omitConnection(response)
  // Node has the newer phrase for 413, Go has this one.
  if (wire.status === 413) response.statusMessage = "Request Entity Too Large"
  response.writeHead(wire.status, { ...HeaderValue.encodeAll(wire.headers), ...HttpBytes.lengthHeader(profile, body) })
  const { socket } = response
  if (end === undefined || end === "after-answer") {
    response.end(body, () => end && socket?.destroySoon())
    return body
  }
  const part = body.subarray(0, end.afterBytes)
  response.flushHeaders()
  response.write(part)
  socket?.destroySoon()
  return part
}

/** Answers bytes that are not HTTP as Go does, and closes the connection. */
const refuseBytes = (error: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable || error.code === "ECONNRESET" || error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    socket.destroy()
    return
  }
  const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request"
  const head = "Content-Type: text/plain; charset=utf-8\r\nConnection: close"
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${status}`, () => socket.destroy())
}

/** A path in the journal is cut here: it may be as long as the head of a request. */
const maxRecordedPath = 200

const maxConnections = 1024

const maxPipelined = 100

/** Listens until the scope closes; then every connection, waiting polls included, is closed. */
export const make = Effect.fnUntraced(function* (
  options: RuntimeApiServerOptions
): Effect.fn.Return<RuntimeApiServer, EmulatorError, Scope.Scope> {
  const { extensionsEnabled, host, onInput, onRefused, port, profile, snapStart } = options
  const exchanges = WireExchanges.make(options.wire, options.now)
  const find = Routes.finder(profile, snapStart)
  const waiting = new Map<Exchange, Http.ServerResponse>()
  /** The waiting requests of each connection that has a request in hand. */
  const pipelined = new WeakMap<Duplex, Array<() => void>>()
  let lastExchange = 0

  const handle = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const method = request.method ?? ""
    const { path } = HttpBytes.splitTarget(request.url ?? "")
    const found = find(path)
    const exchange = ++lastExchange
    exchanges.begin(exchange, request, response, path.slice(0, maxRecordedPath))
    const answer = (wire: WireResponse) => exchanges.answered(exchange, wire, send(profile, response, wire))
    request.on("error", () => {
      // The connection is broken; `close` of the response tells the state machine.
    })
    const refuse = (wire: WireResponse, message: string) => {
      const recorded = path.slice(0, maxRecordedPath)
      onRefused({ _tag: "ApiRefused", method, path: recorded, status: wire.status, errorType: "", message })
      request.resume()
      answer(wire)
    }
    const foreign = ForeignRequest.refusalOf(request)
    if (foreign !== undefined) return refuse(Wire.foreign(foreign), foreign)
    if (found === undefined) return refuse(Wire.notFound, "no such path")
    const { isSwitchedOff, requestId, route } = found
    if (!extensionsEnabled && isSwitchedOff) return refuse(Wire.extensionsDisabled, "extensions are disabled")
    if (route.method !== method) return refuse(Wire.methodNotAllowed(route.method), "wrong method")

    const header = HeaderValue.reader(request)
    const trailer = (name: string) => request.trailersDistinct[name]?.[0] ?? ""
    HttpBytes.readBody(request, route.maxBytes, (kept, bytes) => {
      const text = kept.toString("utf8")
      const result = route.handle({ exchange, requestId, header, trailer, text, bytes })
      if (!("_tag" in result)) return answer(result)
      waiting.set(exchange, response)
      onInput(result)
    })
    response.on("close", () => {
      if (waiting.delete(exchange)) onInput({ _tag: "PollAborted", exchange })
      if (!request.complete && route.path.includes("{requestId}")) onInput({ _tag: "ResponseTruncated", requestId })
    })
  }

  /** Handles the requests of a connection in turn, as Go does: each starts when the answer before it has left. */
  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const { socket } = request
    const start = () => {
      response.on("close", () => {
        const next = socket.destroyed ? undefined : pipelined.get(socket)?.shift()
        if (next === undefined) pipelined.delete(socket)
        else next()
      })
      handle(request, response)
    }
    const behind = pipelined.get(socket)
    if (behind === undefined) {
      pipelined.set(socket, [])
      return start()
    }
    if (behind.length >= maxPipelined) return void socket.destroy()
    behind.push(start)
  }

  const requestTimeout = Duration.toMillis(options.requestTimeout ?? "1 hour")
  // An import of node:http would make Node load the client of `WebSocket` too, for 30 ms.
  const server = NodeProcess.getBuiltinModule("node:http").createServer(
    {
      // 0 means no limit.
      keepAliveTimeout: 0,
      requestTimeout,
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: Math.min(requestTimeout, 30_000),
      maxHeaderSize: 65_536
    },
    onRequest
  )
  server.timeout = 0
  server.maxConnections = maxConnections
  server.on("clientError", refuseBytes)

  yield* Effect.acquireRelease(
    Effect.callback<void, EmulatorError>((resume) => {
      server.once("error", (cause) =>
        resume(
          Effect.fail(
            new EmulatorError({ method: "Emulator.layer", reason: new PortUnavailable({ host, port, cause }) })
          )
        )
      )
      server.listen(port, host, () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        exchanges.end()
        waiting.clear()
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

  const address = server.address()
  const listening = address !== null && typeof address === "object" ? address.port : port
  return {
    address: `${host}:${listening}`,
    reply: (exchange, wire, end, onEnded) => {
      const response = waiting.get(exchange)
      waiting.delete(exchange)
      if (response?.socket == null) return onEnded?.()
      if (onEnded !== undefined) response.socket.once("close", onEnded)
      if (end !== undefined) exchanges.closed(exchange)
      exchanges.answered(exchange, wire, send(profile, response, wire, end))
    },
    drop: (exchange) => {
      const response = waiting.get(exchange)
      exchanges.closed(exchange)
      waiting.delete(exchange)
      response?.destroy()
    },
    reset: (exchange) => {
      const response = waiting.get(exchange)
      exchanges.closed(exchange)
      waiting.delete(exchange)
      response?.socket?.resetAndDestroy()
    },
    cut: (exchange) => {
      exchanges.closed(exchange)
      waiting.get(exchange)?.destroy()
    }
  }
})
