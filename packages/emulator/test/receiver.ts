/** A server to send to, for the tests of the freeze. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type * as Net from "node:net"

export interface Receiver {
  readonly url: string
  /** The posted bodies, in their order. A GET is answered when one more has come. */
  readonly received: ReadonlyArray<string>
  /** From now on answers wait for `answer`. */
  readonly hold: () => void
  readonly answer: () => void
  /** A client that uses a connection again gets a reset, as from a load balancer that forgot the connection. */
  readonly forgetConnections: () => void
  readonly closeIdleConnections: () => void
}

export const makeReceiver: Effect.Effect<Receiver, never, Scope.Scope> = Effect.gen(function* () {
  const received: Array<string> = []
  const answers: Array<() => void> = []
  const watchers: Array<() => void> = []
  const connections = new Set<Net.Socket>()
  const forgotten = new WeakSet<Net.Socket>()
  let holding = false
  let seen = 0

  const settle = (): void => {
    if (!holding) for (const answer of answers.splice(0)) answer()
    for (; seen < received.length && watchers.length > 0; seen++) watchers.shift()?.()
  }

  const server = Http.createServer((request, response) => {
    if (forgotten.has(request.socket)) {
      request.socket.resetAndDestroy()
      return
    }
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      if (request.method === "GET") {
        watchers.push(() => response.end())
      } else {
        received.push(Buffer.concat(chunks).toString())
        answers.push(() => response.end())
      }
      settle()
    })
  })
  server.keepAliveTimeout = 0
  server.on("connection", (socket) => {
    connections.add(socket)
    socket.on("error", () => connections.delete(socket))
    socket.on("close", () => connections.delete(socket))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`,
    received,
    hold: () => {
      holding = true
    },
    answer: () => {
      holding = false
      settle()
    },
    forgetConnections: () => {
      for (const connection of connections) forgotten.add(connection)
    },
    closeIdleConnections: () => server.closeIdleConnections()
  }
})
