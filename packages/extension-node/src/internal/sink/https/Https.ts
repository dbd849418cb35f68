/**
 * Requests of `https:` in a runtime that has no TLS for its sockets. The import `#https` takes one of the modules beside this
 * one by the condition of the runtime in package.json, as `#runtime` does.
 */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { Failed } from "../Failed.ts"
import type { Incoming } from "../Incoming.ts"

/** The bounds of the client. */
export interface Bounds {
  readonly connectMillis: number
  readonly answerMillis: number
  readonly maxAnswerBytes: number
  readonly idleMillis: number
}

export interface Way {
  /** `host:port` of the other side, for messages. */
  readonly place: string
  /** Whether the connection is kept for the next request. */
  readonly keeps: boolean
  readonly clock: Clock.Clock
}

/** Sends a request and waits for the head of its answer. */
export type Exchange = (request: HttpClientRequest, url: URL, way: Way) => Effect.Effect<Incoming, Failed>

/** Makes the exchange of a client, with its connections; `undefined`: the runtime has `node:tls`. */
export type MakeExchange = ((bounds: Bounds) => Exchange) | undefined
