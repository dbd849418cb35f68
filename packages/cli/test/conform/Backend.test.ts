/** The parts that a scenario gives the target instead of the world: the backend, a host that is silent, limits. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createServer, connect } from "node:net"
import { join } from "node:path"
import * as Blackhole from "../../src/conform/play/Blackhole.ts"
import * as Judgement from "../../src/conform/play/Judgement.ts"
import * as LocalCall from "../../src/conform/play/LocalCall.ts"
import * as Play from "../../src/conform/play/Play.ts"
import { chatty } from "../../src/conform/play/Programs.ts"
import type { Scenario } from "../../src/conform/play/Scenario.ts"
import * as Sink from "../../src/conform/play/Sink.ts"
import * as Target from "../../src/conform/play/Target.ts"

const post = (url: string, headers: Readonly<Record<string, string>>, body: string) =>
  Effect.promise(async () => {
    const response = await fetch(url, { method: "POST", headers: { ...headers, connection: "close" }, body })
    return { status: response.status, text: await response.text() }
  })

/** Connects, and tells whether a connection came within 100 ms. */
const connects = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.on("error", () => resume(Effect.succeed(false)))
    socket.on("connect", () => resume(Effect.succeed(true)))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeoutOrElse({ duration: "100 millis", orElse: () => Effect.succeed(undefined) }))

it.live("a throttling sink refuses the requests of AWS clients, and takes any other", () =>
  Effect.gen(function* () {
    const sink = yield* Sink.make({ behaviour: "throttling" })
    const named = yield* post(sink.url, { "x-amz-target": "secretsmanager.GetSecretValue" }, "{}")
    const signed = yield* post(sink.url, { authorization: "AWS4-HMAC-SHA256 Credential=a" }, "{}")
    assert.deepStrictEqual([named.status, signed.status], [400, 400])
    assert.include(named.text, "ThrottlingException")
    const other = yield* post(sink.url, { authorization: "Bearer a" }, "conform-0a1b2c3d-1")
    assert.strictEqual(other.status, 200)
    const { lines, requests, taken, throttled } = yield* sink.counts
    assert.deepStrictEqual({ lines, requests, taken, throttled }, { lines: 1, requests: 3, taken: 1, throttled: 2 })
  })
)

it.live("only a connection that waits for its next request is cut", () =>
  Effect.gen(function* () {
    const sink = yield* Sink.make()
    const port = Number(new URL(sink.url).port)
    /** Sends these bytes, and waits until the sink has answered so many requests; tells whether the connection ends. */
    const client = Effect.fnUntraced(function* (bytes: string) {
      let answers = ""
      let isEnded = false
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => connect(port, "127.0.0.1")),
        (socket) => Effect.sync(() => socket.destroy())
      )
      socket.on("data", (piece) => (answers += piece.toString()))
      const ended = Effect.callback<void>((resume) => {
        if (isEnded) resume(Effect.void)
        else socket.once("close", () => resume(Effect.void))
      })
      socket.on("error", () => {}).once("close", () => (isEnded = true))
      socket.write(bytes)
      return { ended, socket, answers: () => answers.split("HTTP/1.1 ").length - 1, isEnded: () => isEnded }
    })
    const request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
    const idle = yield* client(`${request}{}`)
    const asking = yield* client(`${request}{}${request}`)
    const fresh = yield* client(request)
    yield* sink.waitFor(({ connections, taken }) => connections === 3 && taken === 2)
    yield* Effect.repeat(Effect.sleep("5 millis"), {
      until: () => idle.answers() === 1 && asking.answers() === 1
    })
    yield* sink.cutIdleConnections
    yield* idle.ended
    // Both go on: their requests were under way.
    asking.socket.write("{}")
    fresh.socket.write("{}")
    yield* sink.waitFor(({ taken }) => taken === 4)
    assert.deepStrictEqual([asking.isEnded(), fresh.isEnded()], [false, false])
  }).pipe(Effect.scoped)
)

it.live("a blackhole neither takes nor refuses a connection, and is gone with its scope", () =>
  Effect.gen(function* () {
    const port = yield* Effect.scoped(
      Effect.gen(function* () {
        const port = Number(new URL(yield* Blackhole.make).port)
        assert.strictEqual(yield* connects(port), undefined)
        return port
      })
    )
    assert.strictEqual(yield* connects(port), false)
  })
)

it.live("a local call tells the status or the refusal", () =>
  Effect.gen(function* () {
    const answering = (answer: string) =>
      Effect.acquireRelease(
        Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
          const server = createServer((socket) => socket.end(answer))
          server.listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = address === null || typeof address === "string" ? 0 : address.port
            resume(Effect.succeed({ port, close: () => server.close() }))
          })
        }),
        ({ close }) => Effect.sync(close)
      )
    const answer = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    const { port } = yield* answer
    assert.strictEqual(yield* LocalCall.post(port), "404")
    const closed = yield* Effect.scoped(answer)
    assert.match(yield* LocalCall.post(closed.port), /ECONNREFUSED/)
  })
)

it.live("a scenario is not testable if the machine does not permit a limit that it needs", () =>
  Effect.gen(function* () {
    const scenario: Scenario = {
      name: "test/limits",
      title: "",
      aws: "",
      protocol: "",
      advice: "",
      basis: "documented",
      // No process may open so many, not even that of this test.
      setup: () => ({ limits: { descriptors: 2 ** 40 } }),
      play: () => Effect.succeed(Judgement.pass("it was played"))
    }
    const target = yield* Target.open(yield* Target.find(join(import.meta.dirname, "twins/twin.sh")))
    const stage: Play.Stage = {
      target,
      handler: chatty,
      environment: {},
      sinkVariables: [],
      tls: undefined,
      seed: 1,
      settings: { longFreezeSeconds: 1 }
    }
    const traits = {
      sources: [],
      events: [],
      subscriptions: [],
      ports: [],
      reachesSink: false,
      sendsLines: false,
      copies: 0
    }
    const { journal, judgement } = yield* Play.play(scenario, stage, traits)
    assert.strictEqual(judgement.status, "not testable")
    assert.include(judgement.sentence, "descriptors")
    assert.deepStrictEqual(journal, [])
  })
)
