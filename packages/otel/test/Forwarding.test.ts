/** Requests of the function's SDK on their way to the backend, together with the signals of the extension. */
import { Extension, Telemetry } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { OtelConfig, type OtlpReceiver, OtlpSink, Resource } from "@effect-lambda/otel"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import { spansIn } from "./support/json.ts"
import { type Answer, backend, heldMillis, runInTime, variables } from "./support/run.ts"

const { invoke, shutdown } = ExtensionTest
const { delivery, runtimeDone, start } = TelemetryTest

const spanId = (n: number) => String(n).padStart(16, "0")

const span = (n: number) => ({
  traceId: "5759e988bd862e3fe1be46a994272793",
  spanId: spanId(n),
  parentSpanId: undefined,
  name: `of the function ${n}`,
  kind: 1,
  startTimeUnixNano: "1767225600000000000",
  endTimeUnixNano: "1767225600100000000",
  attributes: [],
  droppedAttributesCount: 0,
  events: [],
  droppedEventsCount: 0,
  status: { code: 0 as const },
  links: [],
  droppedLinksCount: 0
})

/** A request with spans of these numbers, as an SDK sends it. */
const pieceOf = (...numbers: ReadonlyArray<number>) =>
  Effect.map(Layer.build(OtlpSerialization.layerProtobuf), (context): OtlpReceiver.Piece => {
    const body = Context.get(context, OtlpSerialization.OtlpSerialization).traces({
      resourceSpans: [
        {
          resource: { attributes: [], droppedAttributesCount: 0 },
          scopeSpans: [{ scope: { name: "sdk" }, spans: numbers.map(span) }]
        }
      ]
    })
    assert.strictEqual(body._tag, "Uint8Array")
    return { signal: "traces", bytes: body._tag === "Uint8Array" ? body.body : new Uint8Array(), count: numbers.length }
  })

interface Options {
  readonly answer?: Parameters<typeof backend>[0]
  readonly env?: Readonly<Record<string, string>>
  readonly pieces: ReadonlyArray<OtlpReceiver.Piece>
  readonly queue?: Telemetry.StreamOptions["queue"]
}

/** An invocation in which the function sends pieces, and another without. */
const run = Effect.fnUntraced(function* ({ answer = () => ({ status: 200 }), env, pieces, queue }: Options) {
  const { client, received } = backend(answer)
  const messages: Array<string> = []
  const taken: Array<boolean> = []
  let forward: OtlpSink.OtlpSinks["forward"] = () => false
  let accounting: TelemetryAccounting.TelemetryAccounting | undefined
  const telemetry = Telemetry.make({
    types: ["platform"],
    grace: 0,
    quiet: 0,
    queue,
    onAccounting: (last) =>
      Effect.sync(() => {
        accounting = last
      }),
    sink: Effect.fnUntraced(function* (host: Telemetry.SinkHost) {
      const settings = yield* OtelConfig.settings
      const made = yield* OtlpSink.make(
        {
          settings,
          resource: Resource.make({ functionName: "f", functionVersion: "1", memorySize: 128, region: "eu-west-1" }),
          scope: { name: "test", version: "1" },
          mapping: {
            functionName: "f",
            serverSpan: "auto",
            xrayParent: "link",
            isSampled: () => true,
            platformEvents: false
          },
          factsOf: () => ({})
        },
        host
      )
      ;({ forward } = made)
      return made.sinks
    })
  })
  const onInvoke = () =>
    Effect.sync(() => {
      if (taken.length === 0) taken.push(...pieces.map((piece) => forward(piece)))
    })
  const logs = Logger.layer([
    Logger.make(({ logLevel, message }) => void messages.push(`${logLevel}: ${String(message)}`))
  ])
  const journal = yield* runInTime(
    Extension.run({ telemetry, onInvoke }).pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...variables, ...env } })),
      Effect.provide(logs)
    )
  ).pipe(
    Effect.andThen(ExtensionTest.journal),
    Effect.provide(
      ExtensionTest.layer([
        invoke({ delivers: [delivery([start("request-1"), runtimeDone("request-1")])] }),
        invoke({ delivers: [delivery([start("request-2"), runtimeDone("request-2")])] }),
        shutdown()
      ])
    )
  )
  const traces = received.filter(({ signal }) => signal === "traces")
  return {
    held: heldMillis(journal),
    messages,
    taken,
    traces,
    counts: accounting?.consumers.find(({ name }) => name === "otlp traces"),
    /** The ids of spans of the function that arrived. */
    arrived: () =>
      traces
        .filter(({ status }) => status === 200)
        .flatMap(({ body }) => spansIn(body).filter(({ name }) => name.startsWith("of the function")))
        .map(({ spanId }) => Number(spanId))
        .toSorted((a, b) => a - b)
  }
})

const ok: Answer = { status: 200 }

const has = (body: Uint8Array, n: number) => new TextDecoder().decode(body).includes(spanId(n))

