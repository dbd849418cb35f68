/** The exporters of OpenTelemetry's SDK send to the receiver, and the backend has what they send to it without the extension. */
import { Extension } from "@effect-lambda/extension"
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { Otel, OtelConfig, OtlpReceiver } from "@effect-lambda/otel"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { createServer } from "node:http"
import { gunzipSync } from "node:zlib"
import { freePort } from "./support/freePort.ts"
import { decodeOfficially, encodeOfficially, requestType } from "./support/official.ts"
import { backend, variables } from "./support/run.ts"
import { brokenSpans, exported, exporterOfTraces, forms, manySpans, send, serviceName } from "./support/sdk.ts"

const { delivery, runtimeDone, start } = TelemetryTest

interface Body {
  readonly signal: string
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** A backend that keeps the bodies. */
const listening = Effect.gen(function* () {
  const bodies: Array<Body> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { "content-encoding": encoding, "content-type": contentType = "" } = request.headers
      const body = Buffer.concat(chunks)
      const bytes = encoding === "gzip" ? gunzipSync(body) : body
      bodies.push({ signal: (request.url ?? "").slice("/v1/".length), contentType, bytes })
      response.writeHead(200, { "content-type": contentType }).end(contentType === "application/json" ? "{}" : "")
    })
  })
  const port = yield* freePort
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(port, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close() && server.closeAllConnections())
  )
  return { bodies, url: `http://127.0.0.1:${port}` }
})

const ids = /^(trace|span|parentSpan)Id$/

/** The resources of the SDK in a request, with all that is in them, by the official definitions. */
const ofSdk = (signal: OtelConfig.Signal, { bytes, contentType }: Body): ReadonlyArray<unknown> => {
  const type = requestType(signal)
  const json = (): unknown =>
    JSON.parse(new TextDecoder().decode(bytes), (name, value: unknown) =>
      ids.test(name) && typeof value === "string" ? [...Buffer.from(value, "hex")] : value
    )
  const request = decodeOfficially(
    type,
    contentType === "application/json" ? encodeOfficially(type, Object(json())) : bytes
  )
  const [resources] = Object.values(Object(request))
  assert(Array.isArray(resources))
  return resources.filter((each) => JSON.stringify(each.resource).includes(serviceName))
}

/** In every form, one after the other; says of each signal of each form whether it was sent. */
const sendAll = (url: string) =>
  Effect.map(
    Effect.forEach(forms, (form) => send(url, form)),
    (results) => results.flat()
  )

/** All that an environment with the extension sends to its backend, while the exporters send to the receiver. */
const through = Effect.fnUntraced(function* (protocol: OtelConfig.Backend["protocol"]) {
  const port = yield* freePort
  const { client, received } = backend(() => ({ status: 200 }))
  const { onInvoke, telemetry } = Otel.make({ types: ["platform"], grace: 0, quiet: 0 })
  let sent: ReadonlyArray<boolean> = []
  const env = {
    ...variables,
    EFFECT_LAMBDA_OTLP_PROTOCOL: protocol,
    EFFECT_LAMBDA_OTLP_RECEIVER: "true",
    EFFECT_LAMBDA_OTLP_RECEIVER_PORT: String(port)
  }
  yield* Extension.run({
    telemetry,
    onInvoke: (event) =>
      Effect.andThen(
        onInvoke(event),
        Effect.map(sendAll(`http://127.0.0.1:${port}`), (results) => {
          sent = results
        })
      )
  }).pipe(
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
    Effect.provide([
      Logger.layer([]),
      ExtensionTest.layer([
        ExtensionTest.invoke({
          timeout: "60 seconds",
          delivers: [delivery([start("request-1"), runtimeDone("request-1")])]
        }),
        ExtensionTest.shutdown()
      ])
    ])
  )
  const bodies = received.map(({ body, headers, signal }): Body => ({
    signal,
    contentType: headers["content-type"] ?? "",
    bytes: body
  }))
  return { sent, bodies }
})

