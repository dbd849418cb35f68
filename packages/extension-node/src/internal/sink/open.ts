/** Opens a connection to a server: over TCP, through a proxy if there is one, and with TLS for `https:`. */
import { isFieldValue } from "@effect-lambda/extension/ExtensionsProtocol"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as Redacted from "effect/Redacted"
import type * as Net from "node:net"
import { type Answer, AnswerReader, type Limit } from "../http/Answer.ts"
import { afterAwake } from "./awake.ts"
import { explain, unconnected } from "./explain.ts"
import { Failed } from "./Failed.ts"
import { addressOf, type Origin, type Via } from "../http/origin.ts"
import { requestHead } from "../http/requestHead.ts"

// Both are loaded for the first connection, and `node:tls` only for a secure one.
const net = () => process.getBuiltinModule("node:net")
const tls = () => process.getBuiltinModule("node:tls")

/** The sessions of TLS, by which a server that knows us makes a shorter handshake. */
export type Sessions = Map<string, Buffer>

const maxSessions = 16

export interface Opening {
  readonly origin: Origin
  readonly via: Via | undefined
  /** The limit for all steps together; a freeze is no part of it. */
  readonly millis: number
  readonly sessions: Sessions
}

/** The step under way: how a sentence goes on that says how long it took. */
interface Progress {
  step: string
}

/** Makes a socket and waits for its event. The socket ends with the wait, unless the event has come. */
const ready = (make: () => Net.Socket, event: "connect" | "secureConnect", wrong: (error: Error) => Error) =>
  Effect.callback<Net.Socket, Failed>((resume) => {
    const fail = (error: Error) => resume(Effect.fail(new Failed(wrong(error))))
    let socket: Net.Socket
    try {
      // Throws if Node was started with settings of TLS that it does not know, for example.
      socket = make()
    } catch (cause) {
      return fail(cause instanceof Error ? cause : new Error(String(cause)))
    }
    socket
      // An error after this wait must not end the process.
      .on("error", (error) => {
        socket.destroy()
        fail(error)
      })
      .once(event, () => resume(Effect.succeed(socket)))
    return Effect.sync(() => socket.destroy())
  })

/** How long a name with several addresses waits for one of them: the CPU of a small function is late itself. */
const attemptMillis = 1000

const connect = ({ hostname, port }: Origin, place: string, progress: Progress) => {
  progress.step = `no connection to ${place}`
  return ready(
    () => net().connect({ host: hostname, port, autoSelectFamilyAttemptTimeout: attemptMillis }),
    "connect",
    (error) => unconnected(error, place)
  )
}

const keepSession = (sessions: Sessions, address: string, session: Buffer) => {
  sessions.delete(address)
  sessions.set(address, session)
  const [oldest] = sessions.keys()
  if (sessions.size > maxSessions && oldest !== undefined) sessions.delete(oldest)
}

const secure = (socket: Net.Socket, origin: Origin, place: string, sessions: Sessions, progress: Progress) => {
  progress.step = `${place} takes a connection, and says nothing in the TLS handshake`
  const { hostname } = origin
  const address = addressOf(origin)
  const session = sessions.get(address)
  const make = () =>
    tls()
      .connect({
        socket,
        // The name that is checked; an address has no place in SNI.
        host: hostname,
        ...(net().isIP(hostname) === 0 && { servername: hostname }),
        ALPNProtocols: ["http/1.1"],
        ...(session !== undefined && { session })
      })
      .on("session", (given: Buffer) => keepSession(sessions, address, given))
  return ready(make, "secureConnect", (error: NodeJS.ErrnoException) => {
    sessions.delete(address)
    return error.code === "ECONNRESET"
      ? new Error(`${place} closes the connection in the TLS handshake`)
      : explain(error, place)
  })
}

/** Far more than a proxy says. */
const proxyLimit: Limit = { maxBytes: 65_536, maxHeadBytes: 65_536, tooLong: "the answer is longer than 64 KiB" }

/** The line that a proxy knows us by. */
export const authorizationLine = ({ authorization }: Via): string => {
  if (authorization === undefined) return ""
  const value = Redacted.value(authorization)
  if (!isFieldValue(value)) throw new Error("the credentials of the proxy cannot be sent")
  return `Proxy-Authorization: ${value}\r\n`
}

/** How a proxy has refused: the end of a sentence. */
export const refusal = (status: number, via: Via | undefined): string =>
  status !== 407
    ? `it answered ${status}`
    : `it answered 407, ${via?.authorization === undefined ? "so it wants credentials" : "so it does not accept the credentials"}`

/** Lets the proxy connect to the server. */
const tunnel = (socket: Net.Socket, origin: Origin, via: Via, place: string, progress: Progress) =>
  Effect.callback<Net.Socket, Failed>((resume) => {
    const target = addressOf(origin)
    progress.step = `${place} takes a connection, and says nothing about ${target}`
    const reader = new AnswerReader("CONNECT", proxyLimit)
    const fail = (text: string) => resume(Effect.fail(new Failed(new Error(text))))
    const onData = (chunk: Buffer) => {
      let answer: Answer | undefined
      try {
        answer = reader.read(chunk)
      } catch (cause) {
        return fail(`${place} does not answer by HTTP: ${cause instanceof Error ? cause.message : String(cause)}`)
      }
      // The body of a refusal may never end.
      if (reader.status >= 300) return fail(`${place} refuses to connect to ${target}: ${refusal(reader.status, via)}`)
      if (answer === undefined) return
      socket.off("data", onData).off("close", onClose)
      // A server says nothing before the handshake begins.
      if (reader.hasMore) return fail(`${place} says more than that it has connected to ${target}`)
      resume(Effect.succeed(socket))
    }
    const onClose = () => fail(`${place} closes the connection before it has connected to ${target}`)
    socket.on("data", onData).on("close", onClose)
    try {
      const own = `Host: ${target}\r\n${authorizationLine(via)}`
      socket.write(requestHead({ method: "CONNECT", headers: Headers.empty }, target, own))
    } catch (cause) {
      fail(String(cause))
    }
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.onError(() => Effect.sync(() => socket.destroy())))

const steps = Effect.fnUntraced(function* ({ origin, sessions, via }: Opening, progress: Progress) {
  const place = addressOf(origin)
  if (via === undefined) {
    const socket = yield* connect(origin, place, progress)
    return origin.isSecure ? yield* secure(socket, origin, place, sessions, progress) : socket
  }
  const proxyPlace = `the proxy ${addressOf(via.proxy)}`
  const toProxy = yield* connect(via.proxy, proxyPlace, progress)
  const socket = via.proxy.isSecure ? yield* secure(toProxy, via.proxy, proxyPlace, sessions, progress) : toProxy
  if (!origin.isSecure) return socket
  const through = yield* tunnel(socket, origin, via, proxyPlace, progress)
  return yield* secure(through, origin, place, sessions, progress)
})

/** A socket that is ready for the first request. The message of an error says which step failed, and why. */
export const openSocket = (opening: Opening): Effect.Effect<Net.Socket, Failed> =>
  Effect.suspend(() => {
    const progress: Progress = { step: "" }
    const limit = Effect.callback<never, Failed>((resume) => {
      const stop = afterAwake(opening.millis, () => {
        const time = Duration.format(Duration.millis(opening.millis))
        resume(Effect.fail(new Failed(new Error(`${progress.step} within ${time}`))))
      })
      return Effect.sync(stop)
    })
    return Effect.raceFirst(steps(opening, progress), limit)
  })
