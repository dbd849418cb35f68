/**
 * A message of HTTP/1.1 (RFC 9112), a request or an answer, read from bytes that come split at any place.
 *
 * The reader is as strict as `node:http`, and stricter where two readers could understand a message in two ways: such a
 * message is refused, not guessed. Bytes that are already wrong never wait for more, as in `node:http`.
 */
import { addHeader, checkTrailer, type Headers, HttpError } from "./headers.ts"

/** The first line and the headers of a message. */
export interface Head<Start> {
  readonly start: Start
  readonly headers: Headers
}

/** The length of the body in bytes; or `chunks`; or `end`: the body ends with the connection. */
export type Framing = number | "chunks" | "end"

/** What a request and an answer do not share. */
export interface Kind<Start> {
  /** Every first line begins with one of these. */
  readonly beginnings: ReadonlyArray<string>
  /** `undefined`: the line is no first line of such a message. */
  readonly parseStart: (line: string) => Start | undefined
  /**
   * The framing of the body. Each head is given once, as soon as it is complete.
   *
   * @throws HttpError if such a message cannot have such a body
   */
  readonly frame: (head: Head<Start>) => Framing
  /** The bound in bytes of the head, of a line between chunks, and of the trailers. */
  readonly maxLineBytes: number
  /** The bound in bytes of a body; `Infinity` if the body is not kept. */
  readonly maxBodyBytes: number
  /** The text of the error for more. */
  readonly tooLong: string
}

/** The parts of a message, as they come. */
export interface Parts<Start> {
  readonly head: (head: Head<Start>, framing: Framing) => void
  /** A part of the body, in the memory that was read. */
  readonly data: (bytes: Buffer) => void
}

