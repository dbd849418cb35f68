/** What a program sends to a backend, as a process: after a freeze, over TLS, and compressed. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import type { Scenario } from "../../../test/runtimes/scenario.ts"
import { hangs, http, makeServer, type Received, until } from "../support/RawServer.ts"
import { authorityFile, identity } from "../support/Tls.ts"
import { broken, brokenBodies } from "../wire/brokenBodies.ts"
import { registered, scenario } from "./lambda.ts"

const bun = "the client of bun is its fetch, whose connections are its own"

/** A file that grows to tell the program to go on. */
const goFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "thaw-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  ),
  (folder) => {
    const file = join(folder, "go")
    writeFileSync(file, "")
    return file
  }
)

/** A program that is stopped by SIGSTOP between its requests, while the server ends its connections. */
export const thaws: ReadonlyArray<Scenario> = (
  [
    ["POST", "http"],
    ["GET", "http"],
    ["POST", "https"]
  ] as const
).map(([method, scheme]) =>
  scenario(
    `stopped and continued, it sends a ${method} of ${scheme} once, over a new connection`,
    (start, runtime) =>
      Effect.gen(function* () {
        const tls = scheme === "https" ? identity("valid") : undefined
        const { closed, cut, host, received } = yield* makeServer(() => http("200 OK", "hi"), tls)
        const GO = yield* goFile
        const { child, exit, output } = yield* start("sink-client.ts", {
          GO,
          METHODS: `${method},${method},${method}`,
          NODE_EXTRA_CA_CERTS: authorityFile,
          TARGET: `${scheme}://${host}/`
        })
        for (const round of [1, 2]) {
          yield* until("the answer", () => output().split("\n").length === round + 1)
          child.kill("SIGSTOP")
          const stopped = Date.now()
          cut()
          yield* until("the closed connection", () => closed.length === round)
          yield* until("a freeze that is longer than a connection is trusted", () => Date.now() > stopped + 50)
          appendFileSync(GO, "x")
          child.kill("SIGCONT")
        }
        yield* until("the last answer", () => output().split("\n").length === 4)
        // No connection that is kept keeps the process alive. LLRT cannot let go of a socket, and runMain ends by itself.
        if (runtime !== "LLRT") yield* Effect.orDie(Effect.timeout(exit, hangs))
        assert.strictEqual(output(), `${method} 200 hi\n`.repeat(3))
        assert.deepStrictEqual(
          received.map(({ connection }) => connection),
          [1, 2, 3]
        )
      }),
    { bun }
  )
)

/** What a program prints that asks a server with this certificate, and the requests that came. */
const asking = Effect.fnUntraced(function* (
  start: Parameters<Parameters<typeof scenario>[1]>[0],
  certificate: Parameters<typeof identity>[0],
  env: Record<string, string>
) {
  const { host, received } = yield* makeServer(() => http("200 OK", "hi"), identity(certificate))
  const { exit, output } = yield* start("sink-client.ts", {
    TARGET: `https://${host.replace("127.0.0.1", "localhost")}/`,
    ...env
  })
  yield* Effect.orDie(Effect.timeout(exit, hangs))
  return { received, output: output() }
})

export const certificates: ReadonlyArray<Scenario> = [
  scenario(
    "it trusts the file of NODE_EXTRA_CA_CERTS",
    (start) =>
      Effect.gen(function* () {
        const { output } = yield* asking(start, "valid", { NODE_EXTRA_CA_CERTS: authorityFile })
        assert.strictEqual(output, "GET 200 hi\n")
      }),
    { bun }
  ),
  ...(["expired", "early", "elsewhere", "self-signed"] as const).map((certificate) =>
    scenario(
      `it sends nothing to a server whose certificate is ${certificate}`,
      (start) =>
        Effect.gen(function* () {
          const { output, received } = yield* asking(start, certificate, { NODE_EXTRA_CA_CERTS: authorityFile })
          assert.match(output, /^GET failed: .*certificate/)
          assert.deepStrictEqual(received, [])
        }),
      { bun }
    )
  ),
  scenario(
    "it sends nothing to a server whose authority nobody knows",
    (start) =>
      Effect.gen(function* () {
        const { output, received } = yield* asking(start, "valid", {})
        assert.match(output, /^GET failed: .*certificate/)
        assert.deepStrictEqual(received, [])
      }),
    { bun }
  )
]

const answer = (url: string, poll: number) => {
  if (url.endsWith("/register")) return http("200 OK", "{}", { "Lambda-Extension-Identifier": "an-identifier" })
  if (!url.endsWith("/next")) return http("200 OK", '"OK"')
  if (poll > 1) return "park"
  const event = { eventType: "INVOKE", deadlineMs: Date.now() + 60_000, requestId: "r-1", invokedFunctionArn: "arn" }
  return http("200 OK", JSON.stringify(event))
}

