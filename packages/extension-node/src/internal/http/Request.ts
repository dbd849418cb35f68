/** A request of HTTP/1.1 or HTTP/1.0 (RFC 9112), as a server reads it. */
import { bodyLength, copyOf, hasWord, HttpError } from "./headers.ts"
import type { Head, Kind } from "./MessageReader.ts"

export interface RequestLine {
  readonly method: string
  /** The path with its query, or `*`, or the whole URL, as it came. */
  readonly target: string
  readonly minorVersion: string
}

export type Request = Head<RequestLine>

/** The methods of Node's server, without CONNECT, which asks for a tunnel. */
export const methods: ReadonlyArray<string> = (
  "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL " +
  "MOVE NOTIFY PROPFIND PROPPATCH PURGE QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE"
).split(" ")

/** A target has no fragment and only visible ASCII (RFC 9112, 3.2). */
const requestLine = /^([A-Z-]+) (\*|(?:http:\/\/[A-Za-z\d.\-:[\]]+)?\/[!"$-~]*) HTTP\/1\.([01])$/

// A client sends the same first line again and again.
let lastLine = ""
let lastRead: RequestLine | undefined

const parseRequestLine = (line: string): RequestLine | undefined => {
  if (line === lastLine) return lastRead
  lastLine = copyOf(line)
  lastRead = readRequestLine(lastLine)
  return lastRead
}

const readRequestLine = (line: string): RequestLine | undefined => {
  const [, method, target, minorVersion] = requestLine.exec(line) ?? []
  if (method === undefined || target === undefined || minorVersion === undefined) return undefined
  return methods.includes(method) ? { method, target, minorVersion } : undefined
}

/** Requests to a server that discards a body which is too long for it, as the body comes. */
export const requests: Kind<RequestLine> = {
  beginnings: methods.map((method) => `${method} `),
  parseStart: parseRequestLine,
  frame: ({ headers, start }) => {
    const length = bodyLength(headers)
    // Readers of HTTP/1.0 do not know chunks, and take them for the body itself.
    if (length === "chunks" && start.minorVersion === "0") throw new HttpError("chunks came over HTTP/1.0")
    if (typeof length === "number" && !Number.isSafeInteger(length))
      throw new HttpError("the length is beyond all sizes")
    const expectation = headers.get("expect")?.toLowerCase() ?? "100-continue"
    if (start.minorVersion === "1" && expectation !== "100-continue") {
      throw new HttpError("the request expects something that is not known", 417)
    }
    return length ?? 0
  },
  // As in Node's server.
  maxLineBytes: 16 * 1024,
  maxBodyBytes: Number.POSITIVE_INFINITY,
  tooLong: "the headers or trailers are longer than 16 KiB"
}

/** The path of the target, without its query. */
export const pathOf = ({ start: { target } }: Request): string => {
  const path = target.startsWith("/") ? target : target.replace(/^http:\/\/[^/]+/, "")
  const query = path.indexOf("?")
  return query === -1 ? path : path.slice(0, query)
}

/** Whether the sender wants to send another request over the connection. */
export const isKeptAlive = ({ headers, start }: Request): boolean =>
  !hasWord(headers, "connection", "close") &&
  (start.minorVersion === "1" || hasWord(headers, "connection", "keep-alive"))

/** Whether the sender waits with the body until it is told to go on (RFC 9110, 10.1.1). HTTP/1.0 has no such thing. */
export const waitsForContinue = ({ headers, start }: Request): boolean =>
  headers.has("expect") && start.minorVersion === "1"