describe("what the function sends", () => {
  it.effect("leaves in one request with the spans of the extension, before next", () =>
    Effect.gen(function* () {
      const { arrived, counts, traces } = yield* run({ pieces: [yield* pieceOf(1, 2), yield* pieceOf(3)] })
      assert.deepStrictEqual(arrived(), [1, 2, 3])
      assert.deepStrictEqual(
        traces.map(({ body }) => spansIn(body).length),
        [4, 1]
      )
      assert.deepInclude(counts, { offered: 5, delivered: 5, droppedBySink: 0, unsent: 0 })
    })
  )

  it.effect("is joined byte by byte for a backend of protobuf", () =>
    Effect.gen(function* () {
      const piece = yield* pieceOf(1)
      const { traces } = yield* run({ pieces: [piece], env: { EFFECT_LAMBDA_OTLP_PROTOCOL: "http/protobuf" } })
      const [first] = traces
      assert.strictEqual(first?.headers["content-type"], "application/x-protobuf")
      assert.deepStrictEqual(first?.body.slice(-piece.bytes.length), new Uint8Array(piece.bytes))
    })
  )

  it.effect("is not taken when the queue is full, and then in no count", () =>
    Effect.gen(function* () {
      const pieces = [yield* pieceOf(1), yield* pieceOf(2), yield* pieceOf(3), yield* pieceOf(4)]
      const { arrived, counts, taken } = yield* run({
        pieces,
        queue: { maxRecords: 2 },
        // The two are on their way, or wait for it.
        answer: (_, nth) => (nth === 1 ? "hang" : ok)
      })
      assert.deepStrictEqual(taken, [true, true, false, false])
      assert.deepStrictEqual(arrived(), [1, 2])
      // The records of Lambda that come then find no room either, and they do count: the span that they make is dropped.
      assert.deepInclude(counts, { offered: 4, delivered: 3, droppedByQueue: 1, droppedBySink: 0, unsent: 0 })
    })
  )

  it.effect("and is refused with 400 costs only itself", () =>
    Effect.gen(function* () {
      const pieces = [yield* pieceOf(1, 2), yield* pieceOf(13, 14, 15), yield* pieceOf(3)]
      const { arrived, counts, messages, traces } = yield* run({
        pieces,
        answer: (_, __, body) => (has(body, 13) ? { status: 400, body: "bad" } : ok)
      })
      assert.deepStrictEqual(arrived(), [1, 2, 3])
      assert.deepInclude(counts, { offered: 8, delivered: 5, droppedBySink: 3, unsent: 0 })
      // All together, then each alone, then the second invocation.
      assert.strictEqual(traces.length, 6)
      const said = messages.filter((message) =>
        message.includes("refused 3 items, 3 of them from the function, and took those beside them")
      )
      assert.strictEqual(said.length, 1)
      assert.strictEqual(new Set(traces.slice(0, 5).map(({ headers }) => headers["idempotency-key"])).size, 5)
    })
  )

  it.effect("and is refused alone costs nothing of a part before it that was too large, which is sent in halves", () =>
    Effect.gen(function* () {
      let wasTooLarge = false
      const { arrived, counts } = yield* run({
        pieces: [yield* pieceOf(13, 14, 15), yield* pieceOf(1, 2)],
        answer: (_, __, body) => {
          if (has(body, 13)) return { status: 400 }
          if (wasTooLarge || has(body, 1)) return ok
          wasTooLarge = true
          return { status: 413 }
        }
      })
      assert.isTrue(wasTooLarge)
      assert.deepStrictEqual(arrived(), [1, 2])
      assert.deepInclude(counts, { offered: 7, delivered: 4, droppedBySink: 3, unsent: 0 })
    })
  )

  it.effect.each([401, 500])("and is refused alone with %d, after 400 for all together, costs only itself", (status) =>
    Effect.gen(function* () {
      const pieces = [yield* pieceOf(1, 2), yield* pieceOf(13, 14, 15), yield* pieceOf(3)]
      const { arrived, counts } = yield* run({
        pieces,
        answer: (_, __, body) => {
          if (!has(body, 13)) return ok
          return { status: spansIn(body).length === 3 ? status : 400 }
        }
      })
      assert.deepStrictEqual(arrived(), [1, 2, 3])
      assert.deepInclude(counts, { offered: 8, delivered: 5, droppedBySink: 3, unsent: 0 })
    })
  )

  it.effect("and is too large alone costs only itself, with 413", () =>
    Effect.gen(function* () {
      const pieces = [yield* pieceOf(1, 2), yield* pieceOf(13, 14, 15), yield* pieceOf(3)]
      const { arrived, counts } = yield* run({
        pieces,
        answer: (_, __, body) => (has(body, 13) ? { status: 413 } : ok)
      })
      assert.deepStrictEqual(arrived(), [1, 2, 3])
      assert.deepInclude(counts, { offered: 8, delivered: 5, droppedBySink: 3, unsent: 0 })
    })
  )

  it.effect("arrives if the backend refuses the part of the extension with 400", () =>
    Effect.gen(function* () {
      const { arrived, counts } = yield* run({
        pieces: [yield* pieceOf(1, 2), yield* pieceOf(3)],
        answer: (_, __, body) => (spansIn(body).some(({ kind }) => kind === 2) ? { status: 400 } : ok)
      })
      assert.deepStrictEqual(arrived(), [1, 2, 3])
      assert.deepInclude(counts, { offered: 5, delivered: 3, droppedBySink: 2, unsent: 0 })
    })
  )

  it.effect("is sent again in part: what a backend has taken alone is not sent twice", () =>
    Effect.gen(function* () {
      const pieces = [yield* pieceOf(1), yield* pieceOf(13), yield* pieceOf(2)]
      let alone = 0
      const { arrived, counts } = yield* run({
        pieces,
        answer: (_, __, body) => {
          if (has(body, 13)) return { status: 400 }
          if (has(body, 1) || has(body, 2)) return ++alone === 2 ? { status: 503 } : ok
          return ok
        }
      })
      assert.deepStrictEqual(arrived(), [1, 2])
      assert.deepInclude(counts, { offered: 5, delivered: 4, droppedBySink: 1, unsent: 0 })
    })
  )

  it.effect("and is sent alone holds next for two seconds at most, and is not lost", () =>
    Effect.gen(function* () {
      const { arrived, counts, held } = yield* run({
        pieces: [yield* pieceOf(1), yield* pieceOf(2), yield* pieceOf(3)],
        // All together is refused, the first part is taken, and the second one meets no answer.
        answer: (_, nth) => (nth === 1 ? { status: 400 } : nth === 3 ? "hang" : ok)
      })
      assert.strictEqual(held[0], 2000)
      assert.deepStrictEqual(arrived(), [1, 2, 3])
      assert.deepInclude(counts, { offered: 5, delivered: 5, droppedBySink: 0, unsent: 0 })
    })
  )

  it.effect("is refused as a whole if the backend takes no part of it", () =>
    Effect.gen(function* () {
      const { counts, messages } = yield* run({
        pieces: [yield* pieceOf(1), yield* pieceOf(2)],
        answer: () => ({ status: 400, body: "nothing" })
      })
      assert.deepInclude(counts, { offered: 4, delivered: 0, droppedBySink: 4, unsent: 0 })
      assert.strictEqual(messages.filter((message) => message.includes("records are dropped")).length > 0, true)
    })
  )

  it.effect("counts a partial success across what was sent together", () =>
    Effect.gen(function* () {
      const body = JSON.stringify({ partialSuccess: { rejectedSpans: "2" } })
      const { counts } = yield* run({
        pieces: [yield* pieceOf(1, 2, 3)],
        answer: (_, nth) => (nth === 1 ? { status: 200, body } : ok)
      })
      assert.deepInclude(counts, { offered: 5, delivered: 3, droppedBySink: 2 })
    })
  )

  it.effect("waits out a backend that is down for two invocations, and arrives once", () =>
    Effect.gen(function* () {
      const { arrived, counts } = yield* run({
        pieces: [yield* pieceOf(1, 2)],
        answer: (_, nth) => (nth <= 3 ? { status: 503 } : ok)
      })
      assert.deepStrictEqual(arrived(), [1, 2])
      assert.deepInclude(counts, { offered: 4, delivered: 4, unsent: 0 })
    })
  )
})

