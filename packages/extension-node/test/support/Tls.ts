/** Servers of TLS on loopback, and the certificates of test/fixtures/certificates. */
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import type { AddressInfo, Server, Socket } from "node:net"
import { join } from "node:path"
import { createServer, getCACertificates, setDefaultCACertificates, type TlsOptions, type TLSSocket } from "node:tls"

const folder = join(import.meta.dirname, "../fixtures/certificates")
const pem = (name: string) => readFileSync(join(folder, `${name}.pem`), "utf8")

/** The file of the authority that has signed them, for NODE_EXTRA_CA_CERTS. */
export const authorityFile = join(folder, "authority.pem")

/** What a server shows. */
export const identity = (name: "valid" | "expired" | "early" | "elsewhere" | "self-signed") => ({
  key: pem("key"),
  cert: pem(name)
})

/** Trusts the authority of the certificates until the end of the scope, as NODE_EXTRA_CA_CERTS would. */
export const trustAuthority = Effect.acquireRelease(
  Effect.sync(() => {
    const before = getCACertificates("default")
    setDefaultCACertificates([...before, pem("authority")])
    return before
  }),
  (before) => Effect.sync(() => setDefaultCACertificates(before))
)

/** Listens on loopback until the end of the scope, which cuts every connection. */
export const listen = (server: Server, host = "127.0.0.1") =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly sockets: Set<Socket> }, Error>((resume) => {
      const sockets = new Set<Socket>()
      server.on("connection", (socket: Socket) => {
        sockets.add(socket)
        socket.on("error", () => {}).once("close", () => sockets.delete(socket))
      })
      server.on("error", (error) => resume(Effect.fail(error)))
      server.listen(0, host, () => {
        const address = server.address() as AddressInfo
        resume(Effect.succeed({ port: address.port, sockets }))
      })
    }),
    ({ sockets }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )

/** A server that does with each connection of TLS what `onSocket` says. */
export const tlsServer = (options: TlsOptions, onSocket: (socket: TLSSocket) => void) =>
  createServer(options, (socket) => onSocket(socket.on("error", () => {}))).on("tlsClientError", () => {})
