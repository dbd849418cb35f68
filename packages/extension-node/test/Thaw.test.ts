/** The order of events when a frozen process wakes up: timers run before sockets are read. */
import { Deadline } from "@effect-lambda/extension"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import { createConnection } from "node:net"
import { Worker } from "node:worker_threads"

/** A server in another thread, which answers while the main thread is stopped. */
const server = `
const { createServer } = require("node:net")
const { parentPort, workerData } = require("node:worker_threads")
const answered = () => {
  Atomics.add(workerData, 0, 1)
  Atomics.notify(workerData, 0)
}
const server = createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write("answer", answered)))
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port))
`

/** The number of answers that have left the server. */
const answers = new Int32Array(new SharedArrayBuffer(4))

/**
 * The effect of SIGSTOP and SIGCONT inside the process: the event loop stops while everything else continues, here
 * until this many answers are there and every timer is late.
 */
const freezeUntil = (count: number) =>
  Effect.sync(() => {
    while (Atomics.load(answers, 0) < count) {
      if (Atomics.wait(answers, 0, count - 1, 10_000) === "timed-out") throw new Error("the server does not answer")
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
  })

it.live("a timer from before the freeze does not beat the answer that waits in the socket", () =>
  Effect.gen(function* () {
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new Worker(server, { eval: true, workerData: answers })),
      (worker) => Effect.promise(() => worker.terminate())
    )
    const [port] = yield* Effect.promise(() => once(worker, "message"))
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => createConnection(port, "127.0.0.1")),
      (socket) => Effect.sync(() => socket.destroy())
    )
    yield* Effect.promise(() => once(socket, "connect"))
    const ask = Effect.callback<string>((resume) => {
      socket.once("data", (data) => resume(Effect.succeed(data.toString())))
      socket.write("question")
    })
    for (let round = 1; round <= 20; round++) {
      const [answer] = yield* Effect.all([Deadline.abandonAfter(ask, "10 millis"), freezeUntil(round)], {
        concurrency: "unbounded"
      })
      assert.strictEqual(answer, "answer")
    }
  })
)
