/**
 * A port that answers no packet, as a host behind a wrong security group: its backlog is full, and its process never
 * accepts a connection, so the system drops each further request for one.
 */
import * as Effect from "effect/Effect"
import { connect, type Socket } from "node:net"
import { Worker } from "node:worker_threads"
import * as UserError from "../../shared/UserError.ts"

/** Node accepts every connection at once, except in a thread that stands still. */
const program = `
const { parentPort } = require("node:worker_threads")
const server = require("node:net").createServer()
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

const portOf = (worker: Worker) =>
  Effect.callback<number, ReturnType<typeof UserError.make>>((resume) => {
    worker.once("message", (port: number) => resume(Effect.succeed(port)))
    worker.once("error", (cause) => resume(UserError.fail(`no port can be listened on: ${String(cause)}`)))
  })

/** Asks for a connection, which fills a place of the backlog; `false` if none was free. */
const fill = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => connect(port, "127.0.0.1").on("error", () => {})),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(
    Effect.flatMap((socket: Socket) =>
      Effect.callback<boolean>((resume) => {
        socket.once("connect", () => resume(Effect.succeed(true)))
      })
    ),
    Effect.timeoutOrElse({ duration: "100 millis", orElse: () => Effect.succeed(false) })
  )

/** The URL of such a port, which lives as long as the scope. */
export const make = Effect.gen(function* () {
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => new Worker(program, { eval: true })),
    (started) => Effect.promise(() => started.terminate())
  )
  const port = yield* portOf(worker)
  // More than the backlog takes, so that those which wait keep it full.
  const filled = yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], () => fill(port), { concurrency: "unbounded" })
  return filled.includes(false)
    ? `http://127.0.0.1:${port}`
    : yield* UserError.fail("this system takes any number of connections that nobody accepts")
})
