/** The promises of clients about the answers of answerCases.ts, as tests. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import { type Answer, hangs, http, makeServer, type Received, until } from "../support/RawServer.ts"
import { endless, interim, readable, unreadable } from "./answerCases.ts"
import type { ClientImplementation } from "./implementations.ts"

const ok = http("200 OK", "")

/** A call that reads the whole answer. */
const setup = Effect.fnUntraced(function* (
  { layer }: ClientImplementation,
  answer: (request: Received, index: number) => Answer
) {
  const server = yield* makeServer(answer)
  const client = yield* Effect.map(Layer.build(layer), Context.get(HttpClient.HttpClient))
  const read = Effect.gen(function* () {
    const response = yield* client.execute(HttpClientRequest.get(`http://${server.host}/`))
    return [response.status, response.headers["x-test"], yield* response.text]
  })
  return { ...server, read: Effect.timeout(read, hangs) }
})

/** The names of the promises, for the table of tests and runtimes. */
export const framingNames: ReadonlyArray<string> = [
  ...readable.map(([end]) => `an answer that ends with ${end} is read`),
  ...unreadable.map(([what]) => `an answer ${what} fails at once`),
  ...readable.map(([end]) => `after an answer that ends with ${end} the connection is kept if it can be`),
  ...[...unreadable, ["that never ends"]].map(([what]) => `an answer ${what} closes its connection`)
]

/** @param ours those of the clients whose kept connections are ours */
export const testFraming = (
  clients: ReadonlyArray<ClientImplementation>,
  ours: ReadonlyArray<ClientImplementation>
): void => {
  describe.each(clients)("$name", (client) => {
    it.live.each(readable.filter((row) => row !== interim || !client.failsAtInterim))(
      "an answer that ends with %s is read",
      ([, answer]) =>
        Effect.gen(function* () {
          const { read } = yield* setup(client, () => answer)
          assert.deepStrictEqual(yield* read, [200, "a", "hello"])
        })
    )

    it.live.each(unreadable)("an answer %s fails at once", ([, answer]) =>
      Effect.gen(function* () {
        const { read } = yield* setup(client, () => answer)
        assert.strictEqual((yield* Effect.flip(read))._tag, "HttpClientError")
      })
    )
  })

  describe.each(ours)("$name", (transport) => {
    it.live.each(readable)(
      "after an answer that ends with %s the connection is kept if it can be",
      ([, answer, isKept]) =>
        Effect.gen(function* () {
          const { read, received } = yield* setup(transport, (_, index) => (index === 1 ? ok : answer))
          yield* read
          yield* read
          assert.deepStrictEqual(
            received.map(({ connection }) => connection),
            [1, isKept ? 1 : 2]
          )
        })
    )

    it.live.each([...unreadable, ["that never ends", endless] as const])(
      "an answer %s is a TransportError at once, and its connection is closed",
      ([, answer]) =>
        Effect.gen(function* () {
          const { closed, read } = yield* setup(transport, () => answer)
          const error = yield* Effect.flip(read)
          assert.strictEqual(error._tag === "HttpClientError" ? error.reason._tag : error._tag, "TransportError")
          yield* until("the closed connection", () => closed.length === 1)
        })
    )
  })
}