export const compressed: ReadonlyArray<Scenario> = [
  scenario("it compresses a flush by gzip", (start) =>
    Effect.gen(function* () {
      let polls = 0
      const { host, received } = yield* makeServer(({ url }) => answer(url, url.endsWith("/next") ? ++polls : 0))
      yield* start("shipping.ts", {
        AWS_LAMBDA_RUNTIME_API: host,
        // The sink on bun obeys the proxy of the environment, which is nobody here.
        NO_PROXY: "127.0.0.1",
        TELEMETRY_URL: `http://${host}/ingest`
      })
      const to = (part: string): Received | undefined => received.find(({ url }) => url.includes(part))
      yield* until("the first poll", () => polls === 1)
      const { port } = new URL(JSON.parse(to("telemetry")?.body ?? "").destination.URI)
      const time = new Date().toISOString()
      const lines = Array.from({ length: 1000 }, (_, line) => ({
        time,
        type: "function",
        record: `line ${line}, żółw\n`
      }))
      const done = { time, type: "platform.runtimeDone", record: { requestId: "r-1", status: "success" } }
      const body = JSON.stringify([...lines, done])
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body }))
      yield* until("the flush", () => to("ingest") !== undefined)
      const flush = to("ingest")
      assert.strictEqual(flush?.headers["content-encoding"], "gzip")
      const text = gunzipSync(flush?.bytes ?? new Uint8Array()).toString()
      assert.deepStrictEqual(
        text.match(/line \d+, żółw/g),
        lines.map(({ record }) => record.trim())
      )
    })
  )
]

const ends = new Set(["never begins", "is cut half way", "has a chunk without a length", "is larger than any bound"])
const bodies = brokenBodies.filter(({ name }) => ends.has(name))
const sameClient = "https of bun is the same client as http"

/** An extension that flushes after each invocation, to a backend that takes each batch and breaks its answer in another way. */
export const taken: ReadonlyArray<Scenario> = (
  [
    ["a sink of http", "shipping.ts", "http"],
    ["a sink of http", "shipping.ts", "https"],
    ["the layer for OpenTelemetry", "../../../otel/src/main.ts", "http"],
    ["the layer for OpenTelemetry", "../../../otel/src/main.ts", "https"]
  ] as const
).map(([what, program, scheme]) =>
  scenario(
    `${what} sends a batch once over ${scheme}, whatever follows the head of a 200`,
    (start) =>
      Effect.gen(function* () {
        const last = bodies.length
        const counts = new Map<string, number>()
        const backend = yield* makeServer(
          ({ url }) => {
            const count = counts.get(url) ?? 0
            counts.set(url, count + 1)
            const body = bodies[count]
            return body === undefined ? http("200 OK", "{}") : broken("200 OK", body)
          },
          scheme === "https" ? identity("valid") : undefined
        )
        let polls = 0
        const event = (fields: object) => http("200 OK", JSON.stringify({ deadlineMs: Date.now() + 60_000, ...fields }))
        const lambda = yield* makeServer(({ url }) => {
          if (url.endsWith("/register")) return registered
          if (!url.endsWith("/next")) return http("200 OK", '"OK"')
          polls++
          return polls > last
            ? event({ eventType: "SHUTDOWN", shutdownReason: "spindown" })
            : event({ eventType: "INVOKE", requestId: `r-${polls}`, invokedFunctionArn: "arn" })
        })
        const { exit, output } = yield* start(program, {
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
          AWS_LAMBDA_FUNCTION_NAME: "f",
          AWS_LAMBDA_FUNCTION_VERSION: "1",
          AWS_LAMBDA_RUNTIME_API: lambda.host,
          AWS_REGION: "eu-central-1",
          EFFECT_LAMBDA_OTLP_ENDPOINT: `${scheme}://${backend.host}`,
          EFFECT_LAMBDA_OTLP_PROTOCOL: "http/json",
          EFFECT_LAMBDA_OTLP_RECEIVER: "false",
          NODE_EXTRA_CA_CERTS: authorityFile,
          NO_PROXY: "127.0.0.1",
          TELEMETRY_URL: `${scheme}://${backend.host}/ingest`
        })
        yield* until("the first poll", () => polls === 1)
        const subscribed = lambda.received.find(({ url }) => url.includes("telemetry"))
        const { port } = new URL(JSON.parse(subscribed?.body ?? "").destination.URI)
        for (let nth = 1; nth <= last; nth++) {
          const time = new Date().toISOString()
          const requestId = `r-${nth}`
          const body = JSON.stringify([
            { time, type: "platform.start", record: { requestId } },
            { time, type: "function", record: `line ${nth}.` },
            { time, type: "platform.runtimeDone", record: { requestId, status: "success" } }
          ])
          yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body }))
          yield* until(`the poll after ${requestId}`, () => polls > nth)
        }
        yield* Effect.orDie(Effect.timeout(exit, hangs))
        const ids = backend.received.map(({ headers, url }) => `${url} ${headers["idempotency-key"]}`)
        assert.strictEqual(new Set(ids).size, ids.length)
        // No connection with an unread rest is used again.
        assert.strictEqual(new Set(backend.received.map(({ connection }) => connection)).size, ids.length)
        const lines = backend.received.flatMap(({ body }) => body.match(/line \d+\./g) ?? [])
        assert.deepStrictEqual(
          lines,
          bodies.map((_, index) => `line ${index + 1}.`)
        )
        assert.notMatch(output(), /did not take|sent again/)
      }),
    scheme === "https" ? { bun: sameClient } : {}
  )
)
