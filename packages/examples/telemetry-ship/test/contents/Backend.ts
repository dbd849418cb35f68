/** A backend that behaves as its plan says, and keeps the bodies that it took. */
// The backend plays another team's service, so it is plain Node.
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Zlib from "node:zlib"
import * as Receiver from "../../src/Receiver.ts"
import type * as Random from "./Random.ts"

export type Behaviour =
  | { readonly _tag: "Healthy" }
  | { readonly _tag: "Slow"; readonly millis: number }
  /** The first requests are never answered. */
  | { readonly _tag: "Hanging"; readonly first: number }
  | { readonly _tag: "Failing"; readonly status: 401 | 500; readonly first: number }
  /** 429 with Retry-After. */
  | { readonly _tag: "Busy"; readonly first: number }
  /** 413 for a longer body. */
  | { readonly _tag: "Limited"; readonly bytes: number }
  /** Takes the body and resets the connection. */
  | { readonly _tag: "Doubling"; readonly every: number }
  | { readonly _tag: "Mixed" }

/** A request as it came. */
export interface Request {
  readonly id: string
  readonly contentType: string
  readonly body: string
  /** Its records are at the backend: it was answered with 200, or the answer was lost. */
  readonly isTaken: boolean
  readonly status: number | "never" | "reset"
}

type Reply =
  | { readonly status: number; readonly afterMillis?: number; readonly retryAfter?: string }
  | "never"
  | "reset"

const ok: Reply = { status: 200 }

const replyOf = (behaviour: Behaviour, random: Random.Random, request: number, bytes: number): Reply => {
  switch (behaviour._tag) {
    case "Healthy":
      return ok
    case "Slow":
      return { status: 200, afterMillis: behaviour.millis }
    case "Hanging":
      return request <= behaviour.first ? "never" : ok
    case "Failing":
      return request <= behaviour.first ? { status: behaviour.status } : ok
    case "Busy":
      return request <= behaviour.first ? { status: 429, retryAfter: "1" } : ok
    case "Limited":
      return bytes > behaviour.bytes ? { status: 413 } : ok
    case "Doubling":
      return request % behaviour.every === 0 ? "reset" : ok
    case "Mixed": {
      const replies: readonly [Reply, ...ReadonlyArray<Reply>] = [
        ok,
        ok,
        { status: 200, afterMillis: random.between(10, 90) },
        { status: 500 },
        "reset",
        "never",
        { status: 401 },
        { status: 429, retryAfter: "1" }
      ]
      return random.pick(replies)
    }
  }
}

/** Listens on a free port of 127.0.0.1 until the scope is closed. */
export const make = Effect.fnUntraced(function* (behaviour: Behaviour, random: Random.Random) {
  const requests: Array<Request> = []
  let count = 0
  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const bytes = Buffer.concat(chunks)
      const reply = replyOf(behaviour, random, ++count, bytes.length)
      const status = typeof reply === "string" ? reply : reply.status
      requests.push({
        id: String(request.headers["idempotency-key"]),
        contentType: String(request.headers["content-type"]),
        body: (request.headers["content-encoding"] === "gzip" ? Zlib.gunzipSync(bytes) : bytes).toString(),
        isTaken: status === 200 || status === "reset",
        status
      })
      if (reply === "never") return
      if (reply === "reset") return void request.socket.resetAndDestroy()
      const headers = reply.retryAfter === undefined ? {} : { "Retry-After": reply.retryAfter }
      setTimeout(() => response.writeHead(reply.status, headers).end(), reply.afterMillis ?? 0)
    })
  })
  server.on("connection", (socket) => socket.on("error", () => {}))
  return { url: yield* Receiver.listen(server), requests }
})
