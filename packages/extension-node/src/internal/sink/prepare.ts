/** Makes the bytes of a request. */
import * as Effect from "effect/Effect"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { Sending } from "./exchange.ts"
import { type Failed, unwritable } from "./Failed.ts"
import { hasWord } from "../http/headers.ts"
import { authorizationLine } from "./open.ts"
import { type Outgoing, outgoing } from "./outgoing.ts"
import { requestHead } from "../http/requestHead.ts"

/** Firewalls refuse requests that do not say what sent them. */
const userAgent = "effect-lambda"

/** Some servers want to be told that such a request has no body. */
const wantsLength = new Set(["POST", "PUT", "PATCH"])

const framing = (method: string, body: Outgoing | undefined): string => {
  if (body === undefined) return wantsLength.has(method) ? "Content-Length: 0\r\n" : ""
  if (body.stream === undefined) return `Content-Length: ${body.bytes.length}\r\n`
  return body.length === undefined ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${body.length}\r\n`
}

/** The request as it leaves, whatever the connection. */
export const prepare = (
  request: HttpClientRequest,
  url: URL,
  way: Pick<Sending, "origin" | "via" | "place" | "clock" | "keeps">
): Effect.Effect<Sending, Failed> =>
  outgoing(request.body).pipe(
    Effect.flatMap((body) =>
      Effect.try({
        try: (): Sending => {
          const { headers, method } = request
          const { origin, via } = way
          if (method === "CONNECT") throw new Error("the method CONNECT is for proxies")
          const keeps = way.keeps && !hasWord(new Map(Object.entries(headers)), "connection", "close")
          const path = url.pathname + url.search
          const isByProxy = via !== undefined && !origin.isSecure
          const own =
            `Host: ${headers["host"] ?? origin.authority}\r\n` +
            (headers["user-agent"] === undefined ? `User-Agent: ${userAgent}\r\n` : "") +
            framing(method, body) +
            (body?.contentType === undefined || headers["content-type"] !== undefined
              ? ""
              : `Content-Type: ${body.contentType}\r\n`) +
            `Connection: ${keeps ? "keep-alive" : "close"}\r\n` +
            (isByProxy ? authorizationLine(via) : "")
          const target = isByProxy ? `http://${origin.authority}${path}` : path
          const scheme = origin.isSecure ? "https" : "http"
          return {
            ...way,
            method,
            key: `${scheme}://${origin.authority} ${via?.proxy.authority ?? ""}`,
            head: requestHead(request, target, own),
            body,
            keeps
          }
        },
        catch: unwritable
      })
    )
  )
