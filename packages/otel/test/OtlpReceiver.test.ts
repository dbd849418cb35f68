/** OTLP from the function, over real sockets: each answer, each count, and what is kept. */
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { request } from "node:http"
import { connect as connectHttp2 } from "node:http2"
import { gzipSync } from "node:zlib"
import * as OtlpReceiver from "../src/OtlpReceiver.ts"
import { exchange } from "../../extension-node/test/differential/sockets.ts"
import { until } from "../../extension-node/test/support/RawServer.ts"
import { decodeOfficially, encodeOfficially, requestType, responseType } from "./support/official.ts"

const environment = {
  runtimeApi: "127.0.0.1:1",
  extensionName: "otel",
  initializationType: "on-demand" as const,
  registration: Option.none()
}
const receiving = Effect.fnUntraced(function* (options: Partial<OtlpReceiver.Options> = {}) {
  const pieces: Array<OtlpReceiver.Piece> = []
  const accept = (piece: OtlpReceiver.Piece) => pieces.push(piece) > 0
  const receiver = yield* Effect.provideService(
    OtlpReceiver.make({ port: 0, grpcPort: 0, accept, ...options }),
    LambdaEnvironment,
    environment
  )
  return { ...receiver, pieces }
})

interface Asked {
  readonly status: number
  readonly type: string | undefined
  readonly retryAfter: string | undefined
  readonly body: Buffer
}

/** A request of node:http. */
const post = (
  port: number,
  path: string,
  headers: Record<string, string>,
  body: Uint8Array | string,
  method = "POST"
) =>
  Effect.callback<Asked>((resume) => {
    const asking = request({ host: "127.0.0.1", port, path, method, headers }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resume(
          Effect.succeed({
            status: response.statusCode ?? 0,
            type: response.headers["content-type"],
            retryAfter: response.headers["retry-after"],
            body: Buffer.concat(chunks)
          })
        )
      )
    })
    asking.on("error", (cause) => resume(Effect.die(cause)))
    asking.end(body)
    return Effect.sync(() => asking.destroy())
  })

const protobuf = { "content-type": "application/x-protobuf" }
const json = { "content-type": "application/json; charset=utf-8" }

const traceId = "5b8efff798038103d269b633813fc60c"
const spanId = "eee19b7ec3c1b174"
const parentSpanId = "eee19b7ec3c1b173"
const requestId = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const server = (more: object = {}) => ({
  traceId,
  spanId,
  parentSpanId,
  name: "handler",
  kind: 2,
  attributes: [attribute("faas.trigger", "http"), attribute("faas.invocation_id", requestId)],
  ...more
})
const client = { traceId, spanId: "0000000000000001", name: "GET", kind: 3 }
const tracesOf = (...spans: ReadonlyArray<object>) => ({
  resourceSpans: [{ resource: { attributes: [attribute("service.name", "f")] }, scopeSpans: [{ spans }] }]
})
const logsOf = (...bodies: ReadonlyArray<string>) => ({
  resourceLogs: [{ scopeLogs: [{ logRecords: bodies.map((stringValue) => ({ body: { stringValue } })) }] }]
})
const gauge = {
  resourceMetrics: [
    { scopeMetrics: [{ metrics: [{ name: "a", gauge: { dataPoints: [{ asInt: "1" }, { asDouble: 2.5 }] } }] }] }
  ]
}

/** With the ids as bytes, which the official encoder wants. */
const bytesOf = (signal: OtlpReceiver.Signal, value: object): Uint8Array => {
  const withBytes: unknown = JSON.parse(JSON.stringify(value), (key, of: unknown) =>
    /^(trace|span|parentSpan)Id$/.test(key) && typeof of === "string" ? [...Buffer.from(of, "hex")] : of
  )
  return encodeOfficially(requestType(signal), Object(withBytes))
}

