/** An answer of HTTP/1.1 (RFC 9112), read from the bytes of a connection. */
import { hasWord, type Headers, HttpError } from "./headers.ts"
import { type Head, type Kind, MessageReader } from "./MessageReader.ts"

/** A complete answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer<ArrayBuffer>
  /** Whether the connection carries another call. */
  readonly isReusable: boolean
}

/** Far more than any answer of Lambda. Without a bound, a server that never ends its answer would fill the memory. */
const maximumBytes = 1024 * 1024

const tooLong = "the answer is longer than 1 MiB, more than Lambda ever sends"

interface StatusLine {
  readonly minorVersion: string
  readonly status: number
}

const parseStatusLine = (line: string): StatusLine | undefined => {
  const [, minorVersion, status] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/.exec(line) ?? []
  if (minorVersion === undefined) return undefined
  return { minorVersion, status: Number(status) }
}

const isInterim = (status: number) => status < 200

/** The kind of the answers to a method. */
const kindFor = (method: string): Kind<StatusLine> => ({
  beginnings: ["HTTP/1."],
  parseStart: parseStatusLine,
  frame: ({ start: { status } }, length) => {
    if (status === 101) throw new HttpError("the answer changes the protocol")
    const isEmpty = isInterim(status) || method === "HEAD" || status === 204 || status === 304
    return isEmpty ? 0 : (length ?? "end")
  },
  maxLineBytes: maximumBytes,
  maxBodyBytes: maximumBytes,
  tooLong
})

/**
 * The answer in all the bytes that have come since the request was sent; `undefined`: more bytes must come.
 *
 * @param isEnded nothing more can come
 * @throws HttpError if the bytes are not HTTP, or too many; the message leaves out their content
 */
export const parse = (bytes: Buffer, method: string, isEnded: boolean): Answer | undefined => {
  if (bytes.length > maximumBytes) throw new HttpError(tooLong)
  const kind = kindFor(method)
  const pieces: Array<Buffer> = []
  let last: Head<StatusLine> | undefined
  const parts = {
    head: (head: Head<StatusLine>) => void (last = head),
    data: (piece: Buffer) => void pieces.push(piece)
  }
  let reader = new MessageReader(kind, parts)
  let at = reader.read(bytes, 0)
  // The final answer comes after any interim answers.
  while (reader.isDone && last !== undefined && isInterim(last.start.status)) {
    last = undefined
    reader = new MessageReader(kind, parts)
    at = reader.read(bytes, at)
  }
  if (last === undefined || !(reader.isDone || (isEnded && reader.isUntilEnd))) return undefined
  const { headers, start } = last
  const isReusable =
    !isEnded &&
    start.minorVersion === "1" &&
    !hasWord(headers, "connection", "close") &&
    // Extra bytes would be taken for the next answer.
    at === bytes.length
  return { status: start.status, headers, body: Buffer.concat(pieces), isReusable }
}