describe("what the function sends of a signal without a backend", () => {
  const off = "to keep the SDK from sending them"
  it.effect.each<readonly [string, Readonly<Record<string, string>>, string]>([
    [
      "which a variable of the extension switches off",
      { EFFECT_LAMBDA_OTLP_TRACES_EXPORTER: "none" },
      `EFFECT_LAMBDA_OTLP_TRACES_EXPORTER is none: set EFFECT_LAMBDA_OTLP_TRACES_EXPORTER=otlp, or OTEL_TRACES_EXPORTER=none ${off}`
    ],
    [
      "which a variable of the SDK switches off",
      { OTEL_TRACES_EXPORTER: "none" },
      "OTEL_TRACES_EXPORTER is none: set EFFECT_LAMBDA_OTLP_TRACES_EXPORTER=otlp"
    ],
    [
      "which has no endpoint",
      { EFFECT_LAMBDA_OTLP_ENDPOINT: "", EFFECT_LAMBDA_OTLP_LOGS_ENDPOINT: "https://otlp.example.com/v1/logs" },
      `no endpoint is set for traces: set EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT, or OTEL_TRACES_EXPORTER=none ${off}`
    ]
  ])("%s, is taken, and dropped with a line at once and the count at the end", ([, env, why]) =>
    Effect.gen(function* () {
      const { messages, taken, traces } = yield* run({ pieces: [yield* pieceOf(1, 2), yield* pieceOf(3)], env })
      assert.deepStrictEqual([taken, traces], [[true, true], []])
      const [first, last, ...others] = messages.filter((message) => message.includes("the function"))
      assert.strictEqual(first, `Warn: the function sends traces, which are dropped and counted, since ${why}`)
      assert.strictEqual(
        last,
        "Warn: 3 items that the function sent as traces were dropped, since there is no backend for traces"
      )
      assert.lengthOf(others, 0)
    })
  )
})
