/**
 * The backend of a target, on loopback: it takes anything, knows the lines of the function again by their tokens, and
 * behaves as badly as a scenario asks.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { CliError } from "effect/cli/CliError"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo, Socket } from "node:net"
import * as Zlib from "node:zlib"
import * as UserError from "../../shared/UserError.ts"

/**
 * - `ok`: answers 200 with an empty JSON object
 * - `down`: resets every connection
 * - `hanging`: takes the request and never answers
 * - `half`: ends the connection in the middle of the answer
 * - `status`: answers with this status
 * - `slowMs`: answers so many milliseconds later
 * - `throttling`: refuses the requests of an AWS client as AWS does that is asked too often, and takes any other
 *
 * @category models
 * @since 0.1.0
 */
export type Behaviour =
  | "ok"
  | "down"
  | "hanging"
  | "half"
  | "throttling"
  | { readonly status: number }
  | { readonly slowMs: number }

/**
 * The requests that the sink has got so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly connections: number
  readonly requests: number
  /** Requests that were answered with 200. */
  readonly taken: number
  /** Requests of an AWS client that were throttled. */
  readonly throttled: number
  readonly bytes: number
  /** The lines of the function in the requests that were taken, each counted once. */
  readonly lines: number
  /** How often the line was taken that came most often. */
  readonly copies: number
  /** Requests that were taken and speak of records that Lambda has dropped. */
  readonly lossReports: number
}

export const noCounts: Counts = {
  connections: 0,
  requests: 0,
  taken: 0,
  throttled: 0,
  bytes: 0,
  lines: 0,
  copies: 0,
  lossReports: 0
}

/** A request that is signed, or names an operation, as AWS's own clients do. */
const isOfAws = ({ authorization = "", ...headers }: Http.IncomingHttpHeaders): boolean =>
  authorization.startsWith("AWS4-") || "x-amz-target" in headers

const throttled = JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" })

export interface Sink {
  /** `http://127.0.0.1:port`, or `https://localhost:port` with a certificate. */
  readonly url: string
  readonly behave: (behaviour: Behaviour) => Effect.Effect<void>
  /**
   * Closes the connections over which an answer has left and nothing came since, as a backend does that has waited too
   * long. A client that still sends or waits for an answer keeps its connection, so nothing depends on how fast it was.
   */
  readonly cutIdleConnections: Effect.Effect<void>
  readonly counts: Effect.Effect<Counts>
  /** The tokens of the lines in the requests that were taken. */
  readonly tokens: Effect.Effect<ReadonlySet<string>>
  /** Waits until the condition holds; the scenario has a limit. */
  readonly waitFor: (condition: (counts: Counts) => boolean) => Effect.Effect<void>
}

/** A token is the beginning of the request id and the number of the line: `conform-0a1b2c3d-17`. */
const tokenPattern = /conform-[0-9a-f]{8}-\d{1,6}/g

/** The names in `platform.logsDropped`, in any spelling, and the words of its reason. */
const lossReport = /logs[_ .-]?dropped|dropped[_ .-]?(?:records|bytes)|has fallen behind|not acknowledged receipt/i

/** A larger body counts, and is not read for tokens. */
const maxBody = 64 * 1024 * 1024

const decoders: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: (body) => Zlib.gunzipSync(body, { maxOutputLength: maxBody }),
  deflate: (body) => Zlib.inflateSync(body, { maxOutputLength: maxBody }),
  br: (body) => Zlib.brotliDecompressSync(body, { maxOutputLength: maxBody }),
  zstd: (body) => Zlib.zstdDecompressSync(body, { maxOutputLength: maxBody })
}

/** The text of a body; a body that cannot be unpacked is read as it is. */
const textOf = (body: Buffer, encoding: string | undefined): string => {
  try {
    return (decoders[encoding?.trim().toLowerCase() ?? ""]?.(body) ?? body).toString("latin1")
  } catch {
    return body.toString("latin1")
  }
}

