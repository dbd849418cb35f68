/** The connections of a listener: how many there are, how long their requests take, and how many bytes they hold together. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Runtime from "#runtime"
import type { Server, Socket } from "../runtime/Runtime.ts"
import { makeReadBudget, type Part } from "./readBudget.ts"
import * as RequestConnection from "./RequestConnection.ts"

/** The limits of all clients together. */
export interface Limits {
  readonly maxConnections: number
  readonly maxBytes: number
  readonly requestTimeout: Duration.Input
}

export interface Address {
  readonly host: string
  /** `0` for any free port. */
  readonly port: number
}

/** An address could not be bound. */
export interface Unbound {
  readonly cause: unknown
}

interface Seen {
  /** It has half a request, or half a line, and does not make room for another connection. */
  isOpen: boolean
  /** Every request is answered, and there was one. */
  isIdle: boolean
  /** How often the connection was found at work since then. */
  looks: number
}

/** What is known of a connection beside its socket. */
export interface Connection {
  readonly seen: Seen
  /** Its part in the bytes that all unfinished bodies and lines may take together. */
  readonly part: Part
  /** The connection has got on. */
  readonly touch: () => void
}

/** Answers a connection until it ends. */
export type Serve = (socket: Socket, connection: Connection) => void

/** The sockets, in the order of their last work. */
class Sockets extends Map<Socket, Seen> {
  #last: Socket | undefined

  override set(socket: Socket, seen: Seen): this {
    this.#last = socket
    return super.set(socket, seen)
  }

  touch(socket: Socket): void {
    if (socket === this.#last) return
    const seen = this.get(socket)
    if (seen === undefined) return
    this.delete(socket)
    this.set(socket, seen)
  }
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

/** Binds the server; at the end of the scope nothing is accepted any more, and every connection is cut. */
const bind = (server: Server, sockets: Sockets, { host, port }: Address): Effect.Effect<number, Unbound, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<number, Unbound>((resume) => {
      const fail = (cause: unknown) => resume(Effect.fail({ cause }))
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

/** @param maxBodyBytes the longest body or line. Two of them are always possible. */
export const make = ({ maxBytes, maxConnections, requestTimeout }: Limits, maxBodyBytes: number) => {
  const sockets = new Sockets()
  // Two bodies are kept free: for the oldest, which is read on, and for a chunk or growth beyond the limit.
  const budget = makeReadBudget(Math.max(0, maxBytes - 2 * maxBodyBytes))

  const accept = (socket: Socket, serve: Serve) => {
    if (sockets.size >= maxConnections) makeRoom(sockets)
    // A connection that never sends a byte does not count as idle.
    const seen: Seen = { isOpen: false, isIdle: false, looks: 0 }
    sockets.set(socket, seen)
    socket.on("error", () => {})
    socket.on("close", () => sockets.delete(socket))
    serve(socket, { seen, part: budget.open(socket), touch: () => sockets.touch(socket) })
  }
  const look = Effect.sync(() => {
    for (const [socket, seen] of sockets) {
      if (!seen.isIdle && ++seen.looks >= looksPerRequest) socket.destroy()
    }
  })

  return {
    /** Listens until the scope ends; the bound port. */
    bind: (address: Address, serve: Serve) =>
      bind(
        Runtime.createServer((socket) => accept(socket, serve)),
        sockets,
        address
      ),

    /** The requests of a connection. */
    http:
      (options: Pick<RequestConnection.Options, "route" | "onHttp2" | "onMalformed">): Serve =>
      (socket, { part, seen, touch }) =>
        RequestConnection.serve(socket, {
          ...options,
          part,
          room: budget.left,
          onWork: (work) => {
            seen.isOpen = work === "body"
            seen.isIdle = work === "idle"
            if (work === "idle") seen.looks = 0
            // A client that sends its head byte by byte is no younger for it.
            if (work !== "head") touch()
          }
        }),

    /** Cuts the connections whose request takes too long, until the scope ends. */
    cutLate: Effect.forkScoped(Effect.forever(Effect.delay(look, Duration.toMillis(requestTimeout) / looksPerRequest)))
  }
}
