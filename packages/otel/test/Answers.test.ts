/** The answers of a backend, and what becomes of each span, data point and log record: the accounting adds up. */
import type { Otel, OtelConfig } from "@effect-lambda/otel"
import type { ConsumerAccounting } from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { logsIn, metricsIn, spansIn } from "./support/json.ts"
import { type Answer, heldMillis, run } from "./support/run.ts"

const { invoke, shutdown } = ExtensionTest
const { delivery, log, report, runtimeDone, start } = TelemetryTest

/** An invocation with a span, two log records, and one data point; with its report, two more. */
const invocation = (n: number) =>
  invoke({
    timeout: "10 seconds",
    delivers: [
      delivery([start(`request-${n}`), log(`line ${n}a`), log(`line ${n}b`)]),
      delivery([runtimeDone(`request-${n}`)], { after: "100 millis" })
    ]
  })

const invocations = (count: number) => Array.from({ length: count }, (_, index) => invocation(index + 1))

const ok: Answer = { status: 200 }

/** The numbers of one signal must be those that the backend saw. */
const addsUp = (counts: ConsumerAccounting | undefined, expected: Partial<ConsumerAccounting>) =>
  assert.deepInclude(counts, { waiting: 0, unsent: 0, droppedByQueue: 0, ...expected })

const distinctSpans = (bodies: ReadonlyArray<{ readonly body: Uint8Array; readonly status: number | undefined }>) =>
  new Set(
    bodies.filter(({ status }) => status === 200).flatMap(({ body }) => spansIn(body).map(({ spanId }) => spanId))
  )

describe("a backend that takes everything", () => {
  it.effect("gets every span, point and log record, with the resource of the function", () =>
    Effect.gen(function* () {
      const { counts, of, received } = yield* run({
        script: [...invocations(3), shutdown({ delivers: [delivery([report("request-3")])] })]
      })
      addsUp(counts("traces"), { offered: 3, delivered: 3, droppedBySink: 0 })
      addsUp(counts("logs"), { offered: 6, delivered: 6, droppedBySink: 0 })
      assert.strictEqual(distinctSpans(of("traces")).size, 3)
      const lines = of("logs").flatMap(({ body }) => logsIn(body).map((record) => JSON.stringify(record.body)))
      assert.strictEqual(lines.length, 6)
      const names = of("metrics").flatMap(({ body }) => metricsIn(body).map(({ name }) => name))
      assert.includeMembers(names, ["faas.invocations", "faas.mem_usage"])
      assert.isTrue(of("traces").every(({ headers }) => headers["content-type"] === "application/json"))
      for (const { headers } of received) assert.doesNotHaveAnyKeys(headers, ["traceparent", "b3"])
    })
  )

  it.effect("gets a body of the signals in protobuf by default, compressed if that is asked for", () =>
    Effect.gen(function* () {
      const { counts, of } = yield* run({
        script: [
          invoke({
            delivers: [delivery([start("request-1"), ...Array.from({ length: 50 }, (_, n) => log(`a line ${n}`))])]
          }),
          invoke({ delivers: [delivery([runtimeDone("request-1"), runtimeDone("request-2")])] }),
          shutdown()
        ],
        env: { EFFECT_LAMBDA_OTLP_PROTOCOL: "", EFFECT_LAMBDA_OTLP_COMPRESSION: "gzip" }
      })
      addsUp(counts("logs"), { delivered: 50 })
      const [request] = of("logs")
      assert.deepInclude(request?.headers, { "content-type": "application/x-protobuf", "content-encoding": "gzip" })
      // The first field of an export request, a list of resources.
      assert.strictEqual(request?.body[0], 0x0a)
    })
  )

  it.effect("gets the key, and no line of the log has it", () =>
    Effect.gen(function* () {
      const { messages, of } = yield* run({
        script: [...invocations(1), shutdown()],
        env: { EFFECT_LAMBDA_OTLP_HEADERS: "api-key=s3cret-key" },
        answer: () => ({ status: 401, body: "the key s3cret-key is wrong" })
      })
      assert.strictEqual(of("traces")[0]?.headers["api-key"], "s3cret-key")
      assert.isTrue(messages.some((message) => message.includes("answered 401")))
      assert.notInclude(messages.join("\n"), "s3cret")
    })
  )
})

