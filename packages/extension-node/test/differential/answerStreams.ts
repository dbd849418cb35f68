/** The bytes of answers at random: in all ways to write them, some with faults, split at any place. */
import { oneOf, type Random, upTo } from "../support/JsonTexts.ts"
import { body, chunk, mutate, often } from "./requestStreams.ts"

const headers = [
  "Content-Type: application/json\r\n",
  "X-Empty:\r\n",
  "X-Spaces: \t a b \t\r\n",
  "X-Latin: \xe9\xff\r\n",
  "X-Twice: 1\r\n",
  "Set-Cookie: a=b; Path=/\r\n",
  "Connection: keep-alive\r\n",
  "Connection: close\r\n",
  "Keep-Alive: timeout=5\r\n",
  "Content-Encoding: gzip\r\n",
  "Upgrade: x\r\n"
] as const

const interim = [
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 102 Processing\r\nX: 1\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
  // Two readers could see a body here.
  "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n"
] as const

const statuses = [
  "200 OK",
  "200 OK",
  "200 ",
  "200",
  "202 Accepted",
  "204 No Content",
  "301 Moved",
  "304 Not Modified"
] as const
const failures = [
  "400 Bad Request",
  "413 Too Much",
  "429 Slow down \xe9",
  "500 ",
  "503 Away",
  "101 Switching",
  "999 x"
] as const

const head = (random: Random) => {
  const status = often(random, 0.7) ? oneOf(random, statuses) : oneOf(random, failures)
  const some = Array.from({ length: upTo(random, 4) }, () => oneOf(random, headers)).join("")
  return `HTTP/1.${often(random, 0.85) ? 1 : 0} ${status}\r\n${some}`
}

const answer = (random: Random): string => {
  const before = often(random, 0.2) ? oneOf(random, interim) : ""
  switch (upTo(random, 4)) {
    case 0:
      return `${before}${head(random)}Content-Length: 0\r\n\r\n`
    case 1:
      // Its end is that of the connection.
      return `${before}${head(random)}\r\n${body(random)}`
    case 2: {
      const text = body(random)
      const length = oneOf(random, [String(text.length), ` ${text.length}`, `0${text.length}\t`, "99999999"])
      return `${before}${head(random)}Content-Length:${length}\r\n\r\n${text}`
    }
    default: {
      const chunks = Array.from({ length: upTo(random, 3) }, () => chunk(random)).join("")
      const trailer = oneOf(random, ["", "", "X-Trailer: 1\r\n", "A: b\r\nC: d\r\n"])
      return `${before}${head(random)}Transfer-Encoding: ${oneOf(random, ["chunked", "Chunked"])}\r\n\r\n${chunks}0\r\n${trailer}\r\n`
    }
  }
}

/** The bytes of a connection after a request: an answer, sometimes more, half of them with faults. */
export const answerStream = (random: Random): Buffer => {
  let text = answer(random)
  if (often(random, 0.1)) text += often(random, 0.5) ? answer(random) : body(random)
  if (often(random, 0.5)) {
    for (let faults = upTo(random, 2); faults >= 0; faults--) text = mutate(random, text)
  }
  return Buffer.from(text, "latin1")
}
