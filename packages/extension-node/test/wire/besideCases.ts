/** Servers that a sink may meet, and what it asks of them. */
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import { gzipSync } from "node:zlib"
import { type Answer, http, reset } from "../support/RawServer.ts"
import type { identity } from "../support/Tls.ts"

type Request = (url: string) => HttpClientRequest.HttpClientRequest

export interface BesideCase {
  readonly server: string
  /** The certificate of a server of https. */
  readonly certificate?: Parameters<typeof identity>[0] | undefined
  /** The answers, one request after the other; the last of them again and again. */
  readonly answers: ReadonlyArray<Answer>
  /** The requests, one after the other. */
  readonly requests: ReadonlyArray<Request>
  /** What happens between the requests. */
  readonly between?: "the server closes its connections" | undefined
  /** What `fetch` makes of it instead, and why that is right for both. */
  readonly fetch?: { readonly result: string; readonly reason: string } | undefined
  /** The results of the requests. */
  readonly result: string
}

const get: Request = (url) => HttpClientRequest.get(url)
const head: Request = (url) => HttpClientRequest.head(url)
const post: Request = (url) => HttpClientRequest.bodyText(HttpClientRequest.post(url), "a body")
const send =
  (body: HttpBody.HttpBody): Request =>
  (url) =>
    HttpClientRequest.setBody(HttpClientRequest.post(url), body)

const ok = http("200 OK", "hello")
const raw = (text: string, afterwards: "keep" | "close" | "reset" = "keep"): Answer => ({ chunks: [text], afterwards })
const bytewise = (text: string): Answer => ({ chunks: [...text], afterwards: "keep" })
const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

const large = Buffer.alloc(8 * 2 ** 20, "0123456789abcde")
const pieces = Array.from({ length: 128 }, (_, index) => large.subarray(index * 65_536, (index + 1) * 65_536))
const largeChunks = pieces.map((piece) =>
  Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")])
)

const tooLong = http("200 OK", [Buffer.alloc(17 * 2 ** 20, "a")])

