/** The bytes of connections at random: requests in all ways to write them, some with faults, split at any place. */
import { oneOf, type Random, upTo } from "../support/JsonTexts.ts"

export const often = (random: Random, probability: number) => random() < probability

const startLine = (random: Random) => {
  const method = oneOf(random, ["POST", "POST", "PUT", "GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE"])
  const target = oneOf(random, ["/", "/a/b?c=d", "*", "//", "/v1/logs", "http://a.b:80/c", "/?a?b", "/%20~!$&'()"])
  return `${method} ${target} HTTP/1.${often(random, 0.85) ? 1 : 0}\r\n`
}

const headers = [
  "Host: a\r\n",
  "content-type: application/json\r\n",
  "X-Empty:\r\n",
  "X-Spaces: \t a b \t\r\n",
  "X-Latin: \xe9\xff\r\n",
  "Connection: keep-alive\r\n",
  "Connection: close\r\n",
  "Connection: x, Close\r\n",
  "Connection: x-close\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: x\r\n"
] as const

/** Up to 40 bytes. */
export const body = (random: Random) =>
  Array.from({ length: upTo(random, 40) }, () => String.fromCharCode(upTo(random, 255))).join("")

/** A chunk of up to 40 bytes, or nothing. */
export const chunk = (random: Random) => {
  const text = body(random)
  if (text === "") return ""
  const size = text.length.toString(16)
  const extension = oneOf(random, ["", "", ";a", ";a=b", ';a="b \\" c"', ";a=b;c"])
  return `${often(random, 0.2) ? `0${size}` : size.toUpperCase()}${extension}\r\n${text}\r\n`
}

const request = (random: Random, first: string) => {
  const head =
    startLine(random) + first + Array.from({ length: upTo(random, 4) }, () => oneOf(random, headers)).join("")
  switch (upTo(random, 2)) {
    case 0:
      return `${head}\r\n`
    case 1: {
      const text = body(random)
      const length = oneOf(random, [String(text.length), ` ${text.length}`, `0${text.length}\t`])
      return `${head}${oneOf(random, ["Content-Length", "content-length"])}:${length}\r\n\r\n${text}`
    }
    default: {
      const chunks = Array.from({ length: upTo(random, 3) }, () => chunk(random)).join("")
      const trailer = oneOf(random, ["", "", "X-Trailer: 1\r\n", "A: b\r\nC: d\r\n"])
      return `${head}Transfer-Encoding: ${oneOf(random, ["chunked", "Chunked"])}\r\n\r\n${chunks}0\r\n${trailer}\r\n`
    }
  }
}

/** What faults are made of: pieces that mean something to a reader. */
const pieces = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  "\x0b",
  "\x7f",
  "\xa0",
  "\x85",
  ":",
  ";",
  ",",
  "=",
  '"',
  "#",
  "0",
  "+",
  "-",
  "_",
  "chunked",
  "close",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: gzip\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "transfer-encoding : chunked\r\n",
  " folded\r\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "1.2",
  "POST / HTTP/1.1\r\n\r\n",
  "CONNECT a:1 HTTP/1.1\r\n\r\n",
  "PROPFIND / HTTP/1.1\r\n\r\n",
  "http://",
  "é",
  "99999999999999999999",
  "fffffffff"
] as const

/** The text with a fault at a place at random. */
export const mutate = (random: Random, text: string): string => {
  const at = upTo(random, text.length)
  const to = Math.min(text.length, at + upTo(random, 6))
  switch (upTo(random, 4)) {
    case 0:
      return text.slice(0, at) + oneOf(random, pieces) + text.slice(at)
    case 1:
      return text.slice(0, at) + oneOf(random, pieces) + text.slice(to)
    case 2:
      return text.slice(0, at) + text.slice(to)
    case 3:
      return text.slice(0, to) + text.slice(at)
    default:
      return text.slice(0, at) + String.fromCharCode(upTo(random, 255)) + text.slice(at + 1)
  }
}

/**
 * A connection: up to three requests, half of them with faults.
 *
 * @param first a header that each request has, since not every server does without it
 */
export const requestStream = (random: Random, first = ""): Buffer => {
  let text = Array.from({ length: 1 + upTo(random, 2) }, () => request(random, first)).join("")
  if (often(random, 0.5)) {
    for (let faults = upTo(random, 2); faults >= 0; faults--) text = mutate(random, text)
  }
  return Buffer.from(text, "latin1")
}

/** The bytes in packets: one, a few, or one for each byte. */
export const cut = (random: Random, bytes: Buffer): ReadonlyArray<Buffer> => {
  if (often(random, 0.3)) return [bytes]
  const longest = often(random, 0.1) ? 1 : 1 + upTo(random, 60)
  const packets: Array<Buffer> = []
  for (let at = 0; at < bytes.length;) {
    const packet = bytes.subarray(at, at + 1 + upTo(random, longest - 1))
    packets.push(packet)
    at += packet.length
  }
  return packets
}