describe("a request", () => {
  it.live.each([
    ["traces", tracesOf(server(), client), 2],
    ["metrics", gauge, 2],
    ["logs", logsOf("one", "two", "three"), 3]
  ] as const)("of %s is answered 200 in its own content type, and handed over as protobuf", ([signal, value, count]) =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      const bytes = bytesOf(signal, value)
      const path = `/v1/${signal}`
      const answers = [
        yield* post(receiver.port, path, protobuf, bytes),
        yield* post(receiver.port, path, { ...protobuf, "content-encoding": "gzip" }, gzipSync(bytes)),
        yield* post(receiver.port, path, json, JSON.stringify(value)),
        yield* post(receiver.port, path, { ...json, "content-encoding": "gzip" }, gzipSync(JSON.stringify(value)))
      ]
      assert.deepStrictEqual(
        answers.map(({ body, status, type }) => [status, type, body.toString()]),
        [
          [200, "application/x-protobuf", ""],
          [200, "application/x-protobuf", ""],
          [200, "application/json", "{}"],
          [200, "application/json", "{}"]
        ]
      )
      assert.deepStrictEqual(decodeOfficially(responseType(signal), answers[0]?.body ?? assert.fail()), {})
      assert.lengthOf(receiver.pieces, 4)
      for (const piece of receiver.pieces) {
        assert.deepStrictEqual<unknown>(decodeOfficially(requestType(signal), piece.bytes), value)
        assert.deepStrictEqual([piece.signal, piece.count], [signal, count])
      }
      const { accepted, requests } = yield* receiver.counts
      assert.deepStrictEqual([accepted[signal], requests], [4 * count, 4])
    })
  )

  it.live("with nothing in it is answered 200 and not handed over", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      assert.strictEqual((yield* post(receiver.port, "/v1/logs", protobuf, "")).status, 200)
      assert.strictEqual((yield* post(receiver.port, "/v1/logs", json, "{}")).status, 200)
      assert.deepStrictEqual([receiver.pieces, (yield* receiver.counts).requests], [[], 2])
    })
  )

  it.live("that is small does not hold the memory around it", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      const body = bytesOf("logs", logsOf("a"))
      const head = `POST /v1/logs HTTP/1.1\r\nX: ${"x".repeat(10_000)}\r\nContent-Type: application/x-protobuf\r\nContent-Length: `
      yield* exchange(receiver.port, [Buffer.concat([Buffer.from(`${head}${body.length}\r\n\r\n`), body])])
      assert.strictEqual(receiver.pieces[0]?.bytes.buffer.byteLength, body.length)
    })
  )
})

it.live("a fault inside of an attribute is for the backend, or answered 400 if requests are read whole", () =>
  Effect.gen(function* () {
    const wrong = bytesOf("traces", tracesOf({ name: "GET", kind: 3, attributes: [attribute("key", "aaaa")] }))
    const at = Buffer.from(wrong).indexOf("aaaa")
    const body = Buffer.from(wrong).fill(0xff, at, at + 4)
    const usual = yield* receiving()
    assert.strictEqual((yield* post(usual.port, "/v1/traces", protobuf, body)).status, 200)
    assert.deepStrictEqual(
      usual.pieces.map(({ bytes, count }) => [Buffer.from(bytes), count]),
      [[body, 1]]
    )
    const whole = yield* receiving({ isReadWhole: (signal) => signal === "traces" })
    assert.strictEqual((yield* post(whole.port, "/v1/traces", protobuf, body)).status, 400)
    assert.deepStrictEqual(whole.pieces, [])
  })
)

