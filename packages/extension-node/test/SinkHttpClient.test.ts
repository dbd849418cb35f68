/** The client for sinks: how requests leave, and how answers are read. */
import { SinkHttpClient } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Cookies from "effect/http/Cookies"
import * as Effect from "effect/Effect"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Stream from "effect/Stream"
import { type Answer, hangs, http, makeServer, type Received } from "./support/RawServer.ts"

const ok = http("200 OK", "{}")

const setup = Effect.fnUntraced(function* (answer: (request: Received, index: number) => Answer) {
  const server = yield* makeServer(answer)
  return { ...server, client: yield* SinkHttpClient.make(), url: `http://${server.host}/` }
})

const bytes = (text: string) => new TextEncoder().encode(text)
const form = () => {
  const data = new FormData()
  data.set("a", "1")
  data.set("file", new Blob(["content"]), "name.txt")
  return data
}

/** Its framing is a length, or chunks. */
type Row = readonly [
  name: string,
  body: HttpBody.HttpBody,
  text: string | RegExp,
  contentType: string | RegExp | undefined,
  length: number | "chunks" | undefined
]

const bodies: ReadonlyArray<Row> = [
  ["nothing", HttpBody.empty, "", undefined, 0],
  ["bytes", HttpBody.uint8Array(bytes("żółw"), "text/x"), "żółw", "text/x", 7],
  ["a text", HttpBody.text("żółw", "text/plain"), "żółw", "text/plain", 7],
  ["an empty text", HttpBody.text("", "text/plain"), "", "text/plain", 0],
  ["JSON", HttpBody.jsonUnsafe({ a: 1 }), '{"a":1}', "application/json", 7],
  [
    "parameters",
    HttpBody.urlParams(UrlParams.fromInput({ a: "1 2", b: "ł" })),
    "a=1+2&b=%C5%82",
    /x-www-form-urlencoded/,
    14
  ],
  [
    "a form",
    HttpBody.formData(form()),
    /name="a"\r\n\r\n1\r\n[^]*content/,
    /^multipart\/form-data; boundary=/,
    undefined
  ],
  ["raw text", HttpBody.raw("żółw"), "żółw", "text/plain;charset=UTF-8", 7],
  ["raw text with a type", HttpBody.raw("a", { contentType: "text/x" }), "a", "text/x", 1],
  ["raw bytes", HttpBody.raw(new DataView(bytes("abcdef").buffer, 1, 3)), "bcd", undefined, 3],
  ["an ArrayBuffer", HttpBody.raw(bytes("abc").buffer), "abc", undefined, 3],
  ["a Blob", HttpBody.raw(new Blob(["abc"], { type: "text/x" })), "abc", "text/x", 3],
  ["raw parameters", HttpBody.raw(new URLSearchParams({ a: "b" })), "a=b", /x-www-form-urlencoded/, 3],
  ["a ReadableStream", HttpBody.raw(new Blob(["abc"]).stream()), "abc", undefined, "chunks"],
  ["a stream", HttpBody.stream(Stream.make(bytes("a"), bytes(""), bytes("bc")), "text/x"), "abc", "text/x", "chunks"],
  ["an empty stream", HttpBody.stream(Stream.empty, "text/x"), "", "text/x", "chunks"],
  ["a stream of known length", HttpBody.stream(Stream.make(bytes("a"), bytes("bc")), "text/x", 3), "abc", "text/x", 3]
]

