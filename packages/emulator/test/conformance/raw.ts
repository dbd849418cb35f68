/** HTTP by hand over a raw socket: the tests compare the bytes that went over the wire. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

export interface RawAnswer {
  /** Empty when the connection was closed without an answer. */
  readonly statusLine: string
  readonly status: number
  /** As they came, `Name: value`. */
  readonly headerLines: ReadonlyArray<string>
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly bytes: Buffer
}

const noAnswer: RawAnswer = {
  statusLine: "",
  status: 0,
  headerLines: [],
  headers: {},
  body: "",
  bytes: Buffer.alloc(0)
}

/** `undefined` while the last chunk is missing. */
const joinChunks = (received: Buffer): Buffer | undefined => {
  const chunks: Array<Buffer> = []
  for (let at = 0; ;) {
    const end = received.indexOf("\r\n", at)
    if (end === -1) return undefined
    const size = Number.parseInt(received.subarray(at, end).toString("latin1"), 16)
    if (received.length < end + 2 + size + 2) return undefined
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(received.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}

/** `undefined` while the answer is incomplete. */
const parse = (received: Buffer): RawAnswer | undefined => {
  const end = received.indexOf("\r\n\r\n")
  if (end === -1) return undefined
  const [statusLine = "", ...headerLines] = received.subarray(0, end).toString("latin1").split("\r\n")
  const headers: Record<string, string> = {}
  for (const line of headerLines)
    headers[line.slice(0, line.indexOf(":")).toLowerCase()] = line.slice(line.indexOf(":") + 2)
  const rest = received.subarray(end + 4)
  const bytes = headers["transfer-encoding"] === "chunked" ? joinChunks(rest) : rest
  if (bytes === undefined || bytes.length < Number(headers["content-length"])) return undefined
  return {
    statusLine,
    status: Number(statusLine.split(" ")[1]),
    headerLines,
    headers,
    body: bytes.toString("utf8"),
    bytes
  }
}

/** Sends bytes over a separate connection and reads one answer; interruption closes the connection. */
export const exchange = (address: string, request: string | Buffer): Effect.Effect<RawAnswer> =>
  Effect.callback((resume) => {
    const [host, port] = address.split(":")
    const socket = Net.connect(Number(port), host ?? "")
    const chunks: Array<Buffer> = []
    let received = 0
    socket.on("data", (chunk) => {
      chunks.push(chunk)
      received += chunk.length
      // A long answer is not looked at again with every piece of it.
      if (received > 100_000 && socket.readableLength > 0) return
      const answer = parse(Buffer.concat(chunks))
      if (answer === undefined) return
      socket.destroy()
      resume(Effect.succeed(answer))
    })
    socket.on("error", () => {
      // A connection that is reset is a connection that is closed.
    })
    socket.on("close", () => resume(Effect.succeed(noAnswer)))
    socket.write(request)
    return Effect.sync(() => socket.destroy())
  })

/** A request as a client writes it; with `Transfer-Encoding` the body goes out as one chunk. */
export const request = (
  address: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = ""
): Effect.Effect<RawAnswer> => {
  const length = Buffer.byteLength(body)
  const chunked = "Transfer-Encoding" in headers
  const lines = Object.entries({ Host: address, ...(chunked ? {} : { "Content-Length": length }), ...headers })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  const start = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${chunked ? `${length.toString(16)}\r\n` : ""}`)
  return exchange(address, Buffer.concat([start, Buffer.from(body), Buffer.from(chunked ? "\r\n0\r\n\r\n" : "")]))
}
