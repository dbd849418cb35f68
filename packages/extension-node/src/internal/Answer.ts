/**
 * An answer of HTTP/1.1 (RFC 9112), read from the bytes of a connection.
 *
 * As strict as `node:http` is: what two readers could understand in two ways is refused, not guessed.
 */

/** A complete answer. */
export interface Answer {
  readonly status: number
  /** By names in lower case; a header that came twice is joined with a comma. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer<ArrayBuffer>
  /** Whether the connection carries another call. */
  readonly isReusable: boolean
}

/** Far beyond what Lambda answers. Without a bound a server that never ends its answer would fill the memory. */
const maximumBytes = 1024 * 1024

const start = "HTTP/1."
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/** Whether it can be the name of a header. */
export const isToken = (text: string): boolean => token.test(text)

/** Whether it can be the value of a header. */
export const isFieldValue = (text: string): boolean => fieldValue.test(text)

const headersOf = (lines: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(":")
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (!isToken(name) || !isFieldValue(value)) throw new Error("a header of the answer is not HTTP")
    const known = headers.get(name)
    headers.set(name, known === undefined ? value : `${known}, ${value}`)
  }
  return headers
}

interface Body {
  readonly bytes: Buffer<ArrayBuffer>
  /** How long it was on the connection. */
  readonly length: number
}

/** `undefined`: not complete. */
const joinChunks = (bytes: Buffer): Body | undefined => {
  const chunks: Array<Buffer> = []
  for (let at = 0, isLast = false; ;) {
    const end = bytes.indexOf("\r\n", at)
    if (end === -1) return undefined
    const line = bytes.toString("latin1", at, end)
    at = end + 2
    if (isLast) {
      // Trailers say nothing that this API needs; an empty line ends them.
      if (line === "") return { bytes: Buffer.concat(chunks), length: at }
      continue
    }
    const digits = /^([0-9A-Fa-f]{1,8})[\t ]*(?:;.*)?$/.exec(line)?.[1]
    if (digits === undefined) throw new Error("a chunk of the answer has no length")
    const size = Number.parseInt(digits, 16)
    isLast = size === 0
    if (isLast) continue
    if (bytes.length < at + size + 2) return undefined
    chunks.push(bytes.subarray(at, at + size))
    at += size + 2
    if (bytes.toString("latin1", at - 2, at) !== "\r\n") throw new Error("a chunk of the answer is longer than it says")
  }
}

/**
 * `undefined`: not complete.
 *
 * @throws Error where it is not said in one way how long it is
 */
const readBody = (
  method: string,
  status: number,
  headers: ReadonlyMap<string, string>,
  bytes: Buffer,
  isEnded: boolean
): Body | undefined => {
  const first = (length: number): Body => ({ bytes: Buffer.from(bytes.subarray(0, length)), length })
  if (method === "HEAD" || status === 204 || status === 304) return first(0)
  const encoding = headers.get("transfer-encoding")
  const length = headers.get("content-length")
  if (encoding !== undefined) {
    if (length !== undefined) throw new Error("the answer has a length and comes in chunks as well")
    if (encoding.toLowerCase() !== "chunked") throw new Error(`the transfer encoding ${encoding} is not known`)
    return joinChunks(bytes)
  }
  if (length === undefined) return isEnded ? first(bytes.length) : undefined
  if (!/^\d+$/.test(length)) throw new Error(`${JSON.stringify(length)} is no length of an answer`)
  return bytes.length < Number(length) ? undefined : first(Number(length))
}

const read = (bytes: Buffer, method: string, isEnded: boolean): Answer | undefined => {
  // At the first wrong byte: a server that speaks otherwise may wait for us.
  if (!start.startsWith(bytes.toString("latin1", 0, start.length))) throw new Error("the answer is not HTTP")
  const end = bytes.indexOf("\r\n\r\n")
  if (end === -1) return undefined
  const [statusLine = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n")
  const [, minorVersion, digits] = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/.exec(statusLine) ?? []
  if (digits === undefined) throw new Error("the answer is not HTTP")
  const status = Number(digits)
  const rest = bytes.subarray(end + 4)
  if (status === 101) throw new Error("the answer changes the protocol")
  // An interim answer; the one that counts follows.
  if (status < 200) return read(rest, method, isEnded)
  const headers = headersOf(lines)
  const body = readBody(method, status, headers, rest, isEnded)
  if (body === undefined) return undefined
  const isReusable =
    !isEnded &&
    minorVersion === "1" &&
    !/\bclose\b/i.test(headers.get("connection") ?? "") &&
    // Bytes that nobody asked for would be taken for the next answer.
    body.length === rest.length
  return { status, headers, body: body.bytes, isReusable }
}

/**
 * The answer in all the bytes that came since the request was sent; `undefined`: more must come.
 *
 * @param isEnded nothing more can come
 * @throws Error where the bytes are not HTTP, or too many: a sentence without their content
 */
export const parse = (bytes: Buffer, method: string, isEnded: boolean): Answer | undefined => {
  const answer = read(bytes, method, isEnded)
  if (answer === undefined && bytes.length > maximumBytes) throw new Error("the answer is longer than Lambda gives one")
  return answer
}
