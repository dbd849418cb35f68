/**
 * An answer of HTTP/1.1 (RFC 9112), read from the bytes of a connection.
 *
 * The reader is as strict as `node:http`: an answer that two readers could understand in two ways is refused, not
 * guessed. Bytes that are already wrong never wait for more, as in `node:http`.
 */

import { isFieldValue, isToken } from "@effect-lambda/extension/ExtensionsProtocol"

/** A complete answer. */
export interface Answer {
  readonly status: number
  /** The keys are names in lower case; the values of a header that came twice are joined with a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer<ArrayBuffer>
  /** Whether the connection carries another call. */
  readonly isReusable: boolean
}

/** Far more than any answer of Lambda. Without a bound, a server that never ends its answer would fill the memory. */
const maximumBytes = 1024 * 1024

const tooLong = "the answer is longer than 1 MiB, more than Lambda ever sends"

const start = "HTTP/1."

const headersOf = (lines: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(":")
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    const value = line.slice(colon + 1)
    if (!isToken(name) || !isFieldValue(value)) throw new Error("a header of the answer is not HTTP")
    const known = headers.get(name)
    headers.set(name, known === undefined ? value.trim() : `${known}, ${value.trim()}`)
  }
  return headers
}

/** A length and extensions (RFC 9112, 7.1.1), without spaces or empty extensions, which not every reader accepts. */
const chunkLine =
  /^([0-9A-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/

/** Headers of the framing have no place after the body: another reader could take them for those of the answer. */
const framing = new Set(["content-length", "transfer-encoding"])

interface Body {
  readonly bytes: Buffer<ArrayBuffer>
  /** The length of the body on the connection, with its framing. */
  readonly length: number
}

/** `undefined`: not complete. */
const joinChunks = (bytes: Buffer): Body | undefined => {
  const chunks: Array<Buffer> = []
  for (let at = 0, isLast = false; ;) {
    const end = bytes.indexOf("\r\n", at)
    if (end === -1) {
      if (bytes.includes("\n", at)) throw new Error("a chunk of the answer is not HTTP")
      return undefined
    }
    const line = bytes.toString("latin1", at, end)
    at = end + 2
    if (isLast) {
      // This API needs nothing from trailers; an empty line ends them.
      if (line === "") return { bytes: Buffer.concat(chunks), length: at }
      const [name = ""] = headersOf([line]).keys()
      if (framing.has(name)) throw new Error(`the answer has the header ${name} after its body`)
      continue
    }
    const digits = chunkLine.exec(line)?.[1]
    if (digits === undefined) throw new Error("a chunk of the answer has no length")
    const size = Number.parseInt(digits, 16)
    isLast = size === 0
    if (isLast) continue
    if (at + size > maximumBytes) throw new Error(tooLong)
    if (bytes.length < at + size + 2) return undefined
    chunks.push(bytes.subarray(at, at + size))
    at += size + 2
    if (bytes.toString("latin1", at - 2, at) !== "\r\n") throw new Error("a chunk of the answer is longer than it says")
  }
}

/** @throws Error unless the headers give the length of the body in exactly one way */
const checkFraming = (headers: ReadonlyMap<string, string>): void => {
  const encoding = headers.get("transfer-encoding")
  const length = headers.get("content-length")
  if (length !== undefined && !/^\d+$/.test(length)) throw new Error("the answer has no length that is a number")
  if (encoding === undefined) return
  if (length !== undefined) throw new Error("the answer has a length and comes in chunks as well")
  if (encoding.toLowerCase() !== "chunked") throw new Error("the answer comes in a transfer encoding that is not known")
}

/** `undefined`: not complete. */
const readBody = (
  method: string,
  status: number,
  headers: ReadonlyMap<string, string>,
  bytes: Buffer,
  isEnded: boolean
): Body | undefined => {
  const first = (length: number): Body => ({ bytes: Buffer.from(bytes.subarray(0, length)), length })
  const length = headers.get("content-length")
  if (method === "HEAD" || status === 204 || status === 304) return first(0)
  if (headers.has("transfer-encoding")) return joinChunks(bytes)
  if (length === undefined) return isEnded ? first(bytes.length) : undefined
  if (Number(length) > maximumBytes) throw new Error(tooLong)
  return bytes.length < Number(length) ? undefined : first(Number(length))
}

interface Head {
  readonly minorVersion: string
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  /** The offset of the first byte after the head. */
  readonly end: number
}

/** `undefined`: not complete. */
const readHead = (bytes: Buffer, from: number): Head | undefined => {
  const end = bytes.indexOf("\r\n\r\n", from)
  const text = bytes.toString("latin1", from, end === -1 ? bytes.length : end)
  const [statusLine = "", ...lines] = text.split("\r\n")
  const [, minorVersion, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(statusLine) ?? []
  const isStatusComplete = end !== -1 || lines.length > 0
  const isBroken = isStatusComplete ? status === undefined : !start.startsWith(statusLine.slice(0, start.length))
  // A line feed alone ends a line for some readers and not for others.
  if (isBroken || /(^|[^\r])\n/.test(text)) throw new Error("the answer is not HTTP")
  if (end === -1 || minorVersion === undefined) return undefined
  const headers = headersOf(lines)
  checkFraming(headers)
  return { minorVersion, status: Number(status), headers, end: end + 4 }
}

/** The head of the final answer, after any interim answers. */
const readLastHead = (bytes: Buffer): Head | undefined => {
  let head = readHead(bytes, 0)
  while (head !== undefined && head.status < 200) {
    if (head.status === 101) throw new Error("the answer changes the protocol")
    head = readHead(bytes, head.end)
  }
  return head
}

/**
 * The answer in all the bytes that have come since the request was sent; `undefined`: more bytes must come.
 *
 * @param isEnded nothing more can come
 * @throws Error if the bytes are not HTTP, or too many; the message leaves out their content
 */
export const parse = (bytes: Buffer, method: string, isEnded: boolean): Answer | undefined => {
  if (bytes.length > maximumBytes) throw new Error(tooLong)
  const head = readLastHead(bytes)
  if (head === undefined) return undefined
  const { headers } = head
  const rest = bytes.subarray(head.end)
  const body = readBody(method, head.status, headers, rest, isEnded)
  if (body === undefined) return undefined
  const isReusable =
    !isEnded &&
    head.minorVersion === "1" &&
    !/\bclose\b/i.test(headers.get("connection") ?? "") &&
    // Extra bytes would be taken for the next answer.
    body.length === rest.length
  return { status: head.status, headers, body: body.bytes, isReusable }
}