describe("a request is refused", () => {
  const half = bytesOf("traces", tracesOf(server())).subarray(0, 40)
  it.live.each([
    ["with half a protobuf", "/v1/traces", protobuf, half, "POST", 400],
    ["with JSON that is none", "/v1/traces", json, "{", "POST", 400],
    ["with protobuf that is called JSON", "/v1/traces", json, half, "POST", 400],
    ["with JSON that is called protobuf", "/v1/traces", protobuf, "{}", "POST", 400],
    ["that is not the gzip that it says", "/v1/traces", { ...protobuf, "content-encoding": "gzip" }, half, "POST", 400],
    [
      "with a text that is not UTF-8",
      "/v1/logs",
      protobuf,
      bytesOf("logs", logsOf("aaaa")).fill(0xff, -4),
      "POST",
      400
    ],
    ["of another content type", "/v1/traces", { "content-type": "text/plain" }, "a", "POST", 415],
    ["in another encoding", "/v1/traces", { ...protobuf, "content-encoding": "zstd" }, "a", "POST", 415],
    ["to another path", "/v1/trace", protobuf, half, "POST", 404],
    ["to the root", "/", protobuf, half, "POST", 404],
    ["with another method", "/v1/traces", {}, "", "GET", 405],
    ["of 64 MiB", "/v1/traces", protobuf, Buffer.alloc(64 * 2 ** 20), "POST", 413],
    [
      "of 64 MiB after decompression",
      "/v1/traces",
      { ...protobuf, "content-encoding": "gzip" },
      gzipSync(Buffer.alloc(64 * 2 ** 20)),
      "POST",
      413
    ]
  ] as const)(
    "%s: a clear answer, a count, one line, and no neighbour is lost",
    ([, path, headers, body, method, status]) => {
      const lines: Array<string> = []
      const logger = Logger.layer([
        Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
      ])
      return Effect.gen(function* () {
        const receiver = yield* receiving()
        const secret = { ...headers, authorization: "Bearer secret" }
        const neighbour = () => post(receiver.port, "/v1/logs", json, JSON.stringify(logsOf("good")))
        const answers = yield* Effect.all(
          [
            neighbour(),
            post(receiver.port, path, secret, body, method),
            neighbour(),
            post(receiver.port, path, secret, body, method)
          ],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          answers.map((answer) => answer.status),
          [200, status, 200, status]
        )
        const { body: said, type } = answers[1]
        assert.strictEqual(type, headers === json ? "application/json" : "application/x-protobuf")
        assert.isAbove(said.length, 10)
        const { accepted, refusedRequests, requests } = yield* receiver.counts
        assert.deepStrictEqual([refusedRequests, requests, accepted.logs], [{ [status]: 2 }, 2, 2])
        assert.lengthOf(receiver.pieces, 2)
        yield* until("the line", () => lines.length > 0)
        assert.lengthOf(lines, 1)
        assert.include(lines[0], `WARN OTLP of the function was answered ${status}: `.replace("WARN", "Warn"))
        assert.notInclude(lines[0], "secret")
      }).pipe(Effect.provide(logger))
    }
  )

  it.live("with 429 and Retry-After if there is no room, and is taken when there is room again", () =>
    Effect.gen(function* () {
      const rooms = [true, false, true]
      const receiver = yield* receiving({ accept: () => rooms.shift() ?? false })
      const send = () => post(receiver.port, "/v1/logs", json, JSON.stringify(logsOf("a", "b")))
      assert.strictEqual((yield* send()).status, 200)
      const full = yield* send()
      assert.deepStrictEqual([full.status, full.retryAfter], [429, "1"])
      assert.include(full.body.toString(), "too much waits for the backend already")
      assert.strictEqual((yield* send()).status, 200)
      const { accepted, refusedRequests } = yield* receiver.counts
      assert.deepStrictEqual([accepted.logs, refusedRequests], [4, { 429: 1 }])
    })
  )

  it.live("with 413 if it is too long as protobuf", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving({ maxBodyBytes: 1000 })
      const explicitBounds = Array.from({ length: 200 }, () => 1)
      const histogram = {
        resourceMetrics: [{ scopeMetrics: [{ metrics: [{ histogram: { dataPoints: [{ explicitBounds }] } }] }] }]
      }
      assert.isBelow(JSON.stringify(histogram).length, 1000)
      const answer = yield* post(receiver.port, "/v1/metrics", json, JSON.stringify(histogram))
      assert.strictEqual(answer.status, 413)
      assert.include(answer.body.toString(), "longer than 1000 bytes as protobuf")
    })
  )

  it.live("and at the end the log has how many were, by their status", () => {
    const lines: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    return Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { port } = yield* receiving()
          for (const body of ["{}", "{", "{"]) yield* post(port, "/v1/logs", json, body)
          yield* post(port, "/v2/logs", json, "{}")
        })
      )
      assert.strictEqual(
        lines.at(-1),
        "OTLP of the function: 1 requests were taken, and refused were 2 with 400, 1 with 404"
      )
    }).pipe(Effect.provide(logger))
  })

  it.live.each([
    ["TLS", Buffer.from([0x16, 0x03, 0x01, 0x00, 0xf1, 0x01, 0x00, 0x00, 0xed]), 400],
    ["two lengths", "POST /v1/logs HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
    ["a head of 20 KB", `POST /v1/logs HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, 431]
  ] as const)("that is no HTTP is counted and said as well: %s", ([, bytes, status]) => {
    const lines: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    return Effect.gen(function* () {
      const receiver = yield* receiving()
      yield* exchange(receiver.port, [Buffer.from(bytes)])
      assert.deepStrictEqual((yield* receiver.counts).refusedRequests, { [status]: 1 })
      yield* until("the line", () => lines.length > 0)
      assert.include(lines[0], `was answered ${status}: it is no HTTP that can be read`)
    }).pipe(Effect.provide(logger))
  })

  it.live("a connection that ends in the middle of a body leaves nothing", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      const head = "POST /v1/logs HTTP/1.1\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100\r\n\r\n"
      yield* exchange(receiver.port, [head, Buffer.from(bytesOf("logs", logsOf("a")))])
      assert.strictEqual((yield* receiver.counts).requests, 0)
    })
  )
})

describe("the span of the SDK", () => {
  const found = Effect.fnUntraced(function* (...spans: ReadonlyArray<object>) {
    const receiver = yield* receiving()
    yield* post(receiver.port, "/v1/traces", protobuf, bytesOf("traces", tracesOf(...spans)))
    return receiver.sdkSpan(requestId)
  })
  const expected = { requestId, traceId, spanId, parentSpanId }

  it.live.each([
    ["of kind SERVER with faas.invocation_id", [client, server()], expected],
    ["of kind CONSUMER, as for a queue", [server({ kind: 5 })], expected],
    ["with the older faas.execution", [server({ attributes: [attribute("faas.execution", requestId)] })], expected],
    [
      "with both names, by the newer",
      [server({ attributes: [attribute("faas.execution", "x"), attribute("faas.invocation_id", requestId)] })],
      expected
    ],
    ["without a parent", [server({ parentSpanId: "" })], { requestId, traceId, spanId }],
    ["with a parent of zeros", [server({ parentSpanId: "0000000000000000" })], { requestId, traceId, spanId }],
    ["the last of two, as the outer one ends last", [server({ spanId: "0000000000000002" }), server()], expected],
    ["not of another kind", [server({ kind: 1 })], undefined],
    ["not of another invocation", [server({ attributes: [attribute("faas.invocation_id", "other")] })], undefined],
    ["not without the attribute", [server({ attributes: [] })], undefined],
    [
      "not with an attribute that is no text",
      [server({ attributes: [{ key: "faas.invocation_id", value: { intValue: "1" } }] })],
      undefined
    ],
    ["not with a trace id of zeros", [server({ traceId: "0".repeat(32) })], undefined],
    [
      "not of an event inside of a span",
      [server({ attributes: [], events: [{ attributes: [attribute("faas.invocation_id", requestId)] }] })],
      undefined
    ]
  ] as const)("is found: %s", ([, spans, expectation]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* found(...spans), expectation)
    })
  )

  it.live("of a second attempt takes the place of the first, in JSON too", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      const first = server({ traceId: "0af7651916cd43dd8448eb211c80319c" })
      yield* post(receiver.port, "/v1/traces", protobuf, bytesOf("traces", tracesOf(first)))
      assert.strictEqual(receiver.sdkSpan(requestId)?.traceId, first.traceId)
      yield* post(receiver.port, "/v1/traces", json, JSON.stringify(tracesOf(server({ kind: "SPAN_KIND_SERVER" }))))
      assert.deepStrictEqual<unknown>(receiver.sdkSpan(requestId), expected)
    })
  )

  it.live("of 1024 invocations is remembered, the oldest is forgotten", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      const spans = Array.from({ length: 1025 }, (_, index) =>
        server({ attributes: [attribute("faas.invocation_id", `id${index}`)] })
      )
      yield* post(receiver.port, "/v1/traces", protobuf, bytesOf("traces", tracesOf(...spans)))
      assert.deepStrictEqual(
        [0, 1, 1024].map((index) => receiver.sdkSpan(`id${index}`)?.requestId),
        [undefined, "id1", "id1024"]
      )
    })
  )
})

describe("gRPC", () => {
  it.live.each(["port", "grpcPort"] as const)("at %s is closed, with one line that says what to set", (which) => {
    const lines: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    return Effect.gen(function* () {
      const receiver = yield* receiving()
      for (let run = 0; run < 2; run++) {
        yield* Effect.callback<void>((resume) => {
          const session = connectHttp2(`http://127.0.0.1:${receiver[which]}`)
          session.on("error", () => {})
          session.once("close", () => resume(Effect.void))
          session
            .request({ ":method": "POST", ":path": "/opentelemetry.proto.collector.trace.v1.TraceService/Export" })
            .on("error", () => {})
          return Effect.sync(() => session.destroy())
        })
      }
      yield* until("the line", () => lines.length > 0)
      assert.lengthOf(lines, 1)
      assert.include(lines[0], "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
    }).pipe(Effect.provide(logger))
  })

  it.live("a client of HTTP at its port is served all the same", () =>
    Effect.gen(function* () {
      const receiver = yield* receiving()
      const answer = yield* post(receiver.grpcPort ?? 0, "/v1/logs", json, JSON.stringify(logsOf("a")))
      assert.strictEqual(answer.status, 200)
      assert.strictEqual((yield* receiver.counts).accepted.logs, 1)
    })
  )
})

describe("the ports", () => {
  it.live("a port of OTLP that is taken fails, a port of gRPC that is taken does not", () =>
    Effect.gen(function* () {
      const { port } = yield* receiving()
      assert.include((yield* Effect.flip(receiving({ port }))).message, `127.0.0.1:${port}`)
      assert.isUndefined((yield* receiving({ grpcPort: port })).grpcPort)
    })
  )

  it.live("any port will do in the trial run of a build", () =>
    Effect.gen(function* () {
      const { port } = yield* receiving()
      const trial = yield* OtlpReceiver.make({ port, grpcPort: port, accept: () => true }).pipe(
        Effect.provideService(LambdaEnvironment, { ...environment, isTrial: true })
      )
      assert.notStrictEqual(trial.port, port)
    })
  )
})
