/** Every listener with real sockets: the table in wire/listenerCases.ts, byte by byte. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import { createServer } from "node:net"
import { listeners } from "./wire/implementations.ts"
import { listenerCases } from "./wire/listenerCases.ts"
import { play } from "./wire/ListenerScript.ts"

describe.each(listeners)("$name", (listener) => {
  it.live.each(listenerCases.map((row) => [row.name, row] as const))("%s", ([, row]) => play(listener, row))

  it.live.each(["HTTP", "TCP"] as const)(
    "on a port in use, or on none, fails over %s and says what to do",
    (protocol) =>
      Effect.gen(function* () {
        const taken = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const server = createServer().listen(0, "127.0.0.1")
            await once(server, "listening")
            return server
          }),
          (server) => Effect.sync(() => server.close())
        )
        const address = taken.address()
        const port = typeof address === "object" ? (address?.port ?? 0) : 0
        const nobody = { body: () => {}, tooLarge: () => {}, connection: () => ({ chunk: () => {}, end: () => {} }) }
        const refused = (port: number) =>
          Effect.flip(listener.make().listen({ protocol, host: "127.0.0.1", port, maxBodyBytes: 1 }, nobody))

        const inUse = yield* refused(port)
        assert.strictEqual(inUse._tag, "TelemetryListenerError")
        assert.include(inUse.message, `cannot listen for telemetry on 127.0.0.1:${port}: listen EADDRINUSE`)
        assert.include(inUse.message, "with port 0 any free one is taken")
        assert.include((yield* refused(70_000)).message, "127.0.0.1:70000")
      })
  )
})
