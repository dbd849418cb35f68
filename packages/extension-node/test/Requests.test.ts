/** Reads requests from bytes: with every framing, and with the end of a packet at every place. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { HttpError } from "../src/internal/http/headers.ts"
import { type Head, MessageReader } from "../src/internal/http/MessageReader.ts"
import { isKeptAlive, pathOf, type RequestLine, requests } from "../src/internal/http/Request.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The ways in which a client may write a request, and how long each packet is. */
const Written = Schema.Struct({
  method: Schema.Literals(["POST", "PUT", "GET"]),
  body: Schema.Array(integer(0, 255)),
  isChunked: Schema.Boolean,
  chunkSizes: Schema.Array(integer(1, 20)),
  extension: Schema.Literals(["", ";name=value", ';name="a \\" b";other']),
  trailer: Schema.Literals(["", "X-Trailer: 1\r\n"]),
  packets: Schema.Array(integer(1, 30))
})

const writeChunks = (body: Buffer, { chunkSizes, extension, trailer }: typeof Written.Type) => {
  const pieces: Array<Buffer> = []
  for (let at = 0, index = 0; at < body.length; index++) {
    const piece = body.subarray(at, at + (chunkSizes[index] ?? body.length))
    at += piece.length
    pieces.push(Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from("\r\n"))
  }
  return Buffer.concat([...pieces, Buffer.from(`0\r\n${trailer}\r\n`)])
}

const write = (request: typeof Written.Type) => {
  const body = Buffer.from(request.body)
  const framing = request.isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`
  const head = `${request.method} /a?b HTTP/1.1\r\nX-Test: a\r\n${framing}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), request.isChunked ? writeChunks(body, request) : body])
}

/** Reads bytes, cut as given; the rest comes in one packet. */
const read = (bytes: Buffer, packets: ReadonlyArray<number> = []) => {
  const pieces: Array<Buffer> = []
  const seen: { head: Head<RequestLine> | undefined } = { head: undefined }
  const reader = new MessageReader(requests, {
    head: (head) => void (seen.head = head),
    data: (piece) => void pieces.push(Buffer.from(piece))
  })
  let at = 0
  for (const length of packets) {
    if (reader.isDone) break
    at += reader.read(bytes.subarray(at, at + length), 0)
  }
  if (!reader.isDone) at = reader.read(bytes, at)
  return { head: seen.head, body: Buffer.concat(pieces), isDone: reader.isDone, at }
}

const refusal = (text: string): HttpError => {
  try {
    read(Buffer.from(text, "latin1"))
  } catch (cause) {
    if (cause instanceof Error && "status" in cause && typeof cause.status === "number") {
      return Object.assign(cause, { status: cause.status })
    }
  }
  return assert.fail("it was read")
}

const post = "POST / HTTP/1.1\r\n"

describe("a request", () => {
  it.prop("is the same however it is cut in packets", [Written], ([written]) => {
    const bytes = write(written)
    const { at, body, head, isDone } = read(Buffer.concat([bytes, Buffer.from("GET")]), written.packets)
    assert.isTrue(isDone)
    assert.strictEqual(at, bytes.length)
    assert.deepStrictEqual([...body], [...written.body])
    assert.strictEqual(head?.start.method, written.method)
    assert.strictEqual(head?.headers.get("x-test"), "a")
  })

  it.prop("is complete with its last byte", [Written], ([written]) => {
    const bytes = write(written)
    for (let length = 0; length < bytes.length; length++) assert.isFalse(read(bytes.subarray(0, length)).isDone)
    assert.isTrue(read(bytes).isDone)
  })

  it.prop("is the same byte by byte", [Written], ([written]) => {
    const bytes = write(written)
    const { body, isDone } = read(
      bytes,
      Array.from(bytes, () => 1)
    )
    assert.isTrue(isDone)
    assert.deepStrictEqual([...body], [...written.body])
  })

  it.each([
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: close\r\n", false],
    ["HTTP/1.1", "Connection: x-close\r\n", true],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: Keep-Alive\r\n", true],
    ["HTTP/1.0", "Connection: keep-alive, close\r\n", false]
  ])("%s with %j: the connection is kept: %s", (version, headers, isKept) => {
    const { head } = read(Buffer.from(`GET / ${version}\r\n${headers}\r\n`))
    assert.strictEqual(head && isKeptAlive(head), isKept)
  })

  it.each([
    ["/", "/"],
    ["/a/b?c?d", "/a/b"],
    ["http://a.b:80/c?d", "/c"],
    ["*", "*"]
  ])("for %s has the path %s", (target, path) => {
    const { head } = read(Buffer.from(`GET ${target} HTTP/1.1\r\n\r\n`))
    assert.strictEqual(head && pathOf(head), path)
  })

  it.each([
    ["headers", `${post}A: ${"a".repeat(16 * 1024)}`],
    ["many headers", post + "A: b\r\n".repeat(3000)],
    ["a first line", `GET /${"a".repeat(16 * 1024)}`],
    ["a line between chunks", `${post}Transfer-Encoding: chunked\r\n\r\n1;${"a".repeat(16 * 1024)}`],
    ["trailers", `${post}Transfer-Encoding: chunked\r\n\r\n0\r\n${"A: b\r\n".repeat(3000)}`]
  ])("with %s beyond 16 KiB is refused with 431, before the line ends", (_, text) => {
    assert.strictEqual(refusal(text).status, 431)
  })

  it.each([
    ["\x16\x03\x01", "first line"],
    ["get", "first line"],
    ["POST / HTTP/2.0\r\n", "first line"],
    ["POST a HTTP/1.1\r\n", "first line"],
    ["POST / HTTP/1.1\n", "first line"],
    [`${post}A: b\n`, "a line"],
    [`${post}A : b\r\n`, "a header"],
    [`${post}Content-Length: \xa05\r\n\r\n`, "no length"],
    [`${post}Content-Length: 9007199254740993\r\n\r\n`, "beyond all sizes"],
    [`${post}Transfer-Encoding: chunked\xa0\r\n\r\n`, "not known"],
    [`${post}Transfer-Encoding: chunked\r\n\r\nx`, "no length"],
    [`${post}Transfer-Encoding: chunked\r\n\r\n1\r\nab`, "longer than it says"],
    [`${post}Transfer-Encoding: chunked\r\n\r\n1\r\na\ra`, "longer than it says"]
  ])("%j is refused at once", (text, message) => {
    assert.include(refusal(text).message, message)
  })

  it("that expects what is not known is refused with 417", () => {
    assert.strictEqual(refusal(`${post}Expect: a\r\n\r\n`).status, 417)
  })
})
