/** How clients read the bytes of an answer: its end, answers that are invalid, and the connection after the answer. */
import type { Answer } from "../support/RawServer.ts"

type Bytes = Exclude<Answer, "park">

const raw = (...chunks: ReadonlyArray<string>): Bytes => ({ chunks, afterwards: "keep" })
const chunkedHead = "HTTP/1.1 200 OK\r\nX-Test: a\r\nTransfer-Encoding: chunked\r\n\r\n"

type Readable = readonly [end: string, answer: Bytes, isKept: boolean]

export const interim: Readable = [
  "an interim answer",
  raw("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello"),
  true
]

/** Answers that are read as status 200, `X-Test: a` and `hello`, and whether our transports keep the connection. */
export const readable: ReadonlyArray<Readable> = [
  ["a length", raw("HTTP/1.1 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello"), true],
  ["a length, in two packets", raw("HTTP/1.1 200 OK\r\nX-Te", "st: a\r\nContent-Length: 5\r\n\r\nhe", "llo"), true],
  ["chunks", raw(`${chunkedHead}2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nX: y\r\n\r\n`), true],
  ["chunks in many packets", raw(...chunkedHead, "2\r", "\nh", "e\r\n", "3\r\nllo", "\r\n0", "\r\n\r", "\n"), true],
  interim,
  [
    "Connection: close",
    raw("HTTP/1.1 200 OK\r\nX-Test: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"),
    false
  ],
  [
    "the end of the connection",
    { ...raw("HTTP/1.1 200 OK\r\nX-Test: a\r\n\r\n", "he", "llo"), afterwards: "close" },
    false
  ],
  ["HTTP/1.0", raw("HTTP/1.0 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello"), false],
  ["more than it said", raw("HTTP/1.1 200 OK\r\nX-Test: a\r\nContent-Length: 5\r\n\r\nhello!"), false]
]

/** Answers that fail at once in every client. */
export const unreadable: ReadonlyArray<readonly [what: string, answer: Bytes]> = [
  ["that is not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n")],
  ["cut off in its headers", { ...raw("HTTP/1.1 200 OK\r\nContent-Le"), afterwards: "close" }],
  ["cut off in a chunk", { ...raw(`${chunkedHead}5\r\nhe`), afterwards: "close" }],
  ["behind an interim answer of HTTP/1.0", raw("HTTP/1.0 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")],
  [
    "behind an interim answer that ends the connection",
    raw("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
  ],
  ["with line feeds alone", raw("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi")],
  ["with one line feed alone", raw("HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nhi")],
  ["of another version", raw("HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nhi")],
  ["with a control character before a length", raw("HTTP/1.1 200 OK\r\nContent-Length: \x0b2\r\n\r\nhi")],
  ["with a carriage return behind a length", raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\r\n\r\nhi")],
  [
    "with a length and chunks",
    raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
  ],
  ["with two lengths", raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")],
  ["with a space in a header's name", raw("HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nhi")],
  ["with a chunk that ends with a line feed", raw(`${chunkedHead}2\nhi\n0\n\n`)],
  ["with a chunk of no length", raw(`${chunkedHead}zz\r\n`)],
  ["with a chunk that is longer than it says", raw(`${chunkedHead}2\r\nhello\r\n0\r\n\r\n`)]
]

/** An answer that our transports give up; a general client may read it for ever. */
export const endless: Bytes = raw(chunkedHead, `fffffff\r\n${"a".repeat(1_100_000)}`)
