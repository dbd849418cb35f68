/** The start of a program with telemetry, which every cold start pays for. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { start } from "./support/Program.ts"
import { type Answer, http, makeServer, until } from "./support/RawServer.ts"

const answer = (url: string, isFirstPoll: boolean): Answer => {
  if (url.endsWith("/register")) {
    return http("200 OK", "{}", { "Lambda-Extension-Identifier": "an-identifier" })
  }
  if (url.endsWith("/telemetry")) return http("200 OK", '"OK"')
  if (!isFirstPoll) return "park"
  const event = { eventType: "INVOKE", deadlineMs: Date.now() + 60_000, requestId: "r-1", invokedFunctionArn: "arn" }
  return http("200 OK", JSON.stringify(event))
}

const unwanted = new Set(["child_process", "cluster", "dgram", "dns", "http", "perf_hooks", "tls", "zlib"])

describe("a program with telemetry", () => {
  it.live("registers, subscribes and polls over one connection, and loads nothing for a listener but its sockets", () =>
    Effect.gen(function* () {
      let polls = 0
      const { host, received } = yield* makeServer(({ url }) => answer(url, url.endsWith("/next") && ++polls === 1))
      const { output } = yield* start("reading.ts", { AWS_LAMBDA_RUNTIME_API: host })
      yield* until("the output", () => output().includes("loaded: ") && output().endsWith("\n"))
      assert.deepStrictEqual(
        received.slice(0, 3).map(({ connection, url }) => [/\w+$/.exec(url)?.[0], connection]),
        [
          ["register", 1],
          ["telemetry", 1],
          ["next", 1]
        ]
      )
      const loaded = output().match(/(?<=NativeModule )[\w/]+/g) ?? []
      assert.include(loaded, "net")
      assert.deepStrictEqual(
        loaded.filter((name) => unwanted.has(name)),
        []
      )
    })
  )
})
