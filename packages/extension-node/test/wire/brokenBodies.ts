/** Answers whose head is complete, and whose body is slow, cut or wrong. */
import type { Answer } from "../support/RawServer.ts"

type Bytes = Exclude<Answer, "park">

interface BrokenBody {
  /** What the body does, behind "a body that". */
  readonly name: string
  readonly headers: string
  readonly chunks: ReadonlyArray<string>
  readonly afterwards: Bytes["afterwards"]
}

const chunked = "Transfer-Encoding: chunked"

export const brokenBodies: ReadonlyArray<BrokenBody> = [
  { name: "never begins", headers: "Content-Length: 10", chunks: [], afterwards: "keep" },
  { name: "stops half way", headers: "Content-Length: 10", chunks: ["half"], afterwards: "keep" },
  { name: "stops in a chunk", headers: chunked, chunks: ["9\r\nhalf"], afterwards: "keep" },
  { name: "has no length and no end", headers: "X-Test: a", chunks: ["half"], afterwards: "keep" },
  { name: "is cut half way", headers: "Content-Length: 10", chunks: ["half"], afterwards: "close" },
  { name: "is cut in a chunk", headers: chunked, chunks: ["9\r\nhalf"], afterwards: "close" },
  { name: "is reset half way", headers: "Content-Length: 10", chunks: ["half"], afterwards: "reset" },
  { name: "has a chunk without a length", headers: chunked, chunks: ["4\r\nhalf\r\n", "zz\r\n"], afterwards: "keep" },
  { name: "is larger than any bound", headers: "Content-Length: 99999999", chunks: ["half"], afterwards: "keep" },
  {
    name: "says that it is gzip, and is not",
    headers: "Content-Encoding: gzip\r\nContent-Length: 4",
    chunks: ["half"],
    afterwards: "keep"
  }
]

/** @param isJoined the first part of the body comes in the packet of the head */
export const broken = (status: string, { afterwards, chunks, headers }: BrokenBody, isJoined = false): Bytes => {
  const head = `HTTP/1.1 ${status}\r\n${headers}\r\n\r\n`
  return { chunks: isJoined ? [head + chunks.join("")] : [head, ...chunks], afterwards }
}
