/** A proxy on loopback that passes on, and what it was asked. */
import * as Effect from "effect/Effect"
import { createServer, type IncomingMessage } from "node:http"
import { createServer as createSecureServer } from "node:https"
import { connect, type Socket } from "node:net"
import { identity, listen } from "./Tls.ts"

export interface Asked {
  readonly line: string
  readonly headers: IncomingMessage["headers"]
}

/**
 * @param options.isSecure the connection to the proxy itself is TLS, with the certificate for this machine
 * @param options.to the port on loopback that every CONNECT leads to, whatever the host; by default the asked one
 */
export const makeProxy = Effect.fnUntraced(function* (
  options: { readonly isSecure?: boolean; readonly to?: number } = {}
) {
  const { isSecure = false, to } = options
  const seen: Array<Asked> = []
  const see = ({ headers, method, url }: IncomingMessage) => seen.push({ line: `${method} ${url}`, headers })
  const server = isSecure ? createSecureServer(identity("valid")) : createServer()
  server.on("request", (request: IncomingMessage, response) => {
    see(request)
    const { host } = new URL(request.url ?? "")
    request.resume()
    response.writeHead(200, { "X-Origin": host }).end("by the proxy")
  })
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    see(request)
    const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(request.url ?? "") ?? []
    const upstream = connect(to ?? Number(port), to === undefined ? host : "127.0.0.1", () => {
      // Some proxies answer by HTTP/1.0.
      socket.write("HTTP/1.0 200 Connection established\r\n\r\n")
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on("error", () => socket.destroy())
    socket.on("error", () => upstream.destroy()).on("close", () => upstream.destroy())
  })
  const { port } = yield* listen(server)
  return { url: `${isSecure ? "https" : "http"}://127.0.0.1:${port}`, port, seen }
})
