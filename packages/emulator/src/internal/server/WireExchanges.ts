/** Follows the requests of the processes from their first byte to the end of the answer, for the option `wire`. */
import type * as Http from "node:http"
import type { WireRecord } from "../journal/WireRecord.ts"
import type { Source } from "../Source.ts"
import type { Exchange } from "../wire/Requests.ts"
import * as Routes from "../wire/Routes.ts"
import type { WireResponse } from "../wire/Wire.ts"
import * as HeaderValue from "./HeaderValue.ts"

export interface WireExchanges {
  /** A request has begun. */
  readonly begin: (
    exchange: Exchange,
    request: Http.IncomingMessage,
    response: Http.ServerResponse,
    path: string
  ) => void
  /** The answer leaves, with so much of its body. */
  readonly answered: (exchange: Exchange, answer: WireResponse, body: Uint8Array) => void
  /** The platform closes the connection, during the answer or without one. */
  readonly closed: (exchange: Exchange) => void
  /** The platform closes all connections. */
  readonly end: () => void
}

interface Open {
  answer: { readonly wire: WireResponse; readonly body: Uint8Array } | undefined
  isClosedByPlatform: boolean
  readonly finish: () => void
}

/** Headers of the protocol. The others, and what an invoker says of its user, are not kept. */
const isKept = (name: string): boolean =>
  /^lambda-(?:extension|runtime)-/i.test(name) && !/-(?:client-context|cognito-identity)$/i.test(name)

const answerHeaders = ({ headers }: WireResponse): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (isKept(name) ? [[name.toLowerCase(), value]] : []))
  )

const none: WireExchanges = { begin: () => {}, answered: () => {}, closed: () => {}, end: () => {} }

export const make = (record: WireRecord | undefined, now: () => number): WireExchanges => {
  if (record === undefined) return none
  const open = new Map<Exchange, Open>()
  /** The extensions by their identifiers. */
  const sources = new Map<string, Source>()

  const sourceOf = (path: string, header: (name: string) => string, { answer }: Open): Source | undefined => {
    if (path.startsWith("/2018-06-01/")) return "runtime"
    const name = header("lambda-extension-name")
    if (path !== Routes.routes.register.path) return sources.get(header("lambda-extension-identifier"))
    const source = name === "" ? undefined : (`extension:${name}` as const)
    const identifier = answer?.wire.headers["Lambda-Extension-Identifier"]
    if (source !== undefined && identifier !== undefined) sources.set(identifier, source)
    return source
  }

  return {
    begin: (exchange, request, response, path) => {
      // The answer has credentials.
      if (path === Routes.credentialsPath) return
      const requestedAt = now()
      const header = HeaderValue.reader(request)
      const chunks: Array<Buffer> = []
      let requestBytes = 0
      request.on("data", (chunk: Buffer) => {
        if (requestBytes <= record.maxBytes) chunks.push(chunk)
        requestBytes += chunk.length
      })
      const finish = (): void => {
        if (!open.delete(exchange)) return
        const { answer, isClosedByPlatform } = state
        const names = Object.keys(request.headersDistinct).filter(isKept)
        record.record({
          kind: "api",
          exchange,
          process: sourceOf(path, header, state),
          method: request.method ?? "",
          path,
          requestHeaders: Object.fromEntries(names.map((name) => [name, header(name)])),
          requestBody: record.textOf(Buffer.concat(chunks)),
          requestBytes,
          requestedAt,
          status: answer?.wire.status ?? 0,
          answerHeaders: answer === undefined ? {} : answerHeaders(answer.wire),
          answerBody: answer === undefined ? "" : record.textOf(answer.body),
          answerBytes: answer?.body.length ?? 0,
          closedBy: isClosedByPlatform ? "platform" : response.writableFinished ? undefined : "client"
        })
      }
      const state: Open = { answer: undefined, isClosedByPlatform: false, finish }
      open.set(exchange, state)
      response.on("close", finish)
    },
    answered: (exchange, wire, body) => {
      const state = open.get(exchange)
      if (state !== undefined) state.answer = { wire, body }
    },
    closed: (exchange) => {
      const state = open.get(exchange)
      if (state !== undefined) state.isClosedByPlatform = true
    },
    end: () => {
      for (const state of open.values()) {
        state.isClosedByPlatform = true
        state.finish()
      }
    }
  }
}
