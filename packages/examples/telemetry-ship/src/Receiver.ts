/** A small HTTP endpoint for ndjson on this machine, in the role of a log service. */
// The endpoint plays the service of another company, so it is plain Node.
// @effect-diagnostics globalTimers:off
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Zlib from "node:zlib"

/** The behaviour of the endpoint for its nth request; the first request is 1. */
export type Answer = (request: number) => { readonly status: number; readonly afterMillis?: number } | "never"

/** A request as it arrived. */
export interface Batch {
  readonly id: string
  readonly status: number | undefined
  readonly lines: ReadonlyArray<string>
}

const maxBodyBytes = 16 * 1024 * 1024

/** Listens on a free port of 127.0.0.1 until the scope is closed; the value is the URL to send to. */
export const listen = Effect.fnUntraced(function* (server: Http.Server) {
  yield* Effect.acquireRelease(
    Effect.callback<void, Error>((resume) => {
      server.once("error", (error) => resume(Effect.fail(error)))
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}/ingest`
})

/** The endpoint, until the scope is closed. */
export const make = Effect.fnUntraced(function* (answer: Answer = () => ({ status: 200 })) {
  const batches: Array<Batch> = []

  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    let length = 0
    request.on("data", (chunk: Buffer) => {
      length += chunk.length
      if (length > maxBodyBytes) request.destroy()
      else chunks.push(chunk)
    })
    request.on("end", () => {
      const body = Buffer.concat(chunks)
      const text = (request.headers["content-encoding"] === "gzip" ? Zlib.gunzipSync(body) : body).toString()
      const reply = answer(batches.length + 1)
      batches.push({
        id: String(request.headers["idempotency-key"]),
        status: reply === "never" ? undefined : reply.status,
        lines: text.split("\n").filter((line) => line !== "")
      })
      if (reply === "never") return
      setTimeout(() => response.writeHead(reply.status).end(), reply.afterMillis ?? 0)
    })
  })

  return {
    url: yield* listen(server),
    batches,
    /** The records that were accepted, each batch once: a repeated batch has the same id. */
    accepted: () => {
      const once = new Map(batches.filter(({ status }) => status === 200).map(({ id, lines }) => [id, lines]))
      return [...once.values()].flat()
    }
  }
})
