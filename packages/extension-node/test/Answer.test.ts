/** Reads an answer from bytes: with every framing, and with the end of a packet at every place. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { type Answer, AnswerReader } from "../src/internal/http/Answer.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The ways in which a server may write an answer. */
const Written = Schema.Struct({
  interim: Schema.Literals(["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nX-Test: b\r\n\r\n"]),
  status: Schema.Literals([200, 202, 204, 304, 403, 500]),
  reason: Schema.Literals([" OK", " ", ""]),
  body: Schema.Array(integer(0, 255)),
  framing: Schema.Literals(["length", "chunks", "end"]),
  chunkSizes: Schema.Array(integer(1, 20)),
  chunkExtension: Schema.Literals(["", ";name=value", ';name="a \\" b";other']),
  trailer: Schema.Literals(["", "X-Trailer: 1\r\n"])
})

const writeChunks = (body: Buffer, { chunkExtension, chunkSizes, trailer }: typeof Written.Type) => {
  const pieces: Array<Buffer> = []
  let at = 0
  for (const size of [...chunkSizes, body.length]) {
    const piece = body.subarray(at, at + size)
    at += piece.length
    if (piece.length === 0) break
    pieces.push(Buffer.from(`${piece.length.toString(16)}${chunkExtension}\r\n`), piece, Buffer.from("\r\n"))
  }
  return Buffer.concat([...pieces, Buffer.from(`0\r\n${trailer}\r\n`)])
}

const write = (answer: typeof Written.Type) => {
  const isEmpty = answer.status === 204 || answer.status === 304
  const body = Buffer.from(isEmpty ? [] : answer.body)
  const framing = isEmpty ? "length" : answer.framing
  const header = {
    length: `Content-Length: ${body.length}\r\n`,
    chunks: "Transfer-Encoding: Chunked\r\n",
    end: ""
  }[framing]
  const head = `${answer.interim}HTTP/1.1 ${answer.status}${answer.reason}\r\n${header}X-Test: a\r\n\r\n`
  const bytes = Buffer.concat([Buffer.from(head), framing === "chunks" ? writeChunks(body, answer) : body])
  // Only the end of the connection shows that the answer is complete.
  return { bytes, body, isUntilEnd: framing === "end" }
}

const plain = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
const hasLength = (text: string) => `HTTP/1.1 200 OK\r\n${text}\r\n\r\n`

const limit = { maxBytes: 2 ** 20, maxHeadBytes: 2 ** 20, tooLong: "the answer is longer than 1 MiB" }

const read = (text: string | Buffer, method = "GET", isEnded = false): Answer | undefined => {
  const reader = new AnswerReader(method, limit)
  return reader.read(Buffer.from(text)) ?? (isEnded ? reader.end() : undefined)
}

