/** The client of `SinkHttpClient`: a request over a kept or a new connection, directly or by a proxy. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import type * as Scope from "effect/Scope"
import { makeExchange } from "#https"
import { afterReading, trustedMillis } from "#sockets"
import type { Answer } from "../http/Answer.ts"
import { Connection } from "../http/Connection.ts"
import { exchange, type Sending } from "./exchange.ts"
import { Failed, unwritable } from "./Failed.ts"
import type { Incoming } from "./Incoming.ts"
import { KeepsConnections } from "./keeping.ts"
import { openSocket, refusal, type Sessions } from "./open.ts"
import { addressOf, type Origin, originOf, type Via } from "../http/origin.ts"
import { Pool } from "./Pool.ts"
import { prepare } from "./prepare.ts"
import { SinkResponse } from "./SinkResponse.ts"
import type { Exchange } from "./https/Https.ts"

export interface Settings {
  readonly connectMillis: number
  readonly answerMillis: number
  readonly maxAnswerBytes: number
  readonly idleMillis: number
  readonly maxIdleConnections: number
  /** The proxy for an origin; `undefined`: the connection is direct. An error says why the origin cannot be reached. */
  readonly via: (origin: Origin) => Via | Error | undefined
}

/** The methods that may be repeated if it is not known whether the server has acted (RFC 9110, 9.2.2). */
const idempotent = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])

/** Whether nothing of the request can have been processed, or no harm is done if it was. */
const isRepeatable = ({ body, method }: Sending, { isKept, loss }: Failed): boolean =>
  isKept && body?.stream === undefined && (loss === "unsent" || (loss === "unanswered" && idempotent.has(method)))

const turn = Effect.callback<void>((resume) => Effect.sync(afterReading(() => resume(Effect.void))))

/** So much less than the server says: its end of the connection is under way then. */
const marginMillis = 1000

const idleMillisOf = ({ headers }: Answer, most: number): number => {
  const seconds = /(?:^|[,;\s])timeout=(\d+)/i.exec(headers.get("keep-alive") ?? "")?.[1]
  return seconds === undefined ? most : Math.min(most, Number(seconds) * 1000 - marginMillis)
}

const closed = () => new Failed(new Error("the client is closed, with the scope that it was made in"))

interface State {
  readonly settings: Settings
  readonly pool: Pool
  readonly sessions: Sessions
  /** How requests of `https:` are made if the runtime has no TLS for sockets. */
  readonly secure: Exchange | undefined
}

const connection = ({ pool, sessions, settings }: State, { origin, place, via }: Sending) =>
  openSocket({ origin, via, sessions, millis: settings.connectMillis }).pipe(
    Effect.flatMap((socket) => {
      if (pool.isClosed) {
        socket.destroy()
        return Effect.fail(closed())
      }
      const opened = Connection.over(place, socket, (ended) => pool.remove(ended))
      pool.add(opened)
      return Effect.succeed(opened)
    })
  )

const attempt = (state: State, sending: Sending, isFirst: boolean): Effect.Effect<Incoming, Failed> => {
  const { pool, settings } = state
  const { clock, key } = sending
  const onAnswer = (used: Connection, answer: Answer) => {
    const millis = sending.keeps ? idleMillisOf(answer, settings.idleMillis) : 0
    const now = clock.currentTimeMillisUnsafe()
    if (millis > 0) pool.put(key, used, now, now + millis)
    else used.destroy()
  }
  /** A connection may have ended in a freeze. */
  const isDoubtful = () => {
    const since = pool.keptSince(key)
    if (since === undefined) return false
    const age = clock.currentTimeMillisUnsafe() - since
    // The clock may have been set back.
    return age < 0 || age >= trustedMillis
  }
  // A connection always has an owner: the pool, or the exchange.
  return Effect.uninterruptibleMask((restore) =>
    restore(isFirst && isDoubtful() ? turn : Effect.void).pipe(
      Effect.flatMap(() => {
        const kept = isFirst ? pool.take(key, clock.currentTimeMillisUnsafe()) : undefined
        return kept === undefined ? restore(connection(state, sending)) : Effect.succeed(kept)
      }),
      Effect.flatMap((used) =>
        Effect.onInterrupt(restore(exchange(used, sending, settings, onAnswer)), () =>
          Effect.sync(() => used.destroy())
        )
      )
    )
  )
}

const call = (state: State, sending: Sending): Effect.Effect<Incoming, Failed> =>
  Effect.catch(attempt(state, sending, true), (failed) =>
    isRepeatable(sending, failed) ? attempt(state, sending, false) : Effect.fail(failed)
  )

const toError =
  (request: HttpClientRequest) =>
  ({ cause, isEncoding }: Failed) => {
    const description = cause.message
    const reason = isEncoding
      ? new HttpClientError.EncodeError({ request, cause, description })
      : new HttpClientError.TransportError({ request, cause, description })
    return new HttpClientError.HttpClientError({ reason })
  }

const whyNoUrl = ({ password, protocol, username }: URL): string | undefined =>
  protocol !== "http:" && protocol !== "https:"
    ? `${protocol} is not supported: a URL begins with http:// or https://`
    : username !== "" || password !== ""
      ? "the URL has credentials in it: put them into the header authorization"
      : undefined

const execute = (
  state: State,
  request: HttpClientRequest,
  url: URL,
  keeps: boolean,
  clock: Clock.Clock
): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> => {
  const problem = whyNoUrl(url)
  if (problem !== undefined) {
    const reason = new HttpClientError.InvalidUrlError({ request, description: problem })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  }
  const origin = originOf(url)
  const via = state.settings.via(origin)
  if (via instanceof Error) return Effect.fail(toError(request)(unwritable(via)))
  const place = via === undefined || origin.isSecure ? addressOf(origin) : `the proxy ${addressOf(via.proxy)}`
  const answered =
    origin.isSecure && state.secure !== undefined
      ? state.secure(request, url, { place, keeps, clock })
      : Effect.flatMap(prepare(request, url, { origin, via, place, keeps, clock }), (sending) => call(state, sending))
  return answered.pipe(
    Effect.flatMap((incoming) => {
      const { status } = incoming.source
      if (status !== 407 || via === undefined) {
        return Effect.succeed(new SinkResponse(request, url, incoming, toError(request)))
      }
      // Only a proxy answers so. It is no answer of the server, which may take the same request later.
      incoming.giveUp()
      return Effect.fail(new Failed(new Error(`${place} refuses the request: ${refusal(status, via)}`)))
    }),
    Effect.mapError(toError(request))
  )
}

/** The client. Its connections close with the scope. */
export const makeClient = (settings: Settings): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Pool(settings.maxIdleConnections)),
      (pool) => Effect.sync(() => pool.close())
    ),
    (pool) => {
      const state: State = { settings, pool, sessions: new Map(), secure: makeExchange?.(settings) }
      return HttpClient.make((request, url, _, fiber) =>
        Effect.suspend(() => execute(state, request, url, fiber.getRef(KeepsConnections)(), fiber.getRef(Clock.Clock)))
      )
    }
  )
