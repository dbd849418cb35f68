/** An answer of HTTP/1.1 (RFC 9112), read from the bytes of a connection. */
import { append } from "./append.ts"
import { bodyLength, hasWord, type Headers, HttpError } from "./headers.ts"
import { type Head, type Kind, MessageReader } from "./MessageReader.ts"

/** A complete answer. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
  /** Whether the connection carries another call. */
  readonly isReusable: boolean
}

/** How much an answer may have. Without a bound, a server that never ends its answer would fill the memory. */
export interface Limit {
  /** All the bytes that come: interim answers, head, and body with its framing. */
  readonly maxBytes: number
  /** The bytes of a head, and of the trailers. */
  readonly maxHeadBytes: number
  /** The text of the error for more. */
  readonly tooLong: string
}

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

const hasNoBody = (method: string, status: number): boolean =>
  isInterim(status) ||
  method === "HEAD" ||
  status === 204 ||
  status === 304 ||
  // The bytes behind it are those of the tunnel (RFC 9112, 6.3).
  (method === "CONNECT" && status < 300)

/** The kind of the answers to a method. */
const kindFor = (method: string, limit: Limit, onHead: (head: Head<StatusLine>) => void): Kind<StatusLine> => ({
  beginnings: ["HTTP/1."],
  parseStart: parseStatusLine,
  frame: (head) => {
    const { status } = head.start
    // The status counts, even if nothing can be read behind it.
    onHead(head)
    const length = bodyLength(head.headers)
    if (status === 101) throw new HttpError("the answer changes the protocol")
    if (!hasNoBody(method, status)) return length ?? "end"
    if (typeof length === "number" && !Number.isSafeInteger(length))
      throw new HttpError("the length is beyond all sizes")
    return 0
  },
  maxLineBytes: limit.maxHeadBytes,
  maxBodyBytes: limit.maxBytes,
  tooLong: limit.tooLong
})

/** Whether another message may follow on the connection. */
const letsFollow = ({ headers, start }: Head<StatusLine>): boolean =>
  start.minorVersion === "1" && !hasWord(headers, "connection", "close")

/** Reads the answer to one request, with any interim answers before it. */
export class AnswerReader {
  readonly #kind: Kind<StatusLine>
  readonly #limit: Limit
  #reader: MessageReader<StatusLine>
  #head: Head<StatusLine> | undefined
  #announced = 0
  #bytes = 0
  #body: Buffer = Buffer.alloc(0)
  #length = 0
  #hasMore = false

  /** @param method that of the request */
  constructor(method: string, limit: Limit) {
    this.#kind = kindFor(method, limit, (head) => {
      this.#head = head
    })
    this.#limit = limit
    this.#reader = this.#next()
  }

  /** Whether a byte has come. */
  get hasBegun(): boolean {
    return this.#bytes > 0
  }

  /** The status of the final answer, of which the head has come; less than 200 before. */
  get status(): number {
    return this.#head?.start.status ?? 0
  }

  get headers(): Headers {
    return this.#head?.headers ?? new Map()
  }

  /** The bytes of the body so far. */
  get body(): Buffer {
    return this.#body.subarray(0, this.#length)
  }

  /** Whether bytes have come behind the answer. */
  get hasMore(): boolean {
    return this.#hasMore
  }

  /**
   * The answer, if it is complete with these bytes; `undefined`: more bytes must come.
   *
   * @throws HttpError if the bytes are not HTTP, or too many; the message leaves out their content
   */
  read(bytes: Buffer): Answer | undefined {
    this.#bytes += bytes.length
    let at = this.#reader.read(bytes, 0)
    // The final answer comes after any interim answers.
    while (this.#reader.isDone && this.#head !== undefined && isInterim(this.#head.start.status)) {
      if (!letsFollow(this.#head)) throw new HttpError("an interim answer ends the connection")
      this.#head = undefined
      this.#reader = this.#next()
      at = this.#reader.read(bytes, at)
    }
    // A bound that is no number allows nothing.
    if (!(this.#bytes <= this.#limit.maxBytes)) throw new HttpError(this.#limit.tooLong)
    if (this.#head === undefined || !this.#reader.isDone) return undefined
    this.#hasMore = at < bytes.length
    // Extra bytes would be taken for the next answer.
    const isReusable = letsFollow(this.#head) && !this.#hasMore
    return this.#answer(this.#head, isReusable)
  }

  /** The answer, if the end of the connection makes it complete. */
  end(): Answer | undefined {
    return this.#head !== undefined && this.#reader.isUntilEnd ? this.#answer(this.#head, false) : undefined
  }

  #next(): MessageReader<StatusLine> {
    return new MessageReader(this.#kind, {
      head: (_, framing) => {
        this.#announced = typeof framing === "number" ? framing : 0
      },
      data: (piece) => {
        // A copy: the memory that was read is not ours.
        const own = this.#length === 0 ? Buffer.from(piece) : piece
        this.#body = append(this.#body, this.#length, own, this.#announced, this.#limit.maxBytes, Infinity)
        this.#length += piece.length
      }
    })
  }

  #answer({ headers, start }: Head<StatusLine>, isReusable: boolean): Answer {
    return { status: start.status, headers, body: this.body, isReusable }
  }
}
