/** The server's side of a connection: requests come one after the other, and are answered in their order. */
import type { Part } from "./readBudget.ts"
import { append } from "../http/append.ts"
import { HttpError } from "../http/headers.ts"
import { type Framing, MessageReader } from "../http/MessageReader.ts"
import { isKeptAlive, pathOf, type Request, requests, waitsForContinue } from "../http/Request.ts"

/** What happens to the requests for a path. */
export interface Route {
  /** Other methods are answered 405. */
  readonly methods: ReadonlyArray<string>
  /** A longer body is discarded as it comes, and answered like any other. */
  readonly maxBodyBytes: number
  /** A whole body; it was answered already. */
  readonly body: (bytes: Buffer) => void
  /** A body that was discarded; its length. */
  readonly tooLarge: (bytes: number) => void
}

/** The parts of a `net.Socket` that a connection needs. */
export interface Socket {
  /** How many bytes wait in this process until the other side reads. */
  readonly writableLength: number
  readonly on: ((event: "data", listener: (chunk: Buffer) => void) => unknown) &
    ((event: "end" | "close", listener: () => void) => unknown)
  readonly write: (text: string) => unknown
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
  417: "Expectation Failed",
  431: "Request Header Fields Too Large"
}

const statusLine = (status: number) => `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}\r\n`
const ended = {
  kept: "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n",
  closed: "Content-Length: 0\r\nConnection: close\r\n\r\n"
}

const answer = (route: Route | undefined, isDelivery: boolean, isKept: boolean): string => {
  const status = isDelivery ? 200 : route === undefined ? 404 : 405
  const allow = status === 405 ? `Allow: ${route?.methods.join(", ")}\r\n` : ""
  return statusLine(status) + allow + (isKept ? ended.kept : ended.closed)
}

/** Answers the requests of a connection until it ends. A request that is cut off hands over nothing. */
export const serve = (socket: Socket, { onWork, part, room, route: routeOf }: Options): void => {
  let isOpen = true
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
    part.hold(body.length)
    onWork("body")
  }
  const parts = { head: onHead, data: onData }
  let reader = new MessageReader(requests, parts)

  const close = (text: string) => {
    isOpen = false
    part.hold(0)
    socket.write(text)
    socket.destroySoon()
  }
  const onRequest = (done: Request) => {
    const [to, whole, bytes] = [isDelivery ? route : undefined, body, length]
    const isKept = isKeptAlive(done)
    const text = answer(route, isDelivery, isKept)
    reader = new MessageReader(requests, parts)
    hasBegun = false
    request = undefined
    body = nothing
    length = 0
    part.hold(0)
    // A client that does not read the last answer is ended by the time limit.
    onWork(isKept ? "idle" : "head")
    if (isKept) socket.write(text)
    else close(text)
    if (socket.writableLength > maxUnreadBytes) {
      isOpen = false
      socket.destroy()
    }
    // The answer comes first: a sender repeats a batch that it takes for refused.
    if (bytes > (to?.maxBodyBytes ?? 0)) to?.tooLarge(bytes)
    else to?.body(whole.subarray(0, bytes))
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
    const status = cause instanceof HttpError ? cause.status : 400
    close(`${statusLine(status)}Connection: close\r\n\r\n`)
  }

  socket.on("data", (chunk) => {
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
