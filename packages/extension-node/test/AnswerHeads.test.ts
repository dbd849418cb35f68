/** The heads of the answers on one connection: each is right, though the head of the answer before is used again. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as LoopbackListener from "../src/LoopbackListener.ts"
import { exchange } from "./differential/sockets.ts"

const frozen = Object.freeze({ "X-Kind": "frozen" })

const route = (answer: LoopbackListener.Route["answer"]): LoopbackListener.Route => ({
  method: "POST",
  contentTypes: ["text/plain"],
  maxBodyBytes: 100,
  answer
})

/** Headers that cannot change with two statuses, no headers, and headers that change from answer to answer. */
const listening = Effect.gen(function* () {
  const changed = { "X-Kind": "" }
  let answers = 0
  const listener = yield* LoopbackListener.make({
    routes: {
      "/frozen": route(({ body }) => ({ status: 200, headers: frozen, body })),
      "/busy": route(({ body }) => ({ status: 429, headers: frozen, body })),
      "/bare": route(({ body }) => ({ status: 200, body })),
      "/changed": route(({ body }) => {
        changed["X-Kind"] = `changed ${++answers}`
        return { status: 200, headers: changed, body }
      })
    }
  })
  return yield* listener.bind(0)
})

const post = (path: string, body: string, more = "") =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`

/** An answer without a line for its connection. */
const answered = (status: string, kind: string, body: string) =>
  `HTTP/1.1 ${status}\r\n${kind === "" ? "" : `X-Kind: ${kind}\r\n`}Content-Length: ${body.length}\r\n\r\n${body}`

describe("on one connection", () => {
  it.live.each([
    ["with the same head", "/frozen", "abc", "/frozen", "def", answered("200 OK", "frozen", "def")],
    ["with a longer body", "/frozen", "abc", "/frozen", "abcd", answered("200 OK", "frozen", "abcd")],
    ["without a body", "/frozen", "abc", "/frozen", "", answered("200 OK", "frozen", "")],
    ["of another status", "/frozen", "a", "/busy", "a", answered("429 Too Many Requests", "frozen", "a")],
    ["without headers", "/frozen", "a", "/bare", "a", answered("200 OK", "", "a")],
    ["with headers after none", "/bare", "a", "/frozen", "a", answered("200 OK", "frozen", "a")],
    ["whose headers were changed", "/changed", "a", "/changed", "a", answered("200 OK", "changed 2", "a")]
  ] as const)("an answer %s follows another", ([, path, body, nextPath, nextBody, expected]) =>
    Effect.gen(function* () {
      const port = yield* listening
      const text = yield* exchange(port, [
        post(path, body),
        post(nextPath, nextBody),
        post(nextPath, nextBody, "Connection: close\r\n")
      ])
      const answers = text.split(/(?=HTTP\/1\.1 )/)
      assert.lengthOf(answers, 3)
      assert.strictEqual(answers[1]?.replace("Connection: keep-alive\r\n", ""), expected)
      assert.strictEqual(
        answers[2]?.replace("Connection: close\r\n", ""),
        expected.replace("changed 2", "changed 3"),
        "the last answer ends the connection"
      )
    })
  )
})