/** Starts a sink, which lives as long as the scope. */
export const make = Effect.fnUntraced(function* (
  options: { readonly behaviour?: Behaviour; readonly tls?: { readonly key: string; readonly cert: string } } = {}
): Effect.fn.Return<Sink, CliError, Scope.Scope> {
  let behaviour: Behaviour = options.behaviour ?? "ok"
  let counts = noCounts
  const tokens = new Map<string, number>()
  const sockets = new Set<Socket>()
  /** The requests of each connection without an answer, and the bytes that it had brought when the last one left. */
  const used = new Map<Socket, { pending: number; bytes: number }>()
  const waiting = new Set<() => void>()
  const later = yield* FiberSet.makeRuntime<never>()

  const count = (change: Partial<Counts>): void => {
    counts = { ...counts, ...change }
    for (const look of waiting) look()
  }

  const answer = (response: Http.ServerResponse, status: number, body = "{}"): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(body)
  }

  const take = (body: Buffer, encoding: string | undefined): void => {
    const text = textOf(body, encoding)
    let { copies, lossReports } = counts
    for (const token of text.match(tokenPattern) ?? []) {
      const times = (tokens.get(token) ?? 0) + 1
      tokens.set(token, times)
      copies = Math.max(copies, times)
    }
    if (lossReport.test(text)) lossReports += 1
    count({ taken: counts.taken + 1, lines: tokens.size, copies, lossReports })
  }

  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse): void => {
    const pieces: Array<Buffer> = []
    let bytes = 0
    const { socket } = request
    const use = used.get(socket) ?? { pending: 0, bytes: 0 }
    use.pending++
    if (!used.has(socket)) socket.once("close", () => used.delete(socket))
    used.set(socket, use)
    response.on("finish", () => {
      use.pending--
      use.bytes = socket.bytesRead
    })
    request.on("error", () => {})
    request.on("data", (piece: Buffer) => {
      bytes += piece.length
      if (bytes <= maxBody) pieces.push(piece)
    })
    request.on("end", () => {
      count({ requests: counts.requests + 1, bytes: counts.bytes + bytes })
      const accept = () => {
        take(Buffer.concat(pieces), request.headers["content-encoding"])
        answer(response, 200)
      }
      if (behaviour === "ok") return accept()
      if (behaviour === "down") return void request.socket.resetAndDestroy()
      if (behaviour === "hanging") return
      if (behaviour === "half") {
        response.writeHead(200, { "content-length": "100" }).write("{")
        return void request.socket.destroySoon()
      }
      if (behaviour === "throttling") {
        if (!isOfAws(request.headers)) return accept()
        count({ throttled: counts.throttled + 1 })
        return answer(response, 400, throttled)
      }
      if ("status" in behaviour) return answer(response, behaviour.status)
      later(Effect.andThen(Effect.sleep(behaviour.slowMs), Effect.sync(accept)))
    })
  }

  const server = options.tls === undefined ? Http.createServer(onRequest) : Https.createServer(options.tls, onRequest)
  server.keepAliveTimeout = 0
  server.on("clientError", (_, socket) => socket.destroy())
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    count({ connections: counts.connections + 1 })
    if (behaviour === "down") socket.resetAndDestroy()
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }

  const port = yield* Effect.acquireRelease(
    Effect.callback<number, CliError>((resume) => {
      server.on("error", (cause) => resume(UserError.fail(`the sink cannot listen: ${cause.message}`)))
      server.listen(0, "127.0.0.1", () => {
        const address: AddressInfo | string | null = server.address()
        resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        cut()
      })
  )

  return {
    url: options.tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    behave: (changed) =>
      Effect.sync(() => {
        behaviour = changed
        if (changed === "down") cut()
      }),
    cutIdleConnections: Effect.callback<void>((resume) => {
      // Behind a turn of the event loop, which reads what has come.
      setImmediate(() =>
        setImmediate(() => {
          for (const [socket, { bytes, pending }] of used) {
            if (pending === 0 && socket.bytesRead === bytes) socket.destroy()
          }
          resume(Effect.void)
        })
      )
    }),
    counts: Effect.sync(() => counts),
    tokens: Effect.sync(() => new Set(tokens.keys())),
    waitFor: (condition) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if (!condition(counts)) return
          waiting.delete(look)
          resume(Effect.void)
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      })
  }
})
