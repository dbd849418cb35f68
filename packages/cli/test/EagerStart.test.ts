/** A layer with `--start eager`: the stub sends the first next, and the program reads its answer, whenever it comes up. */
import { PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { join } from "node:path"
import * as Loader from "../src/build/entry/Loader.ts"
import * as Stub from "../src/build/entry/Stub.ts"
import { minimumNode } from "../src/layer/LayerLimits.ts"
import { quote } from "../src/shared/Shell.ts"
import { bundled } from "../../tools/programs.ts"
import { execute, hostileServer, layerOf } from "./support/layers.ts"
import { ok, options, plain } from "./support/stub.ts"

const hello = await bundled(join(import.meta.dirname, "../../examples/hello/src/hello.ts"))

const answer = (body: object) =>
  ["HTTP/1.1 200 OK", `Content-Length: ${JSON.stringify(body).length}`, "", JSON.stringify(body)].join("\r\n")

const invoke = () =>
  answer({ eventType: "INVOKE", deadlineMs: Date.now() + 9000, requestId: "r-1", invokedFunctionArn: "arn" })
const shutdown = () => answer({ eventType: "SHUTDOWN", deadlineMs: Date.now() + 2000, shutdownReason: "spindown" })

interface Asked {
  readonly what: string
  /** 1 for the first connection: register. 2 for that which the stub hands over. */
  readonly connection: number
  /** Answers with the next event, at most once. */
  readonly socket: Socket
}

/** A layer of stub, loader and bundle, run to its end against a platform that a test plays. */
const live = Effect.fnUntraced(function* (
  play: (asked: Asked, polls: number) => void,
  bundle = `import(${JSON.stringify(hello)})`,
  files: Readonly<Record<string, string>> = {}
) {
  const connections = new Map<Socket, number>()
  const requests: Array<readonly [what: string, connection: number]> = []
  let polls = 0
  const { host } = yield* hostileServer(
    (socket, request) => {
      const what = /^\w+ \S*\/(\w+(?:\/error)?) /.exec(request)?.[1] ?? ""
      const asked = { what, connection: connections.get(socket) ?? 0, socket }
      requests.push([what, asked.connection])
      if (what === "register") return void socket.end(ok(plain))
      if (what === "next") polls++
      play(asked, polls)
    },
    (socket) => void connections.set(socket, connections.size + 1)
  )
  const layer = yield* layerOf({
    "extensions/hello": Stub.render({ ...options, runtime: "managed", start: "eager" }),
    "hello/index.cjs": Loader.render({ name: "hello", minimumNode }),
    "hello/bundle.cjs": bundle,
    ...files
  })
  const { code, stderr, stdout } = yield* execute(join(layer, "extensions/hello"), {
    AWS_LAMBDA_RUNTIME_API: host,
    EFFECT_LAMBDA_NODE: process.execPath
  })
  return { code, stderr, stdout: stdout.toString(), requests }
})

const events = [invoke, shutdown]
const giveEvents = ({ socket, what }: Asked, polls: number) => {
  if (what === "next") socket.write(events[polls - 1]?.() ?? "")
}

/** The polls of a life without a fault: one by the stub, one by the program, over the same connection. */
const twoPolls: ReadonlyArray<readonly [string, number]> = [
  ["register", 1],
  ["next", 2],
  ["next", 2]
]

describe("a layer that starts eagerly", { concurrent: true }, () => {
  it.live("an event that waits when the program comes up: handled, and asked for once", () =>
    Effect.gen(function* () {
      const { code, requests, stderr, stdout } = yield* live(giveEvents)
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(requests, twoPolls)
      assert.match(stdout, /invocation r-1: \d+ ms left/)
      assert.match(stdout, /1 invocations, then shutdown/)
    })
  )

  it.live("an event that comes long after the program has come up: the same", () =>
    Effect.gen(function* () {
      const { code, requests, stderr, stdout } = yield* live((asked, polls) =>
        setTimeout(giveEvents, polls === 1 ? 2500 : 0, asked, polls)
      )
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(requests, twoPolls)
      assert.match(stdout, /invocation r-1: \d+ ms left/)
    })
  )

  it.live("an answer in single bytes, of which some come before the program: read as one", () =>
    Effect.gen(function* () {
      const { code, requests, stdout } = yield* live(({ socket, what }, polls) => {
        if (what !== "next") return
        if (polls > 1) return void socket.write(shutdown())
        socket.setNoDelay(true)
        const bytes = invoke()
        const next = (at: number): void => {
          socket.write(bytes.slice(at, at + 1))
          if (at + 1 < bytes.length) setTimeout(next, at < 10 ? 0 : 4, at + 1)
        }
        next(0)
      })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(requests, twoPolls)
      assert.match(stdout, /invocation r-1: \d+ ms left/)
    })
  )

  it.live("a function whose Node is too old: the Node of the layer reads the event", () =>
    Effect.gen(function* () {
      const node = `#!/bin/sh\nexec ${quote(process.execPath)} "\${1%/*}/bundle.cjs"\n`
      const { code, requests, stdout } = yield* live(giveEvents, undefined, {
        "hello/index.cjs": Loader.render({ name: "hello", minimumNode: "99.0.0" }),
        "hello/bin/node": node
      })
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(requests, twoPolls)
      assert.match(stdout, /invocation r-1: \d+ ms left/)
    })
  )

  it.live("no variable of the hand-over is left for the program's children", () =>
    Effect.gen(function* () {
      const show = `console.log(JSON.stringify(Object.keys(process.env)))`
      const { stdout } = yield* live(
        giveEvents,
        `import(${JSON.stringify(hello)}).then(() => setTimeout(() => { ${show} }, 0))`
      )
      assert.include(stdout, "AWS_LAMBDA_RUNTIME_API")
      assert.notInclude(stdout, PreRegistration.nextSentVariable)
    })
  )

  it.live.each<[string, (socket: Socket) => void]>([
    ["is reset", (socket) => void socket.resetAndDestroy()],
    ["ends", (socket) => void socket.end()],
    ["carries half an answer", (socket) => void socket.end(invoke().slice(0, 60))],
    ["carries what is not HTTP", (socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n")]
  ])("a connection that %s under the poll is a lost poll, and the program polls again", ([, onFirstPoll]) =>
    Effect.gen(function* () {
      const { code, requests, stderr, stdout } = yield* live((asked, polls) => {
        if (polls === 1) onFirstPoll(asked.socket)
        else giveEvents(asked, polls - 1)
      })
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(requests, [
        ["register", 1],
        ["next", 2],
        ["next", 3],
        ["next", 3]
      ])
      assert.match(stdout, /the poll was lost, and one event may be lost with it/)
      assert.match(stdout, /invocation r-1: \d+ ms left/)
    })
  )

  it.live.each<[string, string, RegExp]>([
    [
      "what is no event",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
      /an event could not be decoded and is skipped/
    ],
    ["an error", "HTTP/1.1 500 Error\r\nContent-Length: 2\r\n\r\n{}", /invocation r-1/],
    ["an answer without an end", `HTTP/1.1 200 OK\r\nX-Big: ${"a".repeat(2 ** 21)}`, /the poll was lost/]
  ])("a first poll that gets %s: the program polls again, and handles the next event", ([, bytes, said]) =>
    Effect.gen(function* () {
      const { code, requests, stdout } = yield* live((asked, polls) => {
        if (polls === 1) asked.socket.write(bytes)
        else giveEvents(asked, polls - 1)
      })
      assert.strictEqual(code, 0)
      assert.lengthOf(
        requests.filter(([what]) => what === "next"),
        3
      )
      assert.match(stdout, said)
      assert.match(stdout, /invocation r-1: \d+ ms left/)
    })
  )
})
