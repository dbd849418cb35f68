/** Runs a client over the servers of besideCases.ts. As a program it prints the results of both clients as a table. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as Layer from "effect/Layer"
import { createHash } from "node:crypto"
import * as SinkHttpClient from "../../src/SinkHttpClient.ts"
import { hangs, makeServer, type Received, until } from "../support/RawServer.ts"
import { identity, trustAuthority } from "../support/Tls.ts"
import { type BesideCase, besideCases } from "./besideCases.ts"

export interface BesideResult {
  /** The results of the requests: a status with a text, or `fails`. */
  readonly result: string
  /** The requests as the server got them, without the connection and the headers in which clients differ. */
  readonly received: ReadonlyArray<string>
}

const shown = (text: string) => (text.length > 1000 ? `${Buffer.byteLength(text)} bytes` : text)

const describe = ({ body, headers, method, url }: Received) =>
  [
    method,
    url,
    headers["content-type"] ?? "-",
    headers["transfer-encoding"] ?? headers["content-length"] ?? "-",
    createHash("sha256").update(body).digest("hex").slice(0, 8)
  ].join(" ")

/** The results of one client, over a new server. */
export const runBeside = Effect.fnUntraced(function* ({ answers, between, certificate, requests }: BesideCase) {
  const tls = certificate === undefined ? undefined : identity(certificate)
  const answer = (_: Received, index: number) => answers[index] ?? answers.at(-1) ?? "park"
  const { closed, cut, host, received } = yield* makeServer(answer, tls)
  const client = yield* HttpClient.HttpClient
  const url =
    tls === undefined ? `http://${host}/path?a=b` : `https://${host.replace("127.0.0.1", "localhost")}/path?a=b`
  const results: Array<string> = []
  for (const [index, request] of requests.entries()) {
    if (index > 0 && between !== undefined) {
      cut()
      yield* until("the closed connection", () => closed.length === 1)
    }
    const text = Effect.gen(function* () {
      const response = yield* client.execute(request(url))
      return `${response.status} ${shown(yield* response.text)}`
    })
    const fails = () => Effect.succeed("fails")
    results.push(yield* Effect.timeout(Effect.catchTag(text, "HttpClientError", fails), hangs))
  }
  return { result: results.join(", "), received: received.map(describe) } satisfies BesideResult
}, Effect.scoped)

/** Both clients, and their names in the table. */
export const besideClients: ReadonlyArray<readonly ["ours" | "fetch", Layer.Layer<HttpClient.HttpClient>]> = [
  ["ours", SinkHttpClient.layer],
  ["fetch", FetchHttpClient.layer]
]

const printTable = Effect.gen(function* () {
  yield* trustAuthority
  const lines = ["| a server that | ours | `fetch`, if it differs | why |", "|---|---|---|---|"]
  for (const row of besideCases) {
    const [ours = "", theirs = ""] = yield* Effect.forEach(besideClients, ([, layer]) =>
      Effect.map(Effect.provide(runBeside(row), layer), ({ result }) => result)
    )
    // The bytes of gzip are no text.
    const cell = (text: string) => text.replaceAll(/[^ -~]+/g, "…").trim()
    lines.push(
      `| ${row.server} | ${cell(ours)} | ${ours === theirs ? "" : cell(theirs)} | ${row.fetch?.reason ?? ""} |`
    )
  }
  process.stdout.write(`${lines.join("\n")}\n`)
}).pipe(Effect.scoped)

if (import.meta.main) await Effect.runPromise(printTable)
