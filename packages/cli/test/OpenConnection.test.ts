/** The connection that the stub leaves open for the program: the first poll goes over it, and nothing depends on it. */
import { PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { join } from "node:path"
import * as Loader from "../src/build/entry/Loader.ts"
import { minimumNode } from "../src/layer/LayerLimits.ts"
import * as Stub from "../src/build/entry/Stub.ts"
import { bundled } from "../../tools/programs.ts"
import { execute, hostileServer, layerOf } from "./support/layers.ts"
import { handOver, identifier, ok, options, plain, run } from "./support/stub.ts"

const hello = await bundled(join(import.meta.dirname, "../../examples/hello/src/hello.ts"))

const answer = (body: object, ...headers: ReadonlyArray<string>) =>
  ["HTTP/1.1 200 OK", `Content-Length: ${JSON.stringify(body).length}`, ...headers, "", JSON.stringify(body)].join(
    "\r\n"
  )

const events = [
  () => ({ eventType: "INVOKE", deadlineMs: Date.now() + 3000, requestId: "r-1", invokedFunctionArn: "arn" }),
  () => ({ eventType: "SHUTDOWN", deadlineMs: Date.now() + 2000, shutdownReason: "spindown" })
]

/**
 * A layer of stub, loader and the hello example, to its end. Connection 1 registers, connection 2 is the open one.
 *
 * @returns what came over which connection, `register` or `next`
 */
const live = Effect.fnUntraced(function* (
  onOpen: (socket: Socket) => void = () => {},
  onFirstPoll: (socket: Socket) => "unanswered" | void = () => {}
) {
  const connections = new Map<Socket, number>()
  const requests: Array<readonly [request: string | undefined, connection: number | undefined]> = []
  let given = 0
  const { host } = yield* hostileServer(
    (socket, request) => {
      const what = /^\w+ \S*\/(\w+) /.exec(request)?.[1]
      requests.push([what, connections.get(socket)])
      if (what === "register") return void socket.end(ok(plain))
      if (requests.length === 2 && onFirstPoll(socket) === "unanswered") return
      const event = events[given++]
      if (event !== undefined) socket.write(answer(event()))
    },
    (socket) => {
      connections.set(socket, connections.size + 1)
      if (connections.size === 2) onOpen(socket)
    }
  )
  const layer = yield* layerOf({
    "extensions/hello": Stub.render({ ...options, runtime: "managed" }),
    "hello/index.cjs": Loader.render({ name: "hello", minimumNode }),
    "hello/bundle.cjs": `import(${JSON.stringify(hello)})`
  })
  const env = { AWS_LAMBDA_RUNTIME_API: host, EFFECT_LAMBDA_NODE: process.execPath }
  const { code, stderr, stdout } = yield* execute(join(layer, "extensions/hello"), env)
  return { code, stderr, stdout: stdout.toString(), requests }
})

describe("the open connection", () => {
  it.live("carries every poll", () =>
    Effect.gen(function* () {
      const { code, requests, stderr, stdout } = yield* live()
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(requests, [
        ["register", 1],
        ["next", 2],
        ["next", 2]
      ])
      assert.match(stdout, /invocation r-1: \d+ ms left/)
    })
  )

  it.live.each<[string, (socket: Socket) => void]>([
    ["is closed", (socket) => void socket.destroy()],
    ["is reset", (socket) => void socket.resetAndDestroy()]
  ])("%s before the poll: the poll goes over another connection, and none is lost", ([, onOpen]) =>
    Effect.gen(function* () {
      const { code, requests, stderr, stdout } = yield* live(onOpen)
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(
        requests.filter(([, connection]) => connection !== 2),
        [
          ["register", 1],
          ["next", 3],
          ["next", 3]
        ]
      )
      assert.notInclude(stdout, "lost")
    })
  )

  it.live.each<[string, (socket: Socket) => "unanswered"]>([
    ["is reset", (socket) => (socket.resetAndDestroy(), "unanswered")],
    ["ends", (socket) => (socket.end(), "unanswered")],
    ["carries what is not HTTP", (socket) => (socket.write("SSH-2.0-OpenSSH_9.2\r\n"), "unanswered")]
  ])("%s after the poll: polled again", ([, onFirstPoll]) =>
    Effect.gen(function* () {
      const { code, requests, stderr } = yield* live(undefined, onFirstPoll)
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(requests, [
        ["register", 1],
        ["next", 2],
        ["next", 3],
        ["next", 3]
      ])
    })
  )

  it.live("is a number that no child process of the program gets", () =>
    Effect.gen(function* () {
      const { host } = yield* hostileServer((socket) => void socket.write(ok(plain)))
      const layer = yield* layerOf({
        "extensions/hello": Stub.render({ ...options, runtime: "managed" }),
        "hello/index.cjs": `
          const isSocket = "require('node:fs').fstatSync(3).isSocket()"
          const { status } = require("node:child_process").spawnSync(process.execPath, ["-e", "process.exit(" + isSocket + " ? 1 : 0)"])
          console.log(process.env.${PreRegistration.descriptorVariable}, eval(isSocket), status)`
      })
      const env = { AWS_LAMBDA_RUNTIME_API: host, EFFECT_LAMBDA_NODE: process.execPath }
      const { stdout } = yield* execute(join(layer, "extensions/hello"), env)
      assert.strictEqual(stdout.toString(), "3 true 0\n")
    })
  )

  it.live("is not handed over if Lambda takes no second one, and not to bun", () =>
    Effect.gen(function* () {
      const { close, host } = yield* hostileServer((socket) => {
        close()
        socket.write(ok(plain))
      })
      const layer = yield* layerOf({
        "extensions/hello": Stub.render({ ...options, runtime: "managed" }),
        "bin/node": "#!/bin/sh\nexec /usr/bin/env\n"
      })
      const env = { AWS_LAMBDA_RUNTIME_API: host, EFFECT_LAMBDA_NODE: join(layer, "bin/node") }
      const { code, stderr, stdout } = yield* execute(join(layer, "extensions/hello"), {
        ...env,
        // With this variable a redirection that fails would end the script.
        POSIXLY_CORRECT: "1",
        [PreRegistration.descriptorVariable]: "7"
      })
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.include(stdout.toString(), `${PreRegistration.identifierVariable}=${identifier}`)
      assert.notInclude(stdout.toString(), PreRegistration.descriptorVariable)

      const another = yield* hostileServer((socket) => void socket.write(ok(plain)))
      const { variables } = yield* run(another.host, { env: { [PreRegistration.descriptorVariable]: "7" } })
      assert.strictEqual(handOver(variables).identifier, identifier)
      assert.isFalse(variables.has(PreRegistration.descriptorVariable))
    })
  )
})
