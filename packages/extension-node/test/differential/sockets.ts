/** Hostile clients of our listener, on real sockets. */
import * as Effect from "effect/Effect"
import { createConnection } from "node:net"
import * as NodeTelemetryListener from "../../src/NodeTelemetryListener.ts"
import { randomFrom } from "../support/JsonTexts.ts"
import { hangs } from "../support/RawServer.ts"
import { cut, requestStream } from "./requestStreams.ts"

/** Our listener, and the number of bodies that it handed over. */
export const listener = Effect.gen(function* () {
  const seen = { bodies: 0, tooLarge: 0 }
  const { port } = yield* NodeTelemetryListener.make().listen(
    { protocol: "HTTP", host: "127.0.0.1", port: 0, maxBodyBytes: 1024 },
    {
      body: () => void seen.bodies++,
      tooLarge: () => void seen.tooLarge++,
      connection: () => ({ chunk: () => {}, end: () => {} })
    }
  )
  return { port, seen }
})

/** Sends the pieces, ends, and has what comes until the other side ends too. */
export const exchange = (port: number, pieces: ReadonlyArray<string | Buffer>) =>
  Effect.callback<string>((resume) => {
    let received = ""
    const socket = createConnection({ host: "127.0.0.1", port, noDelay: true })
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")))
    socket.on("error", () => {})
    socket.once("close", () => resume(Effect.succeed(received)))
    for (const piece of pieces) socket.write(piece)
    socket.end()
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeout(hangs))

/** So many connections at random, 32 at the same time. Each must end. */
export const attack = (port: number, runs: number, seed: number) => {
  const random = randomFrom(seed)
  const clients = Array.from({ length: 32 }, (_, client) => Math.ceil((runs - client) / 32))
  const one = Effect.suspend(() => exchange(port, cut(random, requestStream(random))))
  return Effect.forEach(clients, (count) => Effect.repeat(one, { times: Math.max(0, count - 1) }), {
    concurrency: "unbounded",
    discard: true
  })
}
