/** The server's side of a connection: requests come one after the other, and are answered in their order. */
import { isFieldValue, isToken } from "@effect-lambda/extension/ExtensionsProtocol"
import type { Part } from "./readBudget.ts"
import { append } from "../http/append.ts"
import { HttpError } from "../http/headers.ts"
import { type Framing, MessageReader } from "../http/MessageReader.ts"
import { isKeptAlive, pathOf, type Request, requests, waitsForContinue } from "../http/Request.ts"

export interface Answer {
  readonly status: number
  /** Besides the length and the end of the connection. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Called when the answer is on its way. */
  readonly afterwards?: () => void
}

/** What happens to the requests for a path. */
export interface Route {
  /** Other methods are answered 405. */
  readonly methods: ReadonlyArray<string>
  /** A longer body is discarded as it comes. */
  readonly maxBodyBytes: number
  /** Answers a whole body. */
  readonly body: (bytes: Buffer, request: Request) => Answer
  /** Answers a body that was discarded; its length. */
  readonly tooLarge: (bytes: number) => Answer
}

/** The parts of a `net.Socket` that a connection needs. */
export interface Socket {
  /** How many bytes wait in this process until the other side reads. */
  readonly writableLength: number
  readonly on: ((event: "data", listener: (chunk: Buffer) => void) => unknown) &
    ((event: "end" | "close", listener: () => void) => unknown)
  readonly write: (data: string | Uint8Array) => unknown
  /** Ends the connection when everything is sent. */
  readonly destroySoon: () => void
  /** Ends the connection at once; `close` follows. */
  readonly destroy: () => unknown
}

/** `idle`: every request is answered. `body`: the head has come, and maybe some of the body. */
export type Work = "head" | "body" | "idle"

export interface Options {
  /** `undefined`: nothing is there, and the answer is 404. */
  readonly route: (path: string, request: Request) => Route | undefined
  /** The part of this connection in the bytes that all unfinished bodies may take together. */
  readonly part: Part
  /** How much more all of them may take. */
  readonly room: () => number
  /** The connection has got on. */
  readonly onWork: (work: Work) => void
  /** The client speaks HTTP/2 from its first byte on, as clients of gRPC do: its connection is closed. Default: it is answered 400. */
  readonly onHttp2?: () => void
  /** What came is no HTTP that is read here. It is answered with this status, and its connection is closed. */
  readonly onMalformed?: (status: number) => void
}

/** A client that sends requests and reads no answers is cut off when so many bytes wait for it. */
const maxUnreadBytes = 64 * 1024

const nothing = Buffer.alloc(0)

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error"
}

const statusLine = (status: number) => `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}\r\n`
const ends = { kept: "Connection: keep-alive\r\n\r\n", closed: "Connection: close\r\n\r\n" }

/** @throws Error if a header cannot be sent */
const headerLine = ([name, value]: readonly [string, string]): string => {
  if (!isToken(name) || !isFieldValue(value)) throw new Error(`the header ${JSON.stringify(name)} cannot be sent`)
  return `${name}: ${value}\r\n`
}

const noHeaders = /*#__PURE__*/ Object.freeze({})

/**
 * Gives the heads of the answers on a connection, as bytes. Nearly every answer there has the head of the one before, so it is
 * kept, unless somebody can change the headers.
 */
const makeHeadOf = () => {
  let before = { status: 0, headers: noHeaders, length: 0, isKept: false, head: nothing }
  return ({ headers = noHeaders, status }: Answer, length: number, isKept: boolean): Buffer => {
    const { head: known } = before
    const isSame = status === before.status && headers === before.headers
    if (isSame && length === before.length && isKept === before.isKept) return known
    const lines = Object.entries(headers).map(headerLine).join("")
    const end = isKept ? ends.kept : ends.closed
    const head = Buffer.from(`${statusLine(status)}${lines}Content-Length: ${length}\r\n${end}`, "latin1")
    if (Object.isFrozen(headers)) before = { status, headers, length, isKept, head }
    return head
  }
}

