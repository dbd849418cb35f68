import * as Effect from "effect/Effect"
import { createServer } from "node:net"

// The system gives ports from 32768 on to whoever connects, so one of those may be gone before a program listens on it.
const lowest = 10_000
const highest = 30_000

/** Whether nobody has the port. */
const isFree = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

/** A port that is free now, since other tests have the port of OTLP. */
export const freePort: Effect.Effect<number> = Effect.suspend(() => {
  const port = lowest + Math.floor(Math.random() * (highest - lowest))
  return Effect.flatMap(isFree(port), (free) => (free ? Effect.succeed(port) : freePort))
})
