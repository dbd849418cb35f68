/** Our reader of requests and llhttp, the parser of `node:http`: the same outcome, or a refusal of ours that is listed. */
import { assert, describe, it } from "@effect/vitest"
import { methods } from "../src/internal/http/Request.ts"
import { compareStreams, compareText, type stricter } from "./differential/compare.ts"

const head = "POST / HTTP/1.1\r\n"
const chunks = `${head}Transfer-Encoding: chunked\r\n\r\n`

/** Requests that llhttp accepts and we refuse, by the reason. */
const refusedByUs: ReadonlyArray<readonly [reason: keyof typeof stricter, text: string]> = [
  ["the first line is not HTTP", "GET /#a HTTP/1.1\r\n\r\n"],
  ["the first line is not HTTP", "GET http://a HTTP/1.1\r\n\r\n"],
  ["the first line is not HTTP", "GET https://a/ HTTP/1.1\r\n\r\n"],
  ["the first line is not HTTP", "GET  / HTTP/1.1\r\n\r\n"],
  ["the first line is not HTTP", "\r\nGET / HTTP/1.1\r\n\r\n"],
  ["the first line is not HTTP", "GET /\r\n\r\n"],
  ["chunks came over HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  [
    "the message comes in a transfer encoding that is not known",
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`
  ],
  ["the request expects something that is not known", `${head}Expect: a\r\n\r\n`],
  ["the message has the header connection after its body", `${chunks}0\r\nConnection: close\r\n\r\n${head}\r\n`],
  ["a chunk of the message has no length", `${chunks}000000001\r\na\r\n0\r\n\r\n`]
]

/** Requests that both refuse, or both accept. */
const same = [
  ...methods.map((method) => `${method} / HTTP/1.1\r\n\r\n`),
  "FOO / HTTP/1.1\r\n\r\n",
  `${head}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`,
  `${head}Content-Length: \t1\t\r\n\r\na`,
  "GET /\xe9 HTTP/1.1\r\n\r\n",
  `${chunks}0\r\nContent-Length: 1\r\n\r\n`,
  `${chunks}0\r\nTransfer-Encoding: chunked\r\n\r\n`,
  `${head}Content-Length: \xa05\r\n\r\nhello`,
  `${head}Transfer-Encoding: chunked\xa0\r\n\r\n0\r\n\r\n`,
  `${head}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`,
  `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${head}Content-Length : 1\r\n\r\na`,
  `${head}A: b\r\n c\r\n\r\n`,
  `${head}A: b\n\r\n`,
  `${chunks}1\na\r\n0\r\n\r\n`,
  `${chunks}1 \r\na\r\n0\r\n\r\n`,
  `${chunks}2\r\nabc\r\n0\r\n\r\n`,
  `${head}A: ${"a".repeat(20_000)}\r\n\r\n`,
  `${head}Connection: x-close\r\n\r\n${head}\r\n`,
  `${head}Connection: a, Close\t\r\n\r\n${head}\r\n`,
  `POST http://a.b:80/c?d HTTP/1.1\r\n\r\n`
]

describe("beside llhttp", () => {
  it("5,000 streams at random, half of them with faults, are read alike or refused for a listed reason", () => {
    const { different, refused, same } = compareStreams(5000, 1)
    assert.deepStrictEqual(different.slice(0, 3), [])
    assert.isAbove(same, 4000)
    assert.isAbove(refused.size, 3)
  })

  it.each(refusedByUs)("%s: %j", (reason, text) => {
    const { different, refused } = compareText(text)
    assert.deepStrictEqual(different, [])
    assert.deepStrictEqual([...refused.keys()], [reason])
  })

  it.each(same)("%j has the same outcome", (text) => {
    const { different, same } = compareText(text)
    assert.deepStrictEqual(different, [])
    assert.strictEqual(same, 1)
  })
})