describe("a partial success", () => {
  const json: Answer = {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ partialSuccess: { rejectedLogRecords: "2", errorMessage: "two lines are too long" } })
  }
  // partial_success { rejected_spans: 1, error_message: "bad" }
  const protobuf: Answer = {
    status: 200,
    headers: { "content-type": "application/x-protobuf" },
    body: new Uint8Array([0x0a, 7, 0x08, 1, 0x12, 3, 0x62, 0x61, 0x64])
  }

  it.effect("counts what was dropped, and its message is logged once", () =>
    Effect.gen(function* () {
      const { counts, messages } = yield* run({
        script: [...invocations(3), shutdown()],
        answer: (signal) => (signal === "logs" ? json : signal === "traces" ? protobuf : ok)
      })
      addsUp(counts("logs"), { offered: 6, delivered: 0, droppedBySink: 6 })
      addsUp(counts("traces"), { offered: 3, delivered: 0, droppedBySink: 3 })
      const said = messages.filter((message) => message.includes("took a request and dropped"))
      assert.strictEqual(said.length, 2)
      assert.isTrue(
        said.some((line) =>
          line.endsWith('dropped 2 items of it; further ones are only counted: "two lines are too long"')
        )
      )
      assert.isTrue(said.some((line) => line.endsWith('dropped 1 items of it; further ones are only counted: "bad"')))
    })
  )

  it.effect("of a point in which several were sent drops all of them", () =>
    Effect.gen(function* () {
      const body = JSON.stringify({ partialSuccess: { rejectedDataPoints: "1" } })
      const { counts, of } = yield* run({
        script: [...invocations(3), ExtensionTest.delay("60 seconds"), invocation(4), shutdown()],
        answer: (signal, nth) =>
          signal !== "metrics"
            ? ok
            : nth === 1
              ? { status: 429, headers: { "retry-after": "30" } }
              : { status: 200, body }
      })
      assert.deepStrictEqual(
        of("metrics").map((each) => metricsIn(each.body).length),
        [1, 1, 1]
      )
      addsUp(counts("metrics"), { offered: 4, delivered: 0, droppedBySink: 4 })
    })
  )

  it.effect("of more than was sent drops what was sent, and no more", () =>
    Effect.gen(function* () {
      const body = JSON.stringify({ partialSuccess: { rejectedSpans: "9999999999" } })
      const { counts } = yield* run({
        script: [...invocations(2), shutdown()],
        answer: (signal, nth) => (signal === "traces" && nth === 1 ? { status: 200, body } : ok)
      })
      addsUp(counts("traces"), { offered: 2, delivered: 1, droppedBySink: 1 })
    })
  )

  it.effect.each<readonly [string, Answer]>([
    ["an empty body", { status: 200, body: "" }],
    ["JSON that is cut off", { status: 200, body: '{"partialSuccess":{"rejectedSpans":' }],
    ["a page", { status: 200, body: "<html></html>", headers: { "content-type": "text/html" } }],
    ["half a protobuf", { status: 200, body: new Uint8Array([0x0a, 200, 0x08]) }],
    ["a body that breaks off", "half"]
  ])("is not read out of %s: the status has taken the request", ([, answer]) =>
    Effect.gen(function* () {
      const { counts } = yield* run({ script: [...invocations(2), shutdown()], answer: () => answer })
      addsUp(counts("traces"), { offered: 2, delivered: 2, droppedBySink: 0 })
    })
  )
})

