/** A server on loopback that answers with raw bytes, so that a test says exactly what is on the wire. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { createServer, type IncomingMessage } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { Answer } from "./rawAnswer.ts"

export { type Answer, http, reset } from "./rawAnswer.ts"

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
  /** The body as it came. */
  readonly bytes: Uint8Array
  /** The number of the connection: two requests with the same number came over the same connection. */
  readonly connection: number
}

const separately = (milliseconds = 5) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

/** @param tls the certificate of a server of https, with its key */
export const makeServer = Effect.fnUntraced(function* (
  answer: (request: Received, index: number) => Answer,
  tls?: { readonly cert: string; readonly key: string }
) {
  const received: Array<Received> = []
  const closed: Array<number> = []
  const connections = new Map<Socket, number>()
  const onRequest = (request: IncomingMessage) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", async () => {
      const entry: Received = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        bytes: Buffer.concat(chunks),
        connection: connections.get(request.socket) ?? 0
      }
      const bytes = answer(entry, received.length)
      received.push(entry)
      if (bytes === "park") return
      for (const chunk of bytes.chunks) {
        request.socket.write(chunk)
        await separately()
      }
      if (bytes.afterwards === "keep") return
      // A connection of TLS cannot be reset.
      if (bytes.afterwards === "reset" && tls === undefined) request.socket.resetAndDestroy()
      else request.socket.destroy()
    })
  }
  const server = tls === undefined ? createServer(onRequest) : createSecureServer(tls, onRequest)
  Object.assign(server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 })
  server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    const connection = connections.size + 1
    connections.set(socket, connection)
    socket.setNoDelay(true)
    socket.on("error", () => {})
    socket.on("close", () => closed.push(connection))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    received,
    closed,
    /** Cuts every connection. */
    cut: () => {
      for (const socket of connections.keys()) {
        // A connection of TLS cannot be reset.
        if (tls === undefined) socket.resetAndDestroy()
        else socket.destroy()
      }
    }
  }
})

/** After so long a test hangs. A busy machine needs its time, so this is no measure of speed. */
export const hangs = Duration.minutes(1)

/** Waits for a condition. */
export const until = (what: string, condition: () => boolean) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry({ schedule: Schedule.spaced("5 millis").pipe(Schedule.upTo({ duration: hangs })) }),
    Effect.mapError(() => new Error(`waited in vain for: ${what}`)),
    Effect.orDie
  )