const everything = Array.from({ length: forms.length * OtelConfig.signals.length }, () => true)

/** The fields that hold the kinds of telemetry which the SDK made. */
const named = {
  traces: ["events", "links", "status", "parentSpanId"],
  metrics: ["sum", "gauge", "histogram", "exponentialHistogram"],
  logs: ["kvlistValue", "bytesValue", "eventName", "spanId"]
}

describe("what the exporters send in protobuf and JSON, with gzip and without,", () => {
  it.live.each(["http/protobuf", "http/json"] as const)(
    "is the same at a backend of %s as without the extension",
    (protocol) =>
      Effect.gen(function* () {
        const direct = yield* listening
        assert.deepStrictEqual(yield* sendAll(direct.url), everything)
        const { bodies, sent } = yield* through(protocol)
        assert.deepStrictEqual(sent, everything)
        for (const signal of OtelConfig.signals) {
          const of = (all: ReadonlyArray<Body>) =>
            all.filter((body) => body.signal === signal).flatMap((body) => ofSdk(signal, body))
          const expected = of(direct.bodies)
          assert.lengthOf(expected, forms.length)
          for (const name of named[signal]) assert.include(JSON.stringify(expected), `"${name}":`)
          assert.deepStrictEqual(of(bodies), expected)
        }
      })
  )
})

const receiving = Effect.fnUntraced(function* (options: Omit<OtlpReceiver.Options, "port" | "grpcPort">) {
  const receiver = yield* Effect.provideService(
    OtlpReceiver.make({ ...options, port: 0, grpcPort: 0 }),
    LambdaEnvironment,
    {
      runtimeApi: "127.0.0.1:1",
      extensionName: "otel",
      initializationType: "on-demand",
      registration: Option.none()
    }
  )
  return { ...receiver, url: `http://127.0.0.1:${receiver.port}` }
})

describe("an exporter", () => {
  it.live("that meets a full queue sends again, and nothing is lost", () =>
    Effect.gen(function* () {
      const pieces: Array<OtlpReceiver.Piece> = []
      const refused = new Set<OtelConfig.Signal>()
      // The first request of each signal finds no room.
      const accept = (piece: OtlpReceiver.Piece) => {
        if (refused.has(piece.signal)) return pieces.push(piece) > 0
        refused.add(piece.signal)
        return false
      }
      const receiver = yield* receiving({ accept })
      const direct = yield* listening
      const form = { isJson: false, isCompressed: false }
      const [sent] = yield* Effect.all([send(receiver.url, form), send(direct.url, form)], { concurrency: "unbounded" })
      assert.deepStrictEqual(sent, [true, true, true])
      assert.deepStrictEqual((yield* receiver.counts).refusedRequests, { 429: 3 })
      for (const signal of OtelConfig.signals) {
        const bytesOf = (all: ReadonlyArray<{ readonly signal: string; readonly bytes: Uint8Array }>) =>
          all.filter((each) => each.signal === signal).map(({ bytes }) => Buffer.from(bytes).toString("hex"))
        assert.deepStrictEqual(bytesOf(pieces), bytesOf(direct.bodies))
      }
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.live.each(forms)("that is answered 400 or 413 goes on: %o", (form) =>
    Effect.gen(function* () {
      const receiver = yield* receiving({ accept: () => true, maxBodyBytes: 10_000 })
      const exporter = exporterOfTraces(receiver.url, form)
      const sent = yield* Effect.forEach(
        [manySpans(3), brokenSpans(), manySpans(3), manySpans(300), manySpans(3)],
        (spans) => exported(exporter, spans)
      )
      assert.deepStrictEqual(sent, [true, false, true, false, true])
      const { accepted, refusedRequests } = yield* receiver.counts
      assert.deepStrictEqual([accepted.traces, refusedRequests], [9, { 400: 1, 413: 1 }])
    }).pipe(Effect.provide(Logger.layer([])))
  )
})