describe("a request", () => {
  it.live.each(bodies)("has a body of %s", ([, body, text, contentType, length]) =>
    Effect.gen(function* () {
      const { client, received, url } = yield* setup(() => ok)
      const response = yield* client.execute(HttpClientRequest.setBody(HttpClientRequest.post(url), body))
      assert.strictEqual(response.status, 200)
      const { body: sent = "", headers = {} } = received[0] ?? {}
      if (typeof text === "string") assert.strictEqual(sent, text)
      else assert.match(sent, text)
      if (contentType instanceof RegExp) assert.match(headers["content-type"] ?? "", contentType)
      else assert.strictEqual(headers["content-type"], contentType)
      if (length === "chunks") assert.strictEqual(headers["transfer-encoding"], "chunked")
      else assert.isUndefined(headers["transfer-encoding"])
      if (typeof length === "number") assert.strictEqual(headers["content-length"], String(length))
    })
  )

  it.live("keeps the connection after a stream", () =>
    Effect.gen(function* () {
      const { client, received, url } = yield* setup(() => ok)
      const request = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyStream(Stream.make(bytes("abc"))))
      yield* Effect.flatMap(client.execute(request), ({ text }) => text)
      yield* client.execute(request)
      assert.deepStrictEqual(
        received.map(({ connection }) => connection),
        [1, 1]
      )
    })
  )

  it.live("has the parameters of the URL, and not its fragment", () =>
    Effect.gen(function* () {
      const { client, received, url } = yield* setup(() => ok)
      yield* client.execute(HttpClientRequest.get(`${url}a?b=c#d`, { urlParams: { e: "f g" } }))
      assert.strictEqual(received[0]?.url, "/a?b=c&e=f+g")
    })
  )

  it.live("sets the headers of its framing; the others are the caller's, Host and User-Agent too", () =>
    Effect.gen(function* () {
      const { client, host, received, url } = yield* setup(() => ok)
      const headers = { "Content-Length": "1", "Transfer-Encoding": "gzip", "User-Agent": "mine", "X-A": "1" }
      yield* client.execute(HttpClientRequest.post(url, { headers }).pipe(HttpClientRequest.bodyText("abc")))
      yield* client.execute(HttpClientRequest.get(url, { headers: { Host: "virtual.example" } }))
      assert.deepInclude(received[0]?.headers, { host, "content-length": "3", "user-agent": "mine", "x-a": "1" })
      assert.isUndefined(received[0]?.headers["transfer-encoding"])
      assert.deepInclude(received[1]?.headers, { host: "virtual.example", "user-agent": "effect-lambda" })
      assert.isUndefined(received[1]?.headers["accept-encoding"])
    })
  )

  it.live.each<readonly [string, string, Record<string, string>, string]>([
    ["a URL that is none", "http://[", {}, "InvalidUrlError"],
    ["another protocol", "ftp://127.0.0.1/", {}, "InvalidUrlError"],
    ["credentials in the URL", "http://user:secret@127.0.0.1/", {}, "InvalidUrlError"],
    ["a line break in a header", "http://127.0.0.1/", { "X-Test": "secret\nb" }, "EncodeError"],
    ["a character beyond Latin-1", "http://127.0.0.1/", { "X-Test": "secret 日本" }, "EncodeError"],
    ["a space in a header's name", "http://127.0.0.1/", { "X Test": "secret" }, "EncodeError"]
  ])("with %s fails before anything is sent, and shows no value", ([, url, headers, tag]) =>
    Effect.gen(function* () {
      const client = yield* SinkHttpClient.make()
      const error = yield* Effect.flip(client.execute(HttpClientRequest.get(url, { headers })))
      assert.strictEqual(error.reason._tag, tag)
      assert.notInclude(`${String(error.reason.cause)} ${error.reason.description}`, "secret")
    })
  )

  it.live.each<readonly [string, HttpBody.HttpBody, string]>([
    ["fails", HttpBody.stream(Stream.fail(new Error("the disk is gone")), "text/x"), "the disk is gone"],
    ["dies", HttpBody.stream(Stream.die(new Error("a defect")), "text/x"), "a defect"],
    ["is shorter than it says", HttpBody.stream(Stream.make(bytes("ab")), "text/x", 3), "has 3 bytes, and has 2"],
    ["is longer than it says", HttpBody.stream(Stream.make(bytes("abcd")), "text/x", 3), "has 3 bytes, and has more"],
    ["is an object", HttpBody.raw({}), "a raw body is"]
  ])("whose body %s is an EncodeError, and is given up", ([, body, says]) =>
    Effect.gen(function* () {
      const { client, received, url } = yield* setup(() => ok)
      const request = HttpClientRequest.setBody(HttpClientRequest.post(url), body)
      const error = yield* Effect.timeout(Effect.flip(client.execute(request)), hangs)
      assert.deepInclude(error, { _tag: "HttpClientError" })
      assert.include(error.message, says)
      assert.lengthOf(received, 0)
      yield* client.execute(HttpClientRequest.get(url))
      assert.lengthOf(received, 1)
    })
  )
})

