/** The client for sinks after a freeze: connections that died meanwhile, and limits of time. */
import { SinkHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { play } from "../../test/runtimes/scenario.ts"
import { thaws } from "./life/sinks.ts"

/** A server in another thread, which works while the main thread is stopped, and does to its connections what it is told. */
const source = `
const { createServer } = require("node:net")
const { parentPort, workerData } = require("node:worker_threads")
const count = (index) => {
  Atomics.add(workerData, index, 1)
  Atomics.notify(workerData, index)
}
const sockets = new Set()
const answer = "HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi"
let isQuick = true
createServer({ allowHalfOpen: true }, (socket) => {
  sockets.add(socket)
  socket.on("error", () => {}).on("close", () => sockets.delete(socket)).on("data", () => {
    count(0)
    if (isQuick) socket.write(answer)
  })
}).listen(0, "127.0.0.1", function () { parentPort.postMessage(this.address().port) })
parentPort.on("message", (command) => {
  if (command === "wait") isQuick = false
  const all = Array.from(sockets, (socket) => new Promise((done) => {
    if (command === "end") socket.end(done)
    else if (command === "reset") socket.once("close", done).resetAndDestroy()
    else if (command === "answer") socket.write(answer, done)
    else done()
  }))
  Promise.all(all).then(() => count(1))
})
`

const makeWorker = Effect.gen(function* () {
  /** Requests that came, and commands that were obeyed. */
  const counts = new Int32Array(new SharedArrayBuffer(8))
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(source, { eval: true, workerData: counts })),
    (worker) => Effect.promise(() => worker.terminate())
  )
  const [port] = yield* Effect.promise(() => once(worker, "message"))
  /** The effect of a freeze: the event loop stops until the server has obeyed, and for as long as it takes to notice. */
  const freeze = (command: string, millis = 20) => {
    const before = Atomics.load(counts, 1)
    worker.postMessage(command, [])
    if (Atomics.wait(counts, 1, before, 60_000) === "timed-out") throw new Error("the server does nothing")
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
  }
  return { url: `http://127.0.0.1:${port}/`, requests: () => Atomics.load(counts, 0), freeze }
})

describe("after a freeze", () => {
  it.live.each(["end", "reset"])("a connection that met its %s is not used: every POST arrives once", (how) =>
    Effect.gen(function* () {
      const { freeze, requests, url } = yield* makeWorker
      const client = yield* SinkHttpClient.make()
      for (let round = 1; round <= 20; round++) {
        const response = yield* client.execute(HttpClientRequest.bodyText(HttpClientRequest.post(url), "a body"))
        assert.strictEqual(response.status, 200)
        assert.strictEqual(requests(), round)
        freeze(how)
      }
    })
  )

  it.live("in the last moment before the first byte, a POST is sent again: none has left", () =>
    Effect.gen(function* () {
      const { freeze, requests, url } = yield* makeWorker
      const client = yield* SinkHttpClient.make()
      const post = client.execute(HttpClientRequest.bodyText(HttpClientRequest.post(url), "a body"))
      yield* post
      // Each immediate of this test runs before that of the client: the last one just before it writes.
      yield* Effect.callback<void>((resume) => {
        setImmediate(() => {
          setImmediate(() => setImmediate(() => freeze("reset")))
          resume(Effect.void)
        })
      })
      assert.strictEqual((yield* post).status, 200)
      assert.strictEqual(requests(), 2)
    })
  )

  it.live("that is longer than the limit, the answer is still awaited", () =>
    Effect.gen(function* () {
      const { freeze, url } = yield* makeWorker
      const client = yield* SinkHttpClient.make({ answerTimeout: "1500 millis" })
      freeze("wait")
      const [response] = yield* Effect.all(
        [
          client.execute(HttpClientRequest.get(url)),
          Effect.delay(
            Effect.sync(() => {
              freeze("nothing", 1600)
              // Every timer is late now, and the answer is not there yet.
              setImmediate(() => freeze("answer", 0))
            }),
            50
          )
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(response.status, 200)
    })
  )
})

describe("a process", () => {
  play("Node", thaws)
})
