/** The look of a managed instance whether a process listens, before it accepts a subscription over TCP. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as SandboxHosts from "../../sandbox/SandboxHosts.ts"
import { DeliveryFailed } from "../Sender.ts"

/** Fails with the system's error, which is in Go's words if the connection is refused. */
export const probe = (port: number): Effect.Effect<void, DeliveryFailed> =>
  Effect.callback((resume) => {
    const address = `${SandboxHosts.defaultAddress}:${port}`
    const socket = Net.connect(port, SandboxHosts.defaultAddress)
    socket.on("connect", () => resume(Effect.void))
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const said = error.code === "ECONNREFUSED" ? "connect: connection refused" : error.message
      resume(Effect.fail(new DeliveryFailed({ problem: `${address}: dial tcp ${address}: ${said}` })))
    })
    return Effect.sync(() => socket.destroy())
  })