describe("an answer", () => {
  it.live("has all the parts that an answer of Effect has", () =>
    Effect.gen(function* () {
      const chunks = [
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/, x\r\nX: 1\r\nset-cookie: b=2\r\nX: 2\r\nContent-Length: 7\r\n\r\n",
        '{"a":1}'
      ]
      const { client, url } = yield* setup(() => ({ chunks, afterwards: "keep" }))
      const response = yield* client.execute(HttpClientRequest.get(`${url}p?q=r`))
      assert.strictEqual(response.url, `${url}p?q=r`)
      assert.strictEqual(response.headers.x, "1, 2")
      assert.strictEqual(response.headers["set-cookie"], "a=1; Path=/, x, b=2")
      assert.deepStrictEqual(Cookies.toRecord(response.cookies), { a: "1", b: "2" })
      assert.deepStrictEqual(yield* response.json, { a: 1 })
      assert.strictEqual(yield* response.text, '{"a":1}')
      assert.strictEqual(Buffer.from(yield* response.arrayBuffer).toString(), '{"a":1}')
      assert.strictEqual(Buffer.concat(yield* Stream.runCollect(response.stream)).toString(), '{"a":1}')
      const error = yield* Effect.flip(response.upgrade)
      assert.notInclude(error.message, "Extensions API")
    })
  )

  it.live("may be a form", () =>
    Effect.gen(function* () {
      const { client, url } = yield* setup((_, index) =>
        index === 0
          ? http("200 OK", "a=1&b=%C5%82")
          : http("200 OK", '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', {
              "Content-Type": "multipart/form-data; boundary=x"
            })
      )
      const params = yield* Effect.flatMap(
        client.execute(HttpClientRequest.get(url)),
        (response) => response.urlParamsBody
      )
      assert.deepStrictEqual(UrlParams.toRecord(params), { a: "1", b: "ł" })
      const data = yield* Effect.flatMap(client.execute(HttpClientRequest.get(url)), (response) => response.formData)
      assert.strictEqual(data.get("a"), "1")
    })
  )

  it.live("of JSON that is none is a DecodeError; an empty one is null; a mark of its byte order is left out", () =>
    Effect.gen(function* () {
      const texts = ["{", "", "\uFEFF[1]"]
      const { client, url } = yield* setup((_, index) => http("200 OK", texts[index] ?? ""))
      const json = Effect.flatMap(client.execute(HttpClientRequest.get(url)), (response) => response.json)
      assert.strictEqual((yield* Effect.flip(json)).reason._tag, "DecodeError")
      assert.isNull(yield* json)
      assert.deepStrictEqual(yield* json, [1])
    })
  )

  it.live.each([301, 302, 307, 308])("of %d is not followed", (status) =>
    Effect.gen(function* () {
      const { client, received, url } = yield* setup(() => http(`${status} Elsewhere`, "", { Location: "/b" }))
      const response = yield* client.execute(HttpClientRequest.get(url))
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers.location, "/b")
      assert.lengthOf(received, 1)
    })
  )

  it.live("that is compressed stays as it came", () =>
    Effect.gen(function* () {
      const { client, url } = yield* setup(() => http("200 OK", "not really gzip", { "Content-Encoding": "gzip" }))
      const response = yield* client.execute(HttpClientRequest.get(url))
      assert.strictEqual(yield* response.text, "not really gzip")
      assert.strictEqual(response.headers["content-encoding"], "gzip")
    })
  )

  it.live.each<readonly [string, number, boolean]>([
    ["within the bound", 100_000, true],
    ["beyond the bound", 200_000, false]
  ])("%s of its bytes", ([, length, isRead]) =>
    Effect.gen(function* () {
      const { host } = yield* makeServer(() => http("200 OK", "a".repeat(length)))
      const client = yield* SinkHttpClient.make({ maxAnswerBytes: 150_000 })
      const response = yield* client.execute(HttpClientRequest.get(`http://${host}/?key=secret`))
      const result = yield* Effect.exit(response.text)
      assert.strictEqual(result._tag, isRead ? "Success" : "Failure")
      if (!isRead) {
        const error = yield* Effect.flip(result)
        assert.include(error.message, `${host}: the answer is longer than 150000 bytes`)
      }
    })
  )
})