/** A length and extensions (RFC 9112, 7.1.1), without spaces or empty extensions, which not every reader accepts. */
const chunkLine =
  /^([0-9A-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/

const chunkLineBegins = /^[0-9A-Fa-f]{1,8}(?:[;\r]|$)/

const carriageReturn = 0x0d
const lineFeed = 0x0a
const nothing = Buffer.alloc(0)

/** The end of a head that has come whole, behind its empty line; -1 if it is not whole, too long, or wrong. */
const headEnd = (bytes: Buffer, from: number, limit: number): number => {
  const to = Math.min(bytes.length, limit)
  let line = from
  for (let at = from; at < to; at++) {
    if (bytes[at] !== lineFeed) continue
    if (at === line || bytes[at - 1] !== carriageReturn) return -1
    if (at - 1 === line) return at + 1
    line = at + 1
  }
  return -1
}

type State = "start" | "headers" | "body" | "size" | "chunk" | "chunk CR" | "chunk LF" | "trailers" | "done"

/** Reads one message. */
export class MessageReader<Start> {
  readonly #kind: Kind<Start>
  readonly #parts: Parts<Start>
  readonly #headers = new Map<string, string>()
  #state: State = "start"
  #start: Start | undefined
  /** The bytes that belong to no whole line yet. */
  #unfinished: Buffer = nothing
  #lineBytes = 0
  #bodyBytes = 0
  /** The bytes that are missing of the body or of the chunk. */
  #missing = 0

  constructor(kind: Kind<Start>, parts: Parts<Start>) {
    this.#kind = kind
    this.#parts = parts
  }

  /** The message is complete, and the next byte belongs to another one. */
  get isDone(): boolean {
    return this.#state === "done"
  }

  /** The message lasts until the end of the connection, whenever that comes. */
  get isUntilEnd(): boolean {
    return this.#state === "body" && this.#missing === Number.POSITIVE_INFINITY
  }

  /**
   * Reads until the message or the bytes end.
   *
   * @returns the offset of the first byte that was not read
   * @throws HttpError if the bytes are no HTTP, or too many
   */
  read(bytes: Buffer, from: number): number {
    let at = from
    while (at < bytes.length && this.#state !== "done") {
      switch (this.#state) {
        case "body":
        case "chunk":
          at = this.#readData(bytes, at)
          break
        case "chunk CR":
        case "chunk LF":
          this.#endChunk(bytes[at])
          at++
          break
        case "start":
          at = this.#readHead(bytes, at)
          break
        default:
          at = this.#readLine(bytes, at)
      }
    }
    return at
  }

  #readData(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#missing)
    this.#missing -= to - from
    if (this.#missing === 0) this.#state = this.#state === "chunk" ? "chunk CR" : "done"
    this.#parts.data(bytes.subarray(from, to))
    return to
  }

  #endChunk(byte: number | undefined): void {
    const isFirst = this.#state === "chunk CR"
    if (byte !== (isFirst ? carriageReturn : lineFeed))
      throw new HttpError("a chunk of the message is longer than it says")
    this.#state = isFirst ? "chunk LF" : "size"
  }

  /** Nearly every head comes whole. Then one text is made of it, and not one of each line. */
  #readHead(bytes: Buffer, from: number): number {
    const end = this.#unfinished.length > 0 ? -1 : headEnd(bytes, from, from + this.#kind.maxLineBytes)
    if (end === -1) return this.#readLine(bytes, from)
    const text = bytes.toString("latin1", from, end)
    for (let at = 0; at < text.length;) {
      const lineEnd = text.indexOf("\r\n", at)
      this.#takeLine(text, at, lineEnd)
      at = lineEnd + 2
    }
    return end
  }

  #readLine(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(lineFeed, from)
    const to = end === -1 ? bytes.length : end + 1
    this.#lineBytes += to - from
    if (this.#lineBytes > this.#kind.maxLineBytes) throw new HttpError(this.#kind.tooLong, 431)
    // Nearly every line is whole: no view of its bytes is made.
    if (end > from && this.#unfinished.length === 0 && bytes[end - 1] === carriageReturn) {
      this.#takeLine(bytes.toString("latin1", from, end - 1), 0, end - 1 - from)
      return to
    }
    let line = bytes.subarray(from, to)
    if (end === -1 || this.#unfinished.length > 0) line = Buffer.concat([this.#unfinished, line])
    if (end === -1) {
      this.#unfinished = line
      this.#checkUnfinished(line)
      return to
    }
    this.#unfinished = nothing
    // A line feed alone ends a line for some readers and not for others.
    if (line[line.length - 2] !== carriageReturn) this.#checkUnfinished(line, true)
    this.#takeLine(line.toString("latin1", 0, line.length - 2), 0, line.length - 2)
    return to
  }

  /** @throws HttpError if the line is already wrong, whatever comes */
  #checkUnfinished(line: Buffer, isBroken = false): void {
    switch (this.#state) {
      case "start": {
        const text = line.toString("latin1", 0, 16)
        const begins = (beginning: string) => beginning.startsWith(text.slice(0, beginning.length))
        if (isBroken || !this.#kind.beginnings.some(begins)) throw new HttpError("the first line is not HTTP")
        return
      }
      case "size":
        if (isBroken) throw new HttpError("a chunk of the message is not HTTP")
        if (!chunkLineBegins.test(line.toString("latin1", 0, 16)))
          throw new HttpError("a chunk of the message has no length")
        return
      default:
        if (isBroken) throw new HttpError("a line of the message is not HTTP")
    }
  }

  /** Takes the line between two places of a text. */
  #takeLine(text: string, from: number, to: number): void {
    switch (this.#state) {
      case "start":
        this.#start = this.#kind.parseStart(text.slice(from, to))
        if (this.#start === undefined) throw new HttpError("the first line is not HTTP")
        this.#state = "headers"
        return
      case "headers":
        if (from === to) this.#endHead()
        else addHeader(this.#headers, text, from, to)
        return
      case "size":
        return this.#beginChunk(text.slice(from, to))
      default:
        // Nothing is needed from trailers; an empty line ends them.
        if (from === to) this.#state = "done"
        else checkTrailer(text.slice(from, to))
    }
  }

  #endHead(): void {
    if (this.#start === undefined) return
    const head = { start: this.#start, headers: this.#headers }
    const framing = this.#kind.frame(head)
    this.#lineBytes = 0
    if (framing === "chunks") this.#state = "size"
    else {
      this.#missing = framing === "end" ? Number.POSITIVE_INFINITY : framing
      if (framing !== "end") this.#expect(framing)
      this.#state = framing === 0 ? "done" : "body"
    }
    this.#parts.head(head, framing)
  }

  #beginChunk(line: string): void {
    const digits = chunkLine.exec(line)?.[1]
    if (digits === undefined) throw new HttpError("a chunk of the message has no length")
    this.#missing = Number.parseInt(digits, 16)
    this.#expect(this.#missing)
    this.#lineBytes = 0
    this.#state = this.#missing === 0 ? "trailers" : "chunk"
  }

  #expect(bytes: number): void {
    this.#bodyBytes += bytes
    if (this.#bodyBytes > this.#kind.maxBodyBytes) throw new HttpError(this.#kind.tooLong, 413)
  }
}
