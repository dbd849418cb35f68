/** Rows of `docs/otel.md#what-is-lost-when-and-how-one-learns-of-it` that no other file has: what is lost, and what is said. */
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { logsIn, metricsIn, spansIn } from "./support/json.ts"
import { type Answer, run } from "./support/run.ts"

const { invoke, shutdown } = ExtensionTest
const { delivery, log, report, runtimeDone, start } = TelemetryTest

const ok: Answer = { status: 200 }
const invocation = (n: number, ...records: ReadonlyArray<unknown>) =>
  invoke({ delivers: [delivery([start(`request-${n}`), ...records, runtimeDone(`request-${n}`)])] })
const badTime = (record: string) => ({ time: "yesterday", type: "function", record })

describe("a refusal in protobuf", () => {
  // code 3 and a message
  const status = (message: string) => {
    const text = new TextEncoder().encode(message)
    return new Uint8Array([0x08, 3, 0x12, text.length, ...text])
  }
  const refused = (body: Uint8Array): Answer => ({
    status: 400,
    body,
    headers: { "content-type": "application/x-protobuf" }
  })

  it.effect("is logged with its words, escaped and without the key", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script: [invocation(1), shutdown()],
        env: { EFFECT_LAMBDA_OTLP_HEADERS: "api-key=s3cret-key" },
        answer: () => refused(status("no entry\u001b for s3cret-key"))
      })
      const said = messages.filter((message) => message.includes("the endpoint answered 400"))
      assert.isAbove(said.length, 0)
      for (const line of said) assert.include(line, String.raw`400: "no entry\u001b for <redacted>"`)
    })
  )

  it.effect("of delta metrics names the variable to set", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script: [invocation(1), invocation(2), shutdown()],
        answer: (signal) => (signal === "metrics" ? refused(status("invalid temporality")) : ok)
      })
      assert.lengthOf(
        messages.filter((message) => message.includes("METRICS_TEMPORALITY_PREFERENCE=cumulative")),
        1
      )
    })
  )

  it.effect("that is something else is no text", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script: [invocation(1), shutdown()],
        answer: () => refused(new Uint8Array([0xff, 0xfe, 0x00]))
      })
      assert.include(messages.join("\n"), '400: "3 bytes of application/x-protobuf without words"')
    })
  )
})

describe("a time that cannot be read", () => {
  it.effect("costs no log, and is counted once, however often its batch is sent", () =>
    Effect.gen(function* () {
      const { counts, messages, of } = yield* run({
        script: [invocation(1, badTime("one"), log("two")), invocation(2), shutdown({ delivers: [] })],
        answer: (_, nth) => (nth === 1 ? { status: 503 } : ok)
      })
      assert.isAbove(of("logs").length, 1)
      assert.deepInclude(counts("logs"), { offered: 2, delivered: 2 })
      assert.lengthOf(
        messages.filter((message) => message.includes("1 times in records of Lambda could not be read")),
        1
      )
    })
  )

  it.effect("is counted if the log leaves with the last flush", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script: [invocation(1), shutdown({ delivers: [delivery([badTime("last words")])] })]
      })
      assert.isTrue(messages.some((message) => message.includes("1 times in records of Lambda could not be read")))
    })
  )

  it.effect("of a start is counted with those of logs", () =>
    Effect.gen(function* () {
      const { messages } = yield* run({
        script: [
          invoke({
            delivers: [delivery([{ ...start("request-1"), time: "" }, badTime("one"), runtimeDone("request-1")])]
          }),
          shutdown()
        ]
      })
      assert.isTrue(messages.some((message) => message.includes("2 times in records of Lambda could not be read")))
    })
  )
})

it.effect("records that cannot be decoded are WARN log records, and their neighbours have spans and metrics", () =>
  Effect.gen(function* () {
    const undecodable = [
      null,
      7,
      [[]],
      {},
      { type: "function", record: "a" },
      { time: 5, type: "function", record: "a" },
      { time: "2026-01-01T00:00:00Z", type: "platform.start", record: {} },
      { time: "2026-01-01T00:00:00Z", type: "platform.runtimeDone", record: { requestId: "request-1", status: 7 } }
    ]
    const { counts, of } = yield* run({
      script: [invocation(1, log("before"), ...undecodable, log("after")), shutdown()]
    })
    assert.deepInclude(counts("logs"), { offered: 10, delivered: 10 })
    const bodies = of("logs").flatMap(({ body }) => logsIn(body).map((each) => JSON.stringify(each.body)))
    assert.isTrue(bodies.some((body) => body.includes("before")) && bodies.some((body) => body.includes("after")))
    assert.deepInclude(counts("traces"), { offered: 1, delivered: 1 })
    assert.include(
      of("metrics").flatMap(({ body }) => metricsIn(body).map(({ name }) => name)),
      "faas.invocations"
    )
  })
)

describe("an outage", () => {
  it.effect("is one WARN for a sink, and what is left at SHUTDOWN is unsent", () =>
    Effect.gen(function* () {
      const { counts, messages } = yield* run({
        script: [invocation(1), invocation(2), invocation(3), shutdown()],
        answer: (signal) => (signal === "traces" ? { status: 503 } : ok)
      })
      assert.deepInclude(counts("traces"), { delivered: 0, droppedBySink: 0, unsent: 3 })
      const said = messages.filter((message) => message.startsWith("Warn") && message.includes("otlp traces"))
      assert.lengthOf(said, 1, said.join("\n"))
    })
  )
})

describe("a sampler or a filter is no loss, and what it leaves out is in no count", () => {
  it.effect("SAMPLER=always_off: no span, every metric and log", () =>
    Effect.gen(function* () {
      const { counts, messages, of } = yield* run({
        script: [invocation(1, log("a line")), invocation(2), shutdown()],
        env: { EFFECT_LAMBDA_OTLP_SAMPLER: "always_off" }
      })
      assert.deepInclude(counts("traces"), { offered: 0, delivered: 0, droppedBySink: 0, unsent: 0 })
      assert.lengthOf(of("traces"), 0)
      assert.deepInclude(counts("logs"), { delivered: 1 })
      const names = of("metrics").flatMap(({ body }) => metricsIn(body).map(({ name }) => name))
      assert.include(names, "faas.invocations")
      assert.isTrue(messages.some((message) => message.includes("No invocation has spans (sampler always_off)")))
    })
  )
})

describe("PLATFORM_EVENTS", () => {
  it.effect.each([
    ["false", 1],
    ["true", 4]
  ] as const)("%s: the logs with those of Lambda are %d", ([value, count]) =>
    Effect.gen(function* () {
      const { counts, of } = yield* run({
        script: [invocation(1, log("a line")), shutdown({ delivers: [delivery([report("request-1")])] })],
        env: { EFFECT_LAMBDA_OTLP_PLATFORM_EVENTS: value }
      })
      const logs = of("logs").flatMap(({ body }) => logsIn(body))
      assert.lengthOf(logs, count)
      assert.deepInclude(counts("logs"), { offered: count, delivered: count })
      assert.strictEqual(of("traces").flatMap(({ body }) => spansIn(body)).length, 1)
    })
  )
})
