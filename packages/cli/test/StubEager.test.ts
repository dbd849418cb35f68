/** The requests and the hand-over of an eager stub, against servers that answer, refuse and misbehave. */
import { PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import * as Stub from "../src/build/entry/Stub.ts"
import { execute, hostileServer, layerOf } from "./support/layers.ts"
import { bash, body, identifier, ok, options, plain } from "./support/stub.ts"

const managed = { AWS_LAMBDA_INITIALIZATION_TYPE: "lambda-managed-instances" }

/** A program that shows what it was started with, and whether the descriptors 0 and 3 are sockets. */
const dump = `#!/bin/sh
exec /usr/bin/env node -e '
  const at = (descriptor) => {
    try { return require("fs").fstatSync(descriptor).isSocket() ? "a socket" : "no socket" } catch { return "none" }
  }
  console.log(JSON.stringify({ ...process.env, connection: at(3), input: at(0) }))
'
`

/** Runs the stub, with a program that prints what it was given. `answer` answers all but register. */
const run = Effect.fnUntraced(function* (
  subscription: string | undefined,
  answer: (what: string, socket: Socket) => void,
  env: Readonly<Record<string, string>> = {},
  onConnection: (socket: Socket) => void = () => {},
  runtime: Stub.Runtime = "managed"
) {
  const { host, requests } = yield* hostileServer((socket, request) => {
    if (request.startsWith("POST")) return void socket.end(ok(plain))
    answer(request.slice(0, 3), socket)
  }, onConnection)
  const layer = yield* layerOf({
    "extensions/hello": Stub.render({ ...options, runtime, start: "eager", subscription }).replace(
      "#!/bin/bash",
      `#!${bash}`
    ),
    "bin/node": dump,
    "hello/bin/llrt": dump
  })
  const { code, signal, stderr, stdout } = yield* execute(`${layer}/extensions/hello`, {
    PATH: process.env.PATH ?? "",
    AWS_LAMBDA_RUNTIME_API: host,
    EFFECT_LAMBDA_NODE: `${layer}/bin/node`,
    ...env
  })
  assert.deepStrictEqual({ code, signal }, { code: 0, signal: null })
  const variables: Record<string, string | undefined> = JSON.parse(stdout.toString())
  return {
    stderr: stderr.replace(host, "HOST"),
    requests: requests.map((request) => request.replaceAll(host, "HOST")),
    input: variables.input,
    descriptor: variables[PreRegistration.descriptorVariable],
    handedOver: {
      connection: variables.connection,
      identifier: variables[PreRegistration.identifierVariable],
      nextSent: variables[PreRegistration.nextSentVariable],
      subscription: variables[PreRegistration.subscriptionVariable]
    }
  }
})

const next =
  "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: HOST\r\n" +
  `Lambda-Extension-Identifier: ${identifier}\r\n\r\n`
const put =
  "PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Type: application/json\r\n" +
  `Content-Length: ${body.length}\r\nLambda-Extension-Identifier: ${identifier}\r\n\r\n${body}`

const status = (line: string) => (what: string, socket: Socket) => {
  if (what === "PUT") socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 4\r\n\r\n"OK"`)
}

/** The hand-over of a stub that has polled, and of one that has not. */
const polled = (subscription?: string) => ({ connection: "a socket", identifier, nextSent: "1", subscription })
const ready = { connection: "a socket", identifier, nextSent: undefined, subscription: undefined }

/** Variables of the function that look like those of a hand-over. */
const planted = {
  POSIXLY_CORRECT: "1",
  eager: "",
  answer: "200",
  subscription: "planted",
  [PreRegistration.nextSentVariable]: "1",
  [PreRegistration.subscriptionVariable]: "planted"
}

describe("an eager stub", { concurrent: true }, () => {
  it.live.each<[string, Readonly<Record<string, string>>]>([
    ["as it is", {}],
    ["with POSIXLY_CORRECT and foreign variables of the hand-over", planted]
  ])("%s: polls over the connection that it hands over", ([, env]) =>
    Effect.gen(function* () {
      const { handedOver, requests, stderr } = yield* run(undefined, () => {}, env)
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(requests.slice(1), [next])
      assert.deepStrictEqual(handedOver, polled())
    })
  )

  it.live("subscribes first, and says with what", () =>
    Effect.gen(function* () {
      const { handedOver, requests, stderr } = yield* run(body, status("200 OK"), planted)
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(requests.slice(1), [put, next])
      assert.deepStrictEqual(handedOver, polled(body))
    })
  )

  it.live("an emulator without telemetry answers 202: polls, and the program subscribes", () =>
    Effect.gen(function* () {
      const { handedOver, requests, stderr } = yield* run(body, status("202 Accepted"))
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(requests.slice(1), [put, next])
      assert.deepStrictEqual(handedOver, polled())
    })
  )

  it.live("on managed instances neither subscribes nor polls", () =>
    Effect.gen(function* () {
      const { handedOver, requests } = yield* run(body, status("200 OK"), { ...planted, ...managed })
      assert.lengthOf(requests, 1)
      assert.deepStrictEqual(handedOver, ready)
    })
  )

  it.live.each<[string, string, (what: string, socket: Socket) => void]>([
    ["is refused", "403", status("403 Forbidden")],
    ["meets an error", "500", status("500 Internal Server Error")],
    ["gets a status beyond three digits", "no answer", status("2000 OK")],
    ["gets what is not HTTP", "no answer", (_, socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n")],
    ["is not answered", "no answer", () => {}],
    ["gets half a status", "no answer", (_, socket) => void socket.write("HTTP/1.1 20")],
    ["meets an end", "no answer", (_, socket) => void socket.end()],
    ["meets a reset", "no answer", (_, socket) => void socket.resetAndDestroy()],
    ["gets an endless line", "no answer", (_, socket) => void socket.write("HTTP/1.1 200".padEnd(100_000, "a"))],
    ["gets NUL bytes", "no answer", (_, socket) => void socket.write("\0".repeat(10_000))]
  ])("a subscription that %s: does not poll, and says so", ([, why, answer]) =>
    Effect.gen(function* () {
      const { handedOver, requests, stderr } = yield* run(body, answer)
      assert.strictEqual(
        stderr,
        `effect-lambda: hello: the subscription to telemetry failed (${why}); the program subscribes and polls itself\n`
      )
      assert.deepStrictEqual(requests.slice(1), [put])
      assert.deepStrictEqual(handedOver, ready)
    })
  )

  it.live("a connection that is reset before the poll: nothing is handed over as sent", () =>
    Effect.gen(function* () {
      // A write after the reset is a SIGPIPE, most of the time; otherwise it is a lost poll.
      for (let time = 0; time < 5; time++) {
        let connections = 0
        const { handedOver } = yield* run(
          undefined,
          () => {},
          {},
          (socket) => {
            if (++connections === 2) socket.resetAndDestroy()
          }
        )
        assert.strictEqual(handedOver.identifier, identifier)
        assert.oneOf(handedOver.nextSent, [undefined, "1"])
      }
    })
  )

  it("has nothing of this when it is ready", () => {
    const text = Stub.render({ ...options, runtime: "managed", subscription: body })
    assert.notMatch(text, /event\/next|2022-07-01/)
    assert.strictEqual(text, Stub.render({ ...options, runtime: "managed", start: "ready" }))
  })
})

describe("an eager stub for LLRT", { concurrent: true }, () => {
  const onLlrt = (answer: string, env: Readonly<Record<string, string>> = {}) =>
    run(body, status(answer), env, () => {}, "llrt")

  it.live("polls over the connection that becomes the input of the program", () =>
    Effect.gen(function* () {
      const { descriptor, handedOver, input, requests, stderr } = yield* onLlrt("200 OK", planted)
      assert.strictEqual(stderr, "")
      assert.deepStrictEqual(requests.slice(1), [put, next])
      assert.deepStrictEqual(handedOver, { ...polled(body), connection: "no socket" })
      assert.deepStrictEqual([descriptor, input], ["0", "a socket"])
    })
  )

  it.live.each<[string, string, Readonly<Record<string, string>>]>([
    ["if the subscription fails", "500 Internal Server Error", planted],
    ["on managed instances", "200 OK", managed]
  ])("%s: does not poll, and hands over no connection", ([, answer, env]) =>
    Effect.gen(function* () {
      const { descriptor, handedOver, input, requests } = yield* onLlrt(answer, env)
      assert.isFalse(requests.includes(next))
      assert.deepStrictEqual(handedOver, { ...ready, connection: "no socket" })
      assert.deepStrictEqual([descriptor, input], [undefined, "no socket"])
    })
  )
})
