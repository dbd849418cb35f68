/**
 * The bytes of HTTP, as both servers treat them: the target of a request, the kept part of its body, Go's way to
 * answer.
 */
import type * as Http from "node:http"
import type { Profile } from "../../Profile.ts"

/** Path and query of a request target; a target in absolute form, as a proxy gets it, loses scheme and host. */
export const splitTarget = (target: string): { readonly path: string; readonly query: string } => {
  const origin = target.replace(/^[a-z][a-z0-9+.-]*:(\/\/[^/?#]*)?/i, "")
  const at = origin.indexOf("?")
  return at === -1 ? { path: origin, query: "" } : { path: origin.slice(0, at), query: origin.slice(at + 1) }
}

/** Keeps the first `limit` bytes of a body, to the byte; what follows is counted and dropped. */
export const readBody = (
  request: Http.IncomingMessage,
  limit: number,
  onBody: (kept: Buffer, bytes: number) => void
): void => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  request.on("data", (chunk: Buffer) => {
    const room = limit - bytes
    bytes += chunk.length
    if (room > 0) chunks.push(chunk.subarray(0, room))
  })
  request.on("end", () => onBody(Buffer.concat(chunks), bytes))
}

/** Go counts a body up to its buffer and sends a longer one in chunks. */
const goBufferBytes = 2048

/** The header that says how long the body is; without it Node sends chunks. */
export const lengthHeader = (profile: Profile, body: Uint8Array): Readonly<Record<string, string>> =>
  profile.sendsChunks && body.length > goBufferBytes ? {} : { "Content-Length": String(body.length) }

/** Leaves out a header `Connection` that only says what HTTP/1.1 implies, as Go does. */
export const omitConnection = (response: Http.ServerResponse): void => {
  if (response.shouldKeepAlive) response.removeHeader("connection")
}

/** The entries of Go's list that text can begin with. */
const signatures: ReadonlyArray<readonly [beginning: string, contentType: string]> = [
  ["%PDF-", "application/pdf"],
  ["%!PS-Adobe-", "application/postscript"],
  ["BM", "image/bmp"],
  ["GIF87a", "image/gif"],
  ["GIF89a", "image/gif"],
  ["PK\u0003\u0004", "application/zip"]
]

const html =
  /^[\t\n\f\r ]*<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[ >]/i

/** The content type of a text, as Go's `net/http` guesses it from the beginning; nothing for an empty one. */
export const sniffContentType = (text: string): string | undefined => {
  if (text === "") return undefined
  const beginning = text.slice(0, 512)
  if (html.test(beginning)) return "text/html; charset=utf-8"
  if (/^[\t\n\f\r ]*<\?xml/.test(beginning)) return "text/xml; charset=utf-8"
  const known = signatures.find(([signature]) => beginning.startsWith(signature))
  if (known !== undefined) return known[1]
  // oxlint-disable-next-line no-control-regex -- these are the bytes that no text has
  const binary = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/.test(beginning)
  return binary ? "application/octet-stream" : "text/plain; charset=utf-8"
}
