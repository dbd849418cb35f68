/** A backend for OTLP over HTTP on this machine, which decodes with the definitions of OpenTelemetry. */
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Zlib from "node:zlib"
import * as Decode from "./Decode.ts"

export interface Backend {
  /** The endpoint for all signals. */
  readonly url: string
  readonly spans: ReadonlyArray<Decode.Span>
  readonly points: ReadonlyArray<Decode.Point>
  readonly logs: ReadonlyArray<Decode.Log>
  /** The requests that were not answered 200. */
  readonly refused: () => number
}

/** The status of an answer. `unanswered`: the backend takes the request, and closes the connection without an answer. */
export type Answer = number | "unanswered"

/** Listens until the scope closes. `status` is asked for each request. */
export const make = Effect.fnUntraced(function* (status: () => Answer) {
  const spans: Array<Decode.Span> = []
  const points: Array<Decode.Point> = []
  const logs: Array<Decode.Log> = []
  let refused = 0

  /** Gives the answer; a body that is no OTLP is a 400. */
  const take = (path: string, contentType: string, body: Buffer): Answer => {
    const wanted = status()
    if (wanted !== 200 && wanted !== "unanswered") return wanted
    try {
      if (path === "/v1/traces") spans.push(...Decode.traces(contentType, body))
      else if (path === "/v1/metrics") points.push(...Decode.metrics(contentType, body))
      else if (path === "/v1/logs") logs.push(...Decode.logs(contentType, body))
      else return 404
    } catch {
      return 400
    }
    return wanted
  }

  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const body = Buffer.concat(chunks)
      const { "content-encoding": encoding, "content-type": contentType = "" } = request.headers
      const answer = take(request.url ?? "", contentType, encoding === "gzip" ? Zlib.gunzipSync(body) : body)
      if (answer !== 200) refused++
      if (answer === "unanswered") {
        response.destroy()
        return
      }
      response.writeHead(answer, { "content-type": contentType }).end(contentType === "application/json" ? "{}" : "")
    })
  })
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
  const backend: Backend = { url: `http://127.0.0.1:${port}`, spans, points, logs, refused: () => refused }
  return backend
})