describe("a refusal", () => {
  it.effect.each([400, 401, 403, 404, 415, 500, 501])("for good, %i, is sent once and counted", (status) =>
    Effect.gen(function* () {
      const { counts, messages, of } = yield* run({
        script: [...invocations(2), shutdown()],
        answer: (signal, nth) => (signal === "traces" && nth === 1 ? { status, body: "no" } : ok)
      })
      addsUp(counts("traces"), { offered: 2, delivered: 1, droppedBySink: 1 })
      assert.deepStrictEqual(
        of("traces").map((each) => each.status),
        [status, 200]
      )
      assert.isTrue(messages.some((message) => message.includes(`the endpoint answered ${status}`)))
    })
  )

  it.effect.each([429, 502, 503, 504])("in passing, %i, is sent again with the same spans", (status) =>
    Effect.gen(function* () {
      const { counts, of } = yield* run({
        script: [...invocations(2), shutdown()],
        answer: (signal, nth) => (signal === "traces" && nth === 1 ? { status } : ok)
      })
      addsUp(counts("traces"), { offered: 2, delivered: 2, droppedBySink: 0 })
      const [first, second] = of("traces")
      assert.deepStrictEqual(first?.body, second?.body)
      assert.strictEqual(first?.headers["idempotency-key"], second?.headers["idempotency-key"])
    })
  )

  it.effect("with 500 is sent again if that is asked for", () =>
    Effect.gen(function* () {
      const { counts } = yield* run({
        script: [...invocations(2), shutdown()],
        env: { EFFECT_LAMBDA_OTLP_RETRY_ON_500: "true" },
        answer: (_, nth) => (nth === 1 ? { status: 500 } : ok)
      })
      addsUp(counts("traces"), { offered: 2, delivered: 2, droppedBySink: 0 })
    })
  )

  it.effect("with Retry-After is obeyed: nothing is sent until then, and nothing is lost", () =>
    Effect.gen(function* () {
      const { counts, of } = yield* run({
        script: [
          invocation(1),
          ExtensionTest.delay("10 seconds"),
          invocation(2),
          ExtensionTest.delay("60 seconds"),
          invocation(3),
          shutdown()
        ],
        answer: (_, nth) => (nth === 1 ? { status: 429, headers: { "retry-after": "30" } } : ok)
      })
      addsUp(counts("traces"), { offered: 3, delivered: 3, droppedBySink: 0 })
      // The second invocation ends within the thirty seconds.
      assert.deepStrictEqual(
        of("traces").map(({ body, status }) => [status, spansIn(body).length]),
        [
          [429, 1],
          [200, 1],
          [200, 2]
        ]
      )
    })
  )

  it.effect("with 413 is halved down to the record that is too large, which alone is lost", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 100 }, (_, n) => log(n === 40 ? "x".repeat(5000) : `line ${n}`))
      const { counts, of } = yield* run({
        script: [
          invoke({ delivers: [delivery([start("request-1"), ...lines, runtimeDone("request-1")])] }),
          shutdown()
        ],
        answer: (signal, _, body) =>
          signal === "logs" && body.length > 25_000
            ? { status: 413 }
            : signal === "logs" && new TextDecoder().decode(body).includes("xxx")
              ? { status: 413 }
              : ok
      })
      addsUp(counts("logs"), { offered: 100, delivered: 99, droppedBySink: 1 })
      const arrived = of("logs")
        .filter(({ status }) => status === 200)
        .flatMap(({ body }) => logsIn(body))
      assert.strictEqual(arrived.length, 99)
    })
  )

  it.effect("of delta metrics names the variable to set", () =>
    Effect.gen(function* () {
      const { counts, messages } = yield* run({
        script: [...invocations(2), shutdown()],
        answer: (signal) =>
          signal === "metrics" ? { status: 400, body: "invalid temporality and type combination for metric" } : ok
      })
      const said = messages.filter((message) =>
        message.includes("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative")
      )
      assert.strictEqual(said.length, 1)
      assert.strictEqual(counts("metrics")?.delivered, 0)
      addsUp(counts("traces"), { delivered: 2 })
    })
  )
})

