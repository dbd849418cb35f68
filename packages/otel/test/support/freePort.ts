import * as Effect from "effect/Effect"
import { createServer } from "node:net"

/** A port that is free now, since other tests have the port of OTLP. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0)))
  })
})
