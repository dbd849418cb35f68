/** Hostile answers to the client for sinks, on real sockets, beside what llhttp makes of the same bytes. */
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { createServer } from "node:net"
import { isDeepStrictEqual } from "node:util"
import * as SinkHttpClient from "../../src/SinkHttpClient.ts"
import { oneOf, randomFrom } from "../support/JsonTexts.ts"
import { hangs } from "../support/RawServer.ts"
import { listen } from "../support/Tls.ts"
import { answerStream } from "./answerStreams.ts"
import { type ReadAnswer, readAnswerByLlhttp } from "./llhttp.mjs"
import { cut, often } from "./requestStreams.ts"

/** The reasons for which the client refuses what llhttp may accept. */
export const stricterAnswers: Readonly<Record<string, string>> = {
  "the message comes in a transfer encoding that is not known":
    "llhttp takes the bytes up to the end of the connection for the body, in whatever encoding they are",
  "the first line is not HTTP": "an empty line before an answer",
  "a chunk of the message has no length": "more than eight digits; an extension that RFC 9112, 7.1.1 does not have",
  "the length is beyond all sizes": "llhttp takes lengths beyond 2 ** 53 where there is no body",
  "an interim answer ends the connection": "HTTP/1.0 with keep-alive, which llhttp goes on to read",
  "the message has the header transfer-encoding after its body": "llhttp ignores it, other readers may not",
  "the message has the header content-length after its body": "llhttp ignores it, other readers may not",
  "the message has the header connection after its body": "llhttp obeys it, other readers do not"
}

export interface AnswerTally {
  same: number
  /** Both have no answer. */
  failed: number
  /** A protocol that changes is not compared. */
  upgrades: number
  /**
   * The request did not arrive: the server was ending the kept connection, or more bytes came late behind its last answer, and
   * were the next answer for this client as for any other.
   */
  lost: number
  readonly refused: Map<string, number>
  readonly different: Array<string>
}

type Method = "GET" | "HEAD" | "POST"

interface Exchange {
  readonly method: Method
  readonly pieces: ReadonlyArray<Buffer>
  /** The server leaves the connection open, so only the bytes or the limit of time can end the answer. */
  readonly isOpen: boolean
  /** How often the request arrived. */
  arrivals: number
}

/** A server that sends the bytes of the exchange whose number is the path, and mostly ends. */
const makeServer = Effect.fnUntraced(function* (exchanges: Map<string, Exchange>) {
  const server = createServer({ noDelay: true }, (socket) => {
    let received = ""
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1")
      const [, path = ""] = /^[A-Z]+ \/(\d+) [^]*\r\n\r\n/.exec(received) ?? []
      const exchange = exchanges.get(path)
      if (exchange === undefined) return
      received = ""
      exchange.arrivals++
      for (const piece of exchange.pieces) socket.write(piece)
      if (!exchange.isOpen) socket.end()
    })
  })
  const { port } = yield* listen(server)
  return `http://127.0.0.1:${port}`
})

/** What the client makes of an exchange: an answer, or why there is none. */
const readByClient = (
  client: Effect.Success<ReturnType<typeof SinkHttpClient.make>>,
  url: string,
  { isOpen, method }: Exchange
) =>
  Effect.gen(function* () {
    // Bytes that come late on an open connection would be the next answer, for any client.
    const headers = isOpen ? { Connection: "close" } : {}
    const response = yield* client.execute(HttpClientRequest.make(method)(url, { headers }))
    const body = Buffer.from(yield* response.arrayBuffer).toString("latin1")
    return { status: response.status, headers: { ...response.headers }, body }
  }).pipe(
    Effect.timeout(hangs),
    Effect.catchTag("HttpClientError", ({ reason }) =>
      Effect.succeed(String(reason.cause).replace(/^Error: (?:127\.0\.0\.1:\d+:? ?)?/, ""))
    )
  )

const compare = (exchange: Exchange, ours: ReadAnswer | string, tally: AnswerTally) => {
  const { isOpen, method, pieces } = exchange
  const { answer: theirs, isUpgrade } = readAnswerByLlhttp(pieces, method, isOpen)
  const isTwice = method === "POST" && exchange.arrivals > 1
  if (!isTwice) {
    if (exchange.arrivals === 0) return void tally.lost++
    if (isUpgrade && typeof ours === "string") return void tally.upgrades++
    if (typeof ours === "string" && theirs === undefined) return void tally.failed++
    if (isDeepStrictEqual(ours, theirs)) return void tally.same++
    if (typeof ours === "string" && Object.hasOwn(stricterAnswers, ours)) {
      return void tally.refused.set(ours, 1 + (tally.refused.get(ours) ?? 0))
    }
  }
  const bytes = Buffer.concat(pieces).toString("latin1")
  tally.different.push(JSON.stringify({ method, isOpen, bytes, arrivals: exchange.arrivals, ours, theirs }))
}

/** So many answers at random, 32 at the same time. The same seed gives the same answers. */
export const compareAnswers = Effect.fnUntraced(function* (runs: number, seed: number) {
  const random = randomFrom(seed)
  const exchanges = new Map<string, Exchange>()
  const tally: AnswerTally = { same: 0, failed: 0, upgrades: 0, lost: 0, refused: new Map(), different: [] }
  const base = yield* makeServer(exchanges)
  const client = yield* SinkHttpClient.make({ maxAnswerBytes: 65_536, answerTimeout: "1 second" })
  let count = 0
  const one = Effect.suspend(() => {
    const path = String(count++)
    const method = oneOf<Method>(random, ["GET", "GET", "GET", "HEAD", "POST"])
    const isOpen = often(random, 0.02)
    const exchange: Exchange = { method, pieces: cut(random, answerStream(random)), isOpen, arrivals: 0 }
    exchanges.set(path, exchange)
    return Effect.map(readByClient(client, `${base}/${path}`, exchange), (ours) => {
      exchanges.delete(path)
      compare(exchange, ours, tally)
    })
  })
  const shares = Array.from({ length: 32 }, (_, share) => Math.ceil((runs - share) / 32)).filter((times) => times > 0)
  yield* Effect.forEach(shares, (times) => Effect.repeat(one, { times: times - 1 }), {
    concurrency: "unbounded",
    discard: true
  })
  return tally
}, Effect.scoped)