describe("a backend without an answer", () => {
  it.effect.each<Answer>(["hang", "close"])("%s: what it did not take comes with the next flush", (answer) =>
    Effect.gen(function* () {
      const { counts, of } = yield* run({
        script: [...invocations(3), shutdown()],
        answer: (_, nth) => (nth === 1 ? answer : ok)
      })
      for (const signal of ["traces", "logs"] satisfies ReadonlyArray<OtelConfig.Signal>) {
        addsUp(counts(signal), { delivered: signal === "traces" ? 3 : 6, droppedBySink: 0 })
      }
      assert.strictEqual(distinctSpans(of("traces")).size, 3)
    })
  )

  it.effect("for ever costs the end of the environment no more than its time, and everything counts as unsent", () =>
    Effect.gen(function* () {
      const { counts } = yield* run({ script: [...invocations(3), shutdown()], answer: () => "hang" })
      assert.deepInclude(counts("traces"), { offered: 3, delivered: 0, droppedBySink: 0, waiting: 0, unsent: 3 })
      assert.deepInclude(counts("logs"), { offered: 6, delivered: 0, droppedBySink: 0, waiting: 0, unsent: 6 })
    })
  )

  it.effect("has a time limit of its variable for an attempt", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script: [...invocations(1), shutdown()],
        env: { EFFECT_LAMBDA_OTLP_TIMEOUT: "300" },
        answer: (signal) => (signal === "traces" ? "hang" : ok)
      })
      assert.isTrue(messages.some((message) => message.includes("no answer within 300 ms")))
    })
  )

  it.effect("for one signal holds up none of the others", () =>
    Effect.gen(function* () {
      const { counts } = yield* run({
        script: [...invocations(3), shutdown()],
        answer: (signal) => (signal === "logs" ? "hang" : ok)
      })
      addsUp(counts("traces"), { offered: 3, delivered: 3 })
      assert.strictEqual(counts("logs")?.delivered, 0)
      assert.strictEqual(counts("logs")?.unsent, 6)
    })
  )
})

describe("a backend that is down", () => {
  it.effect.each<readonly [string, Answer, number]>([
    ["that hangs", "hang", 2000],
    ["that closes", "close", 700],
    ["that refuses", { status: 503 }, 700]
  ])("%s, holds next for two seconds at most, and not at all once its sinks rest", ([, answer, millis]) =>
    Effect.gen(function* () {
      const { journal } = yield* run({ script: [...invocations(4), shutdown()], answer: () => answer })
      // The function ends after 100 ms, and a sink that rests does not wait for that.
      assert.deepStrictEqual(heldMillis(journal), [100 + millis, 100 + millis, 0, 0])
    })
  )

  it.effect.each<readonly [string, string, Otel.Options, number]>([
    ["the variable", "250", {}, 250],
    ["the option", "", { flushTimeout: "400 millis" }, 400],
    ["the variable, and not the option", "250", { flushTimeout: "3 seconds" }, 250],
    ["the variable, also if it is longer than two seconds", "4000", {}, 4000]
  ])("holds next for as long as %s says", ([, value, otel, millis]) =>
    Effect.gen(function* () {
      const env = { EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT: value }
      const { counts, journal } = yield* run({
        script: [...invocations(2), shutdown()],
        env,
        otel,
        answer: (_, nth) => (nth === 1 ? "hang" : ok)
      })
      assert.strictEqual(heldMillis(journal)[0], 100 + millis)
      addsUp(counts("traces"), { offered: 2, delivered: 2, droppedBySink: 0 })
    })
  )
})

describe("an environment that ends", () => {
  it.effect("in the middle of an invocation has its span, as an error, in the last flush", () =>
    Effect.gen(function* () {
      const { counts, of } = yield* run({
        script: [
          invoke({ timeout: "1 second", delivers: [delivery([start("request-1"), log("a line")])] }),
          shutdown({ reason: "timeout" })
        ]
      })
      addsUp(counts("traces"), { offered: 1, delivered: 1 })
      assert.deepStrictEqual(
        of("traces").flatMap(({ body }) => spansIn(body).map(({ kind }) => kind)),
        [2]
      )
    })
  )
})
