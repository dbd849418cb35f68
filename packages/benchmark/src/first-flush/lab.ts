/** The surroundings of a layer with telemetry: the platform, and endpoints over HTTP and HTTPS that take its records. */
import { EventEmitter, once } from "node:events"
import { readFile } from "node:fs/promises"
import { createServer, type RequestListener, type ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { Server } from "node:net"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { packageFolder } from "../bundle.ts"
import { registered } from "../platform.ts"

/** The certificate of the endpoint over HTTPS, which a layer has to trust. */
export const certificate = join(packageFolder, "fixtures/localhost.pem")

export type Scheme = "http" | "https"

export interface Lab {
  /** The address of the platform, `host:port`. */
  readonly runtimeApi: string
  /** The URL of the endpoint. */
  readonly url: (scheme: Scheme) => string
  /** Waits for the next poll; call it before the poll can come. The answer is up to the caller. */
  readonly poll: () => Promise<ServerResponse>
  /** Delivers events to the address that the layer has subscribed with. */
  readonly deliver: (events: ReadonlyArray<unknown>) => Promise<void>
  /** How many records the endpoints have taken. */
  readonly taken: () => number
  readonly close: () => void
}

const portOf = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no port")
  return address.port
}

const whole = async (request: AsyncIterable<Buffer>): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** @param signal ends every wait */
export const open = async (signal: AbortSignal): Promise<Lab> => {
  const polls = new EventEmitter()
  let destination = ""
  let taken = 0
  const platform = createServer((request, response) => {
    void whole(request).then((body) => {
      response.setHeader("Content-Type", "application/json")
      if (request.url?.endsWith("/register")) {
        response.setHeader("Lambda-Extension-Identifier", "2f0e5a52-7d4f-4a5b-9d1c-7a2f6e9b3c11").end(registered)
      } else if (request.url?.endsWith("/telemetry")) {
        const { port } = new URL(JSON.parse(body.toString()).destination.URI)
        destination = `http://127.0.0.1:${port}/`
        response.end('"OK"')
      } else {
        response.setHeader("Lambda-Extension-Event-Identifier", "b0e1a5c3-3c86-4d0e-8f6c-0d6b7c1d2e3f")
        polls.emit("poll", response)
      }
    })
  })
  const take: RequestListener = (request, response) => {
    void whole(request).then((body) => {
      const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body
      taken += text.toString().trimEnd().split("\n").length
      response.end()
    })
  }
  const pem = await readFile(certificate, "utf8")
  const servers = { platform, http: createServer(take), https: createSecureServer({ key: pem, cert: pem }, take) }
  const ports = {
    platform: await portOf(servers.platform),
    http: await portOf(servers.http),
    https: await portOf(servers.https)
  }
  return {
    runtimeApi: `127.0.0.1:${ports.platform}`,
    url: (scheme) => `${scheme}://localhost:${ports[scheme]}/ingest`,
    poll: async () => (await once(polls, "poll", { signal }))[0],
    deliver: async (events) => {
      const response = await fetch(destination, { method: "POST", body: JSON.stringify(events), signal })
      if (response.status !== 200) throw new Error(`the layer answered a delivery with ${response.status}`)
    },
    taken: () => taken,
    close: () => {
      for (const server of Object.values(servers)) {
        server.closeAllConnections()
        server.close()
      }
    }
  }
}
