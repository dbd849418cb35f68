/** The promises of a listener, byte by byte: clients send this, and they and the receiver get that. */
import { type Case, eachBegins, many, mebibyte, MiB, type Step } from "./ListenerScript.ts"
import { tcpCases } from "./tcpCases.ts"

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
const refused =
  "HTTP/1.1 405 Method Not Allowed\r\nAllow: POST, PUT\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
const goAhead = "HTTP/1.1 100 Continue\r\n\r\n"

const head = (length: number, lines = "") => `POST / HTTP/1.1\r\nHost: a\r\n${lines}Content-Length: ${length}\r\n\r\n`
const post = (body: string) => head(Buffer.byteLength(body)) + body
const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

const lambda =
  "POST / HTTP/1.1\r\ncontent-type: application/json\r\nsequence-id: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\r\n" +
  "host: 169.254.100.6:4243\r\nconnection: keep-alive\r\nuser-agent: awslambda-worker/1.0\r\ncontent-length: 2\r\n\r\n[]"

const inChunksOfOneByte = (text: string) =>
  Buffer.concat([
    ...[...Buffer.from(text)].map((byte) => Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte, 13, 10)])),
    Buffer.from("0\r\n\r\n")
  ])

const large = "😀".repeat(MiB)
const piece = Buffer.alloc(262_144, "x")
const names = Array.from({ length: 200 }, (_, index) => `client ${index}`)

/** Before another connection is opened, these have one each, and are at rest. */
const atRest = (...clients: ReadonlyArray<string>): ReadonlyArray<Step> =>
  clients.flatMap((name): ReadonlyArray<Step> => [
    [name, "sends", post(name)],
    [name, "is answered", 1]
  ])

const cutOff = (does: "ends" | "resets"): Case => ({
  name: `a request that is cut off hands over nothing (the client ${does})`,
  steps: [["cut", "sends", `${head(4)}abc`], ["cut", does], ["cut", "is closed"], ...atRest("whole")],
  bodies: ["whole"]
})

const garbage = (text: string): Case => ({
  name: `garbage instead of HTTP ends its connection and no other: ${JSON.stringify(text)}`,
  steps: [
    ["good", "sends", post("first")],
    ["bad", "sends", text],
    ["bad", "is closed"],
    ["good", "sends", post("second")],
    ["good", "is answered", 2]
  ],
  bodies: ["first", "second"]
})