/** The first bytes of a connection of HTTP/2 (RFC 9113, 3.4). HTTP/1 has no such method. */
const http2 = "PRI"

/** Answers the requests of a connection until it ends. A request that is cut off hands over nothing. */
export const serve = (socket: Socket, { onHttp2, onMalformed, onWork, part, room, route: routeOf }: Options): void => {
  let isOpen = true
  let beginning = ""
  let hasBegun = false
  let request: Request | undefined
  let route: Route | undefined
  let isDelivery = false
  let announced = 0
  let body: Buffer = nothing
  let length = 0

  const onHead = (head: Request, framing: Framing) => {
    request = head
    route = routeOf(pathOf(head), head)
    isDelivery = route?.methods.includes(head.start.method) ?? false
    announced = typeof framing === "number" ? framing : 0
    onWork("body")
    if (waitsForContinue(head)) socket.write("HTTP/1.1 100 Continue\r\n\r\n")
  }
  const onData = (chunk: Buffer) => {
    const before = length
    const maxBytes = route?.maxBodyBytes ?? 0
    length += chunk.length
    const isKept = isDelivery && announced <= maxBytes && length <= maxBytes
    body = isKept ? append(body, before, chunk, announced, maxBytes, room()) : nothing
    // The body is whole, and answered at once.
    if (length === announced) return
    part.hold(body.length)
    onWork("body")
  }
  const headOf = makeHeadOf()
  const write = (answer: Answer, method: string, isKept: boolean) => {
    const { body = nothing } = answer
    const head = headOf(answer, body.length, isKept)
    socket.write(body.length === 0 || method === "HEAD" ? head : Buffer.concat([head, body]))
  }
  const parts = { head: onHead, data: onData }
  let reader = new MessageReader(requests, parts)

  const close = () => {
    isOpen = false
    part.hold(0)
    socket.destroySoon()
  }
  const answerTo = (done: Request): Answer => {
    if (route === undefined) return { status: 404 }
    if (!isDelivery) return { status: 405, headers: { Allow: route.methods.join(", ") } }
    return length > route.maxBodyBytes ? route.tooLarge(length) : route.body(body.subarray(0, length), done)
  }
  const onRequest = (done: Request) => {
    const isKept = isKeptAlive(done)
    const answer = answerTo(done)
    reader = new MessageReader(requests, parts)
    hasBegun = false
    request = undefined
    body = nothing
    length = 0
    part.hold(0)
    // A client that does not read the last answer is ended by the time limit.
    onWork(isKept ? "idle" : "head")
    write(answer, done.start.method, isKept)
    if (!isKept) close()
    if (socket.writableLength > maxUnreadBytes) {
      isOpen = false
      socket.destroy()
    }
    answer.afterwards?.()
  }
  const read = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length;) {
      // Nothing is read after the last answer.
      if (!isOpen) return
      if (!hasBegun) {
        hasBegun = true
        onWork("head")
      }
      at = reader.read(bytes, at)
      if (reader.isDone && request !== undefined) onRequest(request)
    }
  }
  const refuse = (cause: unknown) => {
    if (onHttp2 !== undefined && beginning === http2) onHttp2()
    else {
      const status = cause instanceof HttpError ? cause.status : cause === undefined ? 400 : 500
      socket.write(`${statusLine(status)}${ends.closed}`)
      if (cause instanceof HttpError) onMalformed?.(status)
    }
    close()
  }

  socket.on("data", (chunk) => {
    if (beginning.length < http2.length) beginning += chunk.toString("latin1", 0, http2.length - beginning.length)
    try {
      read(chunk)
    } catch (cause) {
      refuse(cause)
    }
  })
  socket.on("end", () => {
    // The other side waits for an answer to a request that it has cut off.
    if (isOpen && hasBegun) refuse(undefined)
  })
  socket.on("close", () => {
    isOpen = false
    part.hold(0)
  })
}