describe("an answer", () => {
  it.prop("is complete with its last byte, at whatever byte a packet ends", [Written], ([written]) => {
    const { body, bytes, isUntilEnd } = write(written)
    for (let length = 0; length < bytes.length; length++) assert.isUndefined(read(bytes.subarray(0, length)))
    if (isUntilEnd) assert.isUndefined(read(bytes))
    const answer = read(bytes, "GET", isUntilEnd)
    assert.strictEqual(answer?.status, written.status)
    assert.isTrue(answer?.body.equals(body))
    assert.strictEqual(answer?.headers.get("x-test"), "a")
    assert.strictEqual(answer?.isReusable, !isUntilEnd)
  })

  it.prop("is the same in packets of any size", [Written, Schema.Array(integer(1, 60))], ([written, sizes]) => {
    const { body, bytes, isUntilEnd } = write(written)
    const reader = new AnswerReader("GET", limit)
    let answer: Answer | undefined
    let at = 0
    for (const size of [...sizes, bytes.length]) {
      if (at === bytes.length) break
      assert.isUndefined(answer)
      answer = reader.read(Buffer.from(bytes.subarray(at, at + size)))
      at = Math.min(bytes.length, at + size)
    }
    if (isUntilEnd) answer = reader.end()
    assert.strictEqual(answer?.status, written.status)
    assert.isTrue(answer?.body.equals(body))
  })

  it("does not share memory with the received bytes", () => {
    const bytes = Buffer.from(plain)
    const answer = new AnswerReader("GET", limit).read(bytes)
    bytes.fill(0)
    assert.strictEqual(answer?.body.toString(), "hi")
  })

  it("has headers by names in lower case, without the spaces around them, and joins two values with a comma", () => {
    const answer = read(
      "HTTP/1.1 200\r\nA-b: \t1 2\t \r\nA-B:3\r\n__proto__: x\r\nÜ".slice(0, -1) + "C:é\r\nContent-Length:0\r\n\r\n"
    )
    assert.deepStrictEqual(Object.fromEntries(answer?.headers ?? []), {
      ["a-b"]: "1 2, 3",
      ["__proto__"]: "x",
      c: "Ã©",
      "content-length": "0"
    })
  })

  it.each([
    ["keeps its connection", plain.toString(), true],
    ["closes it", hasLength("Content-Length: 0\r\nConnection: Close"), false],
    ["closes it among other things", hasLength("Content-Length: 0\r\nConnection: x, close"), false],
    ["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false],
    ["bytes after it", `${plain}HTTP/1.1`, false],
    ["a body where there is none", "HTTP/1.1 204 No Content\r\n\r\nhi", false]
  ])("%s", (_, text, isReusable) => {
    assert.strictEqual(read(text)?.isReusable, isReusable)
  })

  it("has no body after HEAD", () => {
    const answer = read(hasLength("Content-Length: 10"), "HEAD")
    assert.strictEqual(answer?.body.length, 0)
    assert.isTrue(answer?.isReusable)
  })

  it.each([
    ["SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"],
    ["HTTP/2 200\r\n\r\n", "not HTTP"],
    ["HTTP/1.2 200 OK\r\n\r\n", "not HTTP"],
    ["HTTP/1.1 20 OK\r\n\r\n", "not HTTP"],
    ["HTTP/1.1 099 Early\r\n\r\n", "not HTTP"],
    ["HTTP/1.9 200 OK\r\n", "not HTTP"],
    ["HTTP/1.1 200 OK\n", "not HTTP"],
    ["HTTP/1.1 200 OK\r\nA: 1\n", "not HTTP"],
    ["\n", "not HTTP"],
    ["HTTP/1.1 2000\r\n\r\n", "not HTTP"],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", "not HTTP"],
    ["h", "not HTTP"],
    ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "changes the protocol"],
    [hasLength("no colon"), "a header"],
    [hasLength(": no name"), "a header"],
    [hasLength("Content Length: 0"), "a header"],
    [hasLength("Content-Length : 0"), "a header"],
    [hasLength("A: 1\r\n folded"), "a header"],
    [hasLength("A: a\0b"), "a header"],
    [hasLength("A: a\nContent-Length: 3"), "not HTTP"],
    [hasLength("Content-Length: -1"), "no length"],
    [hasLength("Content-Length: 0x10"), "no length"],
    [hasLength("Content-Length: \x0b2"), "a header"],
    [hasLength("Content-Length: 2\r"), "a header"],
    ["HTTP/1.1 204 No Content\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "no length"],
    [hasLength("Content-Length: "), "no length"],
    [hasLength("Content-Length: 1\r\nContent-Length: 2"), "no length"],
    [hasLength("Content-Length: 2\r\nTransfer-Encoding: chunked"), "in chunks as well"],
    [hasLength("Transfer-Encoding: gzip, chunked"), "not known"],
    [`${hasLength("Transfer-Encoding: chunked")}zz\r\n`, "no length"],
    [`${hasLength("Transfer-Encoding: chunked")}-1\r\n`, "no length"],
    [`${hasLength("Transfer-Encoding: chunked")}2\nhi\n`, "a chunk"],
    [`${hasLength("Transfer-Encoding: chunked")}0\r\nno colon\r\n\r\n`, "a header"],
    [`${hasLength("Transfer-Encoding: chunked")}\r\n`, "no length"],
    ...["2 ", "2\t", "2 ;a", "2;", "2;;a", "2;a;", "2; a", "2;a b", "2;a =b", "2;a= b", "2;=b", "2;a=b=c", "2;a@b"].map(
      (line): [string, string] => [`${hasLength("Transfer-Encoding: chunked")}${line}\r\nhi\r\n0\r\n\r\n`, "no length"]
    ),
    ...["2;a\0b", "2;a=\0", '2;a="\0"', '2;a="\\\0"', '2;a="b', '2;a="b"c', "2;\xe9", "2;a=\xe9"].map(
      (line): [string, string] => [`${hasLength("Transfer-Encoding: chunked")}${line}\r\nhi\r\n0\r\n\r\n`, "no length"]
    ),
    [`${hasLength("Transfer-Encoding: chunked")}0\r\nContent-Length: 2\r\n\r\n`, "content-length after its body"],
    [`${hasLength("Transfer-Encoding: chunked")}0\r\ntransfer-encoding: chunked\r\n\r\n`, "transfer-encoding after"],
    [`HTTP/1.1 100 Continue\r\nno colon\r\n\r\n${plain}`, "a header"],
    [`HTTP/1.1 103 Early Hints\r\nA : b\r\n\r\n${plain}`, "a header"],
    [`HTTP/1.1 103 Early Hints\r\nA: b\r\n c\r\n\r\n${plain}`, "a header"],
    [`HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n${plain}`, "no length"],
    [`${hasLength("Transfer-Encoding: chunked")}fffffffff\r\n`, "no length"],
    [`${hasLength("Transfer-Encoding: chunked")}2\r\nhello\r\n0\r\n\r\n`, "longer than it says"],
    [hasLength("Content-Length: 99999999999999999999").replace("200", "304"), "beyond all sizes"],
    [hasLength("Content-Length: 1048577"), "longer than 1 MiB"],
    [hasLength("Content-Length: 99999999999999999999"), "longer than 1 MiB"],
    [`${hasLength("Transfer-Encoding: chunked")}ffffffff\r\n`, "longer than 1 MiB"]
  ])("%j is refused", (text, message) => {
    assert.throws(() => read(text), message)
  })

  it.each([
    ["headers", "HTTP/1.1 200 OK\r\n"],
    ["a body", hasLength("Content-Length: 9999999")],
    ["a chunk", `${hasLength("Transfer-Encoding: chunked")}fffffff\r\n`],
    ["a body without a length", hasLength("A: 1")],
    ["a body that is complete", hasLength("Content-Length: 1050000")],
    ["interim answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50_000)]
  ])("%s beyond 1 MiB: refused", (_, text) => {
    assert.throws(() => read(text.padEnd(1_100_000, "a")), "longer than 1 MiB")
  })

  it.each([
    ["a status", "HTTP/1.1 200 O"],
    ["a body that is cut", `${hasLength("Content-Length: 3")}hi`],
    ["a chunk that is cut", `${hasLength("Transfer-Encoding: chunked")}5\r\nhi`],
    ["chunks without the last one", `${hasLength("Transfer-Encoding: chunked")}2\r\nhi\r\n`],
    ["an interim answer alone", "HTTP/1.1 100 Continue\r\n\r\n"]
  ])("%s is not complete at the end of the connection either", (_, text) => {
    assert.isUndefined(read(text, "GET", true))
  })
})
