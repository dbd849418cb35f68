/** The start of a program with telemetry and its first flush, which every cold start pays for. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { start } from "./support/Program.ts"
import { type Answer, http, makeServer, type Received, until } from "./support/RawServer.ts"

const answer = (url: string, poll: number): Answer => {
  if (url.endsWith("/register")) return http("200 OK", "{}", { "Lambda-Extension-Identifier": "an-identifier" })
  if (!url.endsWith("/next")) return http("200 OK", '"OK"')
  const requestId = `r-${poll}`
  const event = { eventType: "INVOKE", deadlineMs: Date.now() + 60_000, requestId, invokedFunctionArn: "arn" }
  return http("200 OK", JSON.stringify(event))
}

/** A program with telemetry, and the server in the role of Lambda and of the endpoint of a sink. */
const shipping = Effect.gen(function* () {
  let polls = 0
  const { host, received } = yield* makeServer(({ url }) => answer(url, url.endsWith("/next") ? ++polls : 0))
  const { output } = yield* start("shipping.ts", {
    AWS_LAMBDA_RUNTIME_API: host,
    TELEMETRY_URL: `http://${host}/ingest`
  })
  /** The modules of Node that are loaded when the event is handled. */
  const loadedUntil = (requestId: string) =>
    Effect.gen(function* () {
      const line = new RegExp(`^loaded until ${requestId}: .*\n`, "m")
      yield* until(`the output for ${requestId}`, () => line.test(output()))
      return line.exec(output())?.[0].match(/(?<=NativeModule )[\w/]+/g) ?? []
    })
  return { received, loadedUntil }
})

const last = (url: string) => /\w+$/.exec(url)?.[0]
const requestTo = (received: ReadonlyArray<Received>, name: string) =>
  received.find(({ url }) => last(url) === name) ?? assert.fail(`no request to ${name}`)

const needlessForStart = new Set(["child_process", "cluster", "dgram", "dns", "http", "perf_hooks", "tls", "zlib"])
const needlessForFlush = /^(?:internal\/(?:deps\/undici|webstreams)|http|tls|crypto|child_process|cluster)/

describe("a program with telemetry", () => {
  it.live("registers, subscribes and polls over one connection, and loads nothing for a listener but its sockets", () =>
    Effect.gen(function* () {
      const { loadedUntil, received } = yield* shipping
      const loaded = yield* loadedUntil("r-1")
      assert.deepStrictEqual(
        received.slice(0, 3).map(({ connection, url }) => [last(url), connection]),
        [
          ["register", 1],
          ["telemetry", 1],
          ["next", 1]
        ]
      )
      assert.include(loaded, "net")
      assert.deepStrictEqual(
        loaded.filter((name) => needlessForStart.has(name)),
        []
      )
    })
  )

  it.live("flushes a compressed body without loading fetch, the streams of the web or TLS", () =>
    Effect.gen(function* () {
      const { loadedUntil, received } = yield* shipping
      yield* loadedUntil("r-1")
      const { port } = new URL(JSON.parse(requestTo(received, "telemetry").body).destination.URI)
      const time = new Date().toISOString()
      const lines = Array.from({ length: 100 }, (_, line) => ({ time, type: "function", record: `line ${line}\n` }))
      const done = { time, type: "platform.runtimeDone", record: { requestId: "r-1", status: "success" } }
      const body = JSON.stringify([...lines, done])
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body }))
      const loaded = yield* loadedUntil("r-2")
      assert.strictEqual(requestTo(received, "ingest").headers["content-encoding"], "gzip")
      assert.include(loaded, "zlib")
      assert.deepStrictEqual(
        loaded.filter((name) => needlessForFlush.test(name)),
        []
      )
    })
  )
})