const http: ReadonlyArray<Case> = [
  {
    name: "case 93: lower-case headers as Lambda writes them",
    steps: [
      ["a", "sends", lambda],
      ["a", "receives", ok]
    ],
    bodies: ["[]"]
  },
  {
    name: "POST and PUT on any path, one after the other on one connection",
    steps: [
      ...["POST /", "PUT /", "POST /a/b?c=d", "PUT //", "POST *"].flatMap((line, index): ReadonlyArray<Step> => [
        ["a", "sends", `${line} HTTP/1.1\r\nContent-Length: 1\r\n\r\n${index}`],
        ["a", "is answered", index + 1]
      ]),
      ["a", "is open"]
    ],
    bodies: ["0", "1", "2", "3", "4"]
  },
  {
    name: "two requests in one packet, and no body at all",
    steps: [
      ["a", "sends", `${post("a")}${post("b")}POST / HTTP/1.1\r\n\r\n`],
      ["a", "is answered", 3]
    ],
    bodies: ["a", "b", ""]
  },
  {
    name: "other methods get 405 and hand over nothing",
    steps: [
      ["a", "sends", `GET / HTTP/1.1\r\nHost: a\r\n\r\nDELETE / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab${post("c")}`],
      ["a", "receives", refused + refused + ok]
    ],
    bodies: ["c"]
  },
  {
    name: "case 94: a body that is not JSON is a body",
    steps: [
      ["a", "sends", post("no JSON")],
      ["a", "is answered", 1]
    ],
    bodies: ["no JSON"]
  },
  {
    name: "without content-length: chunked, in chunks of one byte too",
    steps: [
      ["a", "sends", chunked],
      ["a", "sends", inChunksOfOneByte("a😀".repeat(10_000))],
      ["a", "is answered", 1]
    ],
    bodies: ["a😀".repeat(10_000)]
  },
  {
    name: "Expect: 100-continue",
    steps: [
      ["a", "sends", head(2, "Expect: 100-continue\r\n")],
      ["a", "receives", goAhead],
      ["a", "sends", "[]"],
      ["a", "receives", goAhead + ok]
    ],
    bodies: ["[]"]
  },
  {
    name: "a body in writes of one byte, characters split between them",
    steps: [
      ...[...Buffer.from(post('["ß€😀"]'))].map((byte): Step => ["a", "sends", Buffer.of(byte)]),
      ["a", "is answered", 1]
    ],
    bodies: ['["ß€😀"]']
  },
  {
    name: "a body of 4 MiB",
    steps: [
      ["a", "sends", post(large)],
      ["a", "is answered", 1]
    ],
    bodies: [large]
  },
  {
    name: "maxBodyBytes exactly is a body, one byte more is too large, announced or not",
    maxBodyBytes: 10,
    steps: [
      ["a", "sends", `${post("0123456789")}${post("0123456789a")}`],
      ["a", "sends", `${chunked}4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n`],
      ["a", "sends", `${chunked}4\r\n0123\r\n7\r\n456789a\r\n2\r\nbc\r\n0\r\n\r\n`],
      ["a", "is answered", 4]
    ],
    bodies: ["0123456789", "0123456789"],
    tooLarge: [11, 13]
  },
  {
    name: "a body of 64 MiB is discarded as it comes (announced)",
    maxBodyBytes: MiB,
    steps: [
      ["a", "sends", head(64 * MiB)],
      ["a", "sends", piece, 256],
      ["a", "is answered", 1]
    ],
    tooLarge: [64 * MiB],
    growth: 24 * MiB
  },
  {
    name: "a body of 64 MiB is discarded as it comes (chunked)",
    maxBodyBytes: MiB,
    steps: [
      ["a", "sends", chunked],
      ["a", "sends", Buffer.concat([Buffer.from("40000\r\n"), piece, Buffer.from("\r\n")]), 256],
      ["a", "sends", "0\r\n\r\n"],
      ["a", "is answered", 1]
    ],
    tooLarge: [64 * MiB],
    growth: 24 * MiB
  },
  cutOff("resets"),
  cutOff("ends"),
  ...["\u0000\u0001\u0002\r\n\r\n", "hello\r\n\r\n", "POST / HTTP/9.9\r\n\r\n", "\u0016\u0003\u0001"].map(garbage),
  {
    name: "200 clients at the same time, each body once",
    steps: [
      ...eachBegins(names, (name) => [name, "sends", head(name.length)]),
      ...eachBegins(names, (name) => [name, "sends", name.slice(0, 3)]),
      ...eachBegins(names, (name) => [name, "sends", name.slice(3)]),
      ...eachBegins(names, (name) => [name, "is answered", 1])
    ],
    bodies: names,
    isAnyOrder: true
  },
  {
    name: "for a connection too many the one that is at rest for the longest time is closed",
    limits: { maxConnections: 3 },
    steps: [
      ["busy", "sends", `${head(4)}bu`],
      ...atRest("a", "b"),
      ["a", "sends", post("again")],
      ["a", "is answered", 2],
      ...atRest("c"),
      ["b", "is closed"],
      ["busy", "sends", "sy"],
      ["busy", "is answered", 1],
      ["a", "is open"]
    ],
    bodies: ["a", "b", "again", "c", "busy"]
  },
  {
    name: "if all connections are at work, a new one takes the place of the one that was silent for the longest time",
    limits: { maxConnections: 2 },
    steps: [
      ["first", "sends", head(9, "Expect: 100-continue\r\n")],
      ["first", "receives", goAhead],
      ["second", "sends", head(6, "Expect: 100-continue\r\n")],
      ["second", "receives", goAhead],
      ...atRest("third"),
      ["first", "is closed"],
      ["second", "sends", "second"],
      ["second", "is answered", 1]
    ],
    bodies: ["third", "second"]
  },
  {
    name: "256 unfinished bodies of 8 MiB take no more than 32 MiB, 128 KiB for each connection, and the first one gets done",
    // The time limit would free the memory while the test waits for garbage to go.
    limits: { requestTimeout: "10 minutes" },
    steps: [
      ["first", "sends", `${head(8 * MiB)}x`],
      ...atRest("after it"),
      ...eachBegins(many, (name) => [name, "sends", head(8 * MiB)]),
      ...eachBegins(many, (name) => [name, "presses", mebibyte]),
      ["first", "sends", Buffer.alloc(8 * MiB - 1, "x")],
      ["first", "is answered", 1]
    ],
    bodies: ["after it", "x".repeat(8 * MiB)],
    // 32 MiB and 256 times 128 KiB, as the document says; the receiver of the test keeps 8 MiB as well.
    growth: (32 + 32 + 8) * MiB
  },
  {
    name: "a client that sends a byte now and then, in headers or body, is ended by the time limit",
    limits: { requestTimeout: "300 millis" },
    steps: [
      ["pipelined", "sends", `${post("first")}${head(9)}x`],
      ["body", "sends", head(MiB)],
      ["headers", "sends", "POST / HTTP/1.1\r\nX: "],
      ["second", "sends", post("whole")],
      ["second", "is answered", 1],
      ["second", "sends", "P"],
      ["body", "trickles"],
      ["headers", "trickles"],
      ...["body", "headers", "second", "pipelined"].map((name): Step => [name, "is closed"])
    ],
    bodies: ["first", "whole"],
    isAnyOrder: true
  },
  {
    name: "a client that never sends anything is ended as well; one that waits with its next request is not",
    limits: { requestTimeout: "100 millis" },
    steps: [
      ...atRest("good"),
      ...["silent 1", "silent 2", "silent 3"].map((name): Step => [name, "is closed"]),
      ["good", "sends", post("again")],
      ["good", "is answered", 2]
    ],
    bodies: ["good", "again"]
  },
  {
    name: "a freeze is no part of the time limit",
    limits: { requestTimeout: "600 millis" },
    steps: [1, 2, 3].flatMap((round): ReadonlyArray<Step> => [
      ["a", "sends", `${head(2)}a`],
      ["the process", "freezes", 700],
      ["a", "sends", "b"],
      ["a", "is answered", round]
    ]),
    bodies: ["ab", "ab", "ab"]
  },
  {
    name: "closed, it accepts nothing and cuts every connection, without waiting for the clients (HTTP)",
    steps: [
      ...atRest("idle"),
      ["busy", "sends", `${head(10)}abc`],
      ["the listener", "closes"],
      ["idle", "is closed"],
      ["busy", "is closed"],
      ["late", "is refused"]
    ],
    bodies: ["idle"]
  },
  {
    name: "it survives a receiver that throws, and says so once (HTTP)",
    throws: true,
    steps: [
      ["a", "sends", post("first")],
      ["the receiver", "has bodies", 1],
      ["a", "sends", post("second")],
      ["the receiver", "has bodies", 2]
    ],
    bodies: ["first", "second"],
    logs: "threw"
  }
]

export const listenerCases: ReadonlyArray<Case> = [...http, ...tcpCases]