const ends: ReadonlyArray<BesideCase> = [
  { server: "closes before its answer, at a POST", answers: [raw("", "close")], requests: [post], result: "fails" },
  { server: "resets before its answer, at a POST", answers: [reset], requests: [post], result: "fails" },
  { server: "closes in its head", answers: [raw("HTTP/1.1 200 OK\r\nA", "close")], requests: [get], result: "fails" },
  {
    server: "closes in its body",
    answers: [raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe", "close")],
    requests: [get],
    result: "fails"
  },
  {
    server: "resets in its body",
    answers: [raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhe", "reset")],
    requests: [get],
    result: "fails"
  },
  { server: "closes in a chunk", answers: [raw(`${chunked}5\r\nhe`, "close")], requests: [get], result: "fails" },
  {
    server: "closes before the last chunk",
    answers: [raw(`${chunked}2\r\nhe\r\n`, "close")],
    requests: [get],
    result: "fails"
  },
  {
    server: "closes its idle connections",
    answers: [ok],
    requests: [post, post],
    between: "the server closes its connections",
    result: "200 hello, 200 hello"
  },
  {
    server: "resets a kept connection at a POST",
    answers: [ok, reset, ok],
    requests: [post, post],
    result: "200 hello, fails"
  },
  {
    server: "resets a kept connection at a GET",
    answers: [ok, reset, ok],
    requests: [get, get],
    result: "200 hello, 200 hello",
    fetch: { result: "200 hello, fails", reason: "ours sends an idempotent request once more (RFC 9110, 9.2.2)" }
  },
  { server: "resets a new connection at a GET", answers: [reset, ok], requests: [get], result: "fails" },
  {
    server: "asks to close",
    answers: [http("200 OK", "hello", { Connection: "close" })],
    requests: [post, post],
    result: "200 hello, 200 hello"
  }
]

const answers: ReadonlyArray<BesideCase> = [
  { server: "answers with a length", answers: [ok], requests: [get, post], result: "200 hello, 200 hello" },
  {
    server: "answers byte by byte",
    answers: [bytewise("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "answers in chunks, byte by byte",
    answers: [bytewise(`${chunked}2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n`)],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "answers up to the end of the connection",
    answers: [raw("HTTP/1.1 200 OK\r\n\r\nhello", "close")],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "answers by HTTP/1.0",
    answers: [raw("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "answers by HTTP/1.0 up to the end",
    answers: [raw("HTTP/1.0 200 OK\r\n\r\nhello", "close")],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "sends 100 first",
    answers: [raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
    requests: [post],
    result: "200 hello",
    fetch: {
      result: "fails",
      reason: "undici refuses a 100 that it did not ask for; RFC 9110, 15.2 lets a client skip it"
    }
  },
  {
    server: "sends 103 first",
    answers: [raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "answers 204",
    answers: [raw("HTTP/1.1 204 No Content\r\n\r\n")],
    requests: [post, post],
    result: "204 , 204 "
  },
  {
    server: "answers 304",
    answers: [raw("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")],
    requests: [get],
    result: "304 "
  },
  {
    server: "answers HEAD with the length of a body",
    answers: [raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")],
    requests: [head, head],
    result: "200 , 200 "
  },
  {
    server: "answers HEAD with chunks that do not come",
    answers: [raw(chunked)],
    requests: [head, head],
    result: "200 , 200 "
  },
  ...[400, 401, 413, 429, 500, 503].map((status): BesideCase => ({
    server: `answers ${status}`,
    answers: [http(`${status} No`, "no")],
    requests: [post],
    result: `${status} no`
  })),
  {
    server: "answers 407",
    answers: [http("407 Authenticate", "no")],
    requests: [post],
    result: "407 no",
    fetch: { result: "fails", reason: "fetch hides this status; it has a meaning behind a proxy" }
  },
  {
    server: "sends a text with a mark of its byte order",
    answers: [http("200 OK", "\uFEFFhello")],
    requests: [get],
    result: "200 hello"
  },
  {
    server: "redirects",
    answers: [http("302 Found", "", { Location: "/elsewhere" }), ok],
    requests: [post],
    result: "302 ",
    fetch: { result: "200 hello", reason: "fetch follows; a batch is not delivered by that" }
  },
  {
    server: "compresses its answer",
    answers: [http("200 OK", [gzipSync("hello")], { "Content-Encoding": "gzip" })],
    requests: [get],
    result: `200 ${gzipSync("hello").toString("utf8")}`,
    fetch: { result: "200 hello", reason: "fetch asks for compressed answers and undoes that; ours never asks" }
  },
  {
    server: "has a head of 20 KiB",
    answers: [http("200 OK", "hello", { "X-Long": "a".repeat(20_000) })],
    requests: [get],
    result: "200 hello",
    fetch: { result: "fails", reason: "undici reads heads of 16 KiB, ours of 64" }
  },
  {
    server: "has a head of 70 KiB",
    answers: [http("200 OK", "hello", { "X-Long": "a".repeat(70_000) })],
    requests: [get],
    result: "fails"
  },
  {
    server: "has an answer of 17 MiB",
    answers: [tooLong],
    requests: [get],
    result: "fails",
    fetch: { result: "200 17825792 bytes", reason: "ours keeps an answer in memory, 16 MiB at most" }
  },
  { server: "is not HTTP", answers: [raw("SSH-2.0-OpenSSH_9.2\r\n")], requests: [get], result: "fails" },
  {
    server: "changes the protocol",
    answers: [raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")],
    requests: [get],
    result: "fails"
  },
  {
    server: "has two lengths",
    answers: [raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")],
    requests: [get],
    result: "fails"
  },
  {
    server: "says more than its length",
    answers: [raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more")],
    requests: [post],
    result: "200 hello"
  }
]

const bodies: ReadonlyArray<BesideCase> = [
  { server: "takes nothing", answers: [ok], requests: [send(HttpBody.empty)], result: "200 hello" },
  { server: "takes JSON", answers: [ok], requests: [send(HttpBody.jsonUnsafe({ a: 1 }))], result: "200 hello" },
  {
    server: "takes a stream",
    answers: [ok],
    requests: [send(HttpBody.stream(Stream.make(large.subarray(0, 9), large.subarray(9, 20))))],
    result: "200 hello"
  },
  {
    server: "takes 8 MiB",
    answers: [ok],
    requests: [send(HttpBody.uint8Array(large)), post],
    result: "200 hello, 200 hello"
  },
  {
    server: "takes a stream of 8 MiB",
    answers: [ok],
    requests: [send(HttpBody.stream(Stream.fromIterable(pieces))), post],
    result: "200 hello, 200 hello"
  },
  { server: "gives 8 MiB", answers: [http("200 OK", [large])], requests: [get], result: "200 8388608 bytes" },
  {
    server: "gives 8 MiB in chunks",
    answers: [{ chunks: [chunked, Buffer.concat([...largeChunks, Buffer.from("0\r\n\r\n")])], afterwards: "keep" }],
    requests: [get],
    result: "200 8388608 bytes"
  },
  {
    server: "takes and gives 8 MiB",
    answers: [http("200 OK", [large])],
    requests: [send(HttpBody.uint8Array(large)), post],
    result: "200 8388608 bytes, 200 8388608 bytes"
  }
]

const certificates: ReadonlyArray<BesideCase> = [
  {
    server: "has a certificate",
    certificate: "valid",
    answers: [ok],
    requests: [get, post],
    result: "200 hello, 200 hello"
  },
  {
    server: "gives and takes 8 MiB over TLS",
    certificate: "valid",
    answers: [http("200 OK", [large])],
    requests: [send(HttpBody.uint8Array(large)), post],
    result: "200 8388608 bytes, 200 8388608 bytes"
  },
  {
    server: "closes a kept connection of TLS at a POST",
    certificate: "valid",
    answers: [ok, raw("", "close"), ok],
    requests: [post, post],
    result: "200 hello, fails"
  },
  {
    server: "closes its idle connections of TLS",
    certificate: "valid",
    answers: [ok],
    requests: [post, post],
    between: "the server closes its connections",
    result: "200 hello, 200 hello"
  },
  ...(["expired", "early", "elsewhere", "self-signed"] as const).map((certificate): BesideCase => ({
    server: `has the certificate: ${certificate}`,
    certificate,
    answers: [ok],
    requests: [post],
    result: "fails"
  }))
]

export const besideCases: ReadonlyArray<BesideCase> = [...ends, ...answers, ...bodies, ...certificates]
