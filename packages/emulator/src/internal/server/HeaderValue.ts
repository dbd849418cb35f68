/**
 * The grammar of header values, for requests and answers of both servers. On the wire a value is UTF-8; Node's strings
 * hold a byte of it per character.
 */
import type * as Http from "node:http"

/** The first value of a header of a request; `""` when it is missing. */
export const reader =
  (request: Http.IncomingMessage) =>
  (name: string): string =>
    Buffer.from(request.headersDistinct[name]?.[0] ?? "", "latin1").toString("utf8")

const encode = (value: string): string =>
  Buffer.from(value.replace(/[^\t\x20-\x7e\x80-\u{10ffff}]/gu, " "), "utf8").toString("latin1")

/** The headers of an answer. Characters that cannot be part of a value become spaces, as in Go. */
export const encodeAll = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, encode(value)]))
