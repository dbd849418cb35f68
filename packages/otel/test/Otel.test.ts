/** What the whole extension sends, read by OpenTelemetry's own definitions: in both encodings, and as the variables say. */
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { decodeLogs, decodeMetrics, decodeTraces } from "./support/decode.ts"
import { type Received, run } from "./support/run.ts"

const { invoke, shutdown } = ExtensionTest
const { delivery, log, report, runtimeDone, start } = TelemetryTest

const time = "2026-01-01T00:00:00.000Z"

const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"

const initStart = {
  time,
  type: "platform.initStart",
  record: {
    initializationType: "on-demand",
    phase: "init",
    functionName: "test",
    functionVersion: "1",
    instanceId: "2026/01/01/[1]abc",
    instanceMaxMemory: 536_870_912
  }
}

const history = [delivery([initStart])]

const script = [
  invoke({
    tracing: { type: "X-Amzn-Trace-Id", value: header },
    delivers: [
      delivery([
        start("request-1"),
        log("a line"),
        log(
          JSON.stringify({
            level: "error",
            message: "no",
            password: "s3cret",
            order: 9_007_199_254_740_993n.toString()
          })
        ),
        runtimeDone("request-1")
      ])
    ]
  }),
  invoke({ delivers: [delivery([report("request-1"), start("request-2"), log("another"), runtimeDone("request-2")])] }),
  shutdown({ delivers: [delivery([report("request-2")])] })
]

const contentType = ({ headers }: Received) => headers["content-type"] ?? ""

const decoded = (received: ReadonlyArray<Received>) => ({
  traces: received
    .filter(({ signal }) => signal === "traces")
    .map((each) => decodeTraces(each.body, contentType(each))),
  metrics: received
    .filter(({ signal }) => signal === "metrics")
    .map((each) => decodeMetrics(each.body, contentType(each))),
  logs: received.filter(({ signal }) => signal === "logs").map((each) => decodeLogs(each.body, contentType(each)))
})

describe("the output of the extension", () => {
  it.effect("is the same in protobuf and in JSON", () =>
    Effect.gen(function* () {
      const json = decoded((yield* run({ script, history })).received)
      // Both at the same time of day.
      yield* TestClock.setTime(0)
      const protobuf = decoded(
        (yield* run({ script, history, env: { EFFECT_LAMBDA_OTLP_PROTOCOL: "http/protobuf" } })).received
      )
      assert.isAbove(json.traces.length + json.metrics.length + json.logs.length, 5)
      assert.deepStrictEqual(json, protobuf)
    })
  )

  it.effect("has the trace of the INVOKE event in spans and logs, also if X-Ray does not sample", () =>
    Effect.gen(function* () {
      const { logs, traces } = decoded((yield* run({ script, history })).received)
      const spans = traces.flat().flatMap(({ items }) => items)
      const first = spans.find(({ kind }) => kind === 2)
      assert.strictEqual(first?.traceId, "5759e988bd862e3fe1be46a994272793")
      assert.strictEqual(first?.links[0]?.spanId, "53995c3f42cd8ad8")
      const [line] = logs.flat().flatMap(({ items }) => items)
      assert.deepStrictEqual([line?.traceId, line?.spanId], [first?.traceId, first?.spanId])
    })
  )

  const subsets = [
    ["traces"],
    ["metrics"],
    ["logs"],
    ["traces", "metrics"],
    ["traces", "logs"],
    ["metrics", "logs"]
  ] as const
  it.effect.each(subsets.map((kept) => [kept.join(" and "), kept] as const))(
    "has the same %s without the other signals, the first of them in protobuf",
    ([, kept]) =>
      Effect.gen(function* () {
        const variableOf = (signal: string, name: string) => `EFFECT_LAMBDA_OTLP_${signal.toUpperCase()}_${name}`
        const signals = ["traces", "metrics", "logs"] as const
        const none = signals.filter((signal) => !kept.some((each) => each === signal))
        const env = {
          ...Object.fromEntries(none.map((signal) => [variableOf(signal, "EXPORTER"), "none"])),
          [variableOf(kept[0], "PROTOCOL")]: "http/protobuf"
        }
        const all = decoded((yield* run({ script, history })).received)
        // Both at the same time of day.
        yield* TestClock.setTime(0)
        const some = decoded((yield* run({ script, history, env })).received)
        for (const signal of signals) {
          assert.isAbove(all[signal].length, 0)
          assert.deepStrictEqual(some[signal], none.includes(signal) ? [] : all[signal], signal)
        }
      })
  )

  it.effect("asks Lambda for the logs of the function only if they have a backend", () =>
    Effect.gen(function* () {
      const typesWith = (env: Readonly<Record<string, string>>) =>
        Effect.map(run({ script, history, env }), ({ journal }) =>
          journal.flatMap((entry) => (entry._tag === "Subscribed" ? entry.subscription.types : []))
        )
      assert.deepStrictEqual(yield* typesWith({}), ["platform", "function"])
      assert.deepStrictEqual(yield* typesWith({ EFFECT_LAMBDA_OTLP_LOGS_EXPORTER: "none" }), ["platform"])
    })
  )

  it.effect("has no spans if X-Ray's decision is asked for and X-Ray does not sample", () =>
    Effect.gen(function* () {
      const { received } = yield* run({ script, history, env: { EFFECT_LAMBDA_OTLP_SAMPLER: "xray" } })
      const spans = decoded(received)
        .traces.flat()
        .flatMap(({ items }) => items)
      assert.strictEqual(spans.filter(({ traceId }) => traceId === "5759e988bd862e3fe1be46a994272793").length, 0)
      assert.isAbove(
        decoded(received)
          .logs.flat()
          .flatMap(({ items }) => items).length,
        0
      )
    })
  )

  it.effect("has what a variable masks no more", () =>
    Effect.gen(function* () {
      const plain = yield* run({ script, history })
      const masked = yield* run({ script, history, env: { EFFECT_LAMBDA_OTLP_MASK: "password" } })
      assert.include(JSON.stringify(decoded(plain.received).logs), "s3cret")
      assert.notInclude(JSON.stringify(decoded(masked.received).logs), "s3cret")
      assert.strictEqual(masked.counts("logs")?.delivered, plain.counts("logs")?.delivered)
    })
  )

  it.effect("leaves out logs below a severity, which are in no count", () =>
    Effect.gen(function* () {
      const lines = [
        log(JSON.stringify({ level: "debug", message: "x" })),
        log(JSON.stringify({ level: "warn", message: "y" }))
      ]
      const { counts, received } = yield* run({
        script: [
          invoke({ delivers: [delivery([start("request-1"), ...lines, runtimeDone("request-1")])] }),
          shutdown()
        ],
        env: { EFFECT_LAMBDA_OTLP_MINIMUM_SEVERITY: "info" }
      })
      assert.strictEqual(
        decoded(received)
          .logs.flat()
          .flatMap(({ items }) => items).length,
        1
      )
      assert.deepInclude(counts("logs"), { offered: 1, delivered: 1 })
    })
  )

  it.effect("leaves out a record for which prepare throws, and says so once", () =>
    Effect.gen(function* () {
      const { counts, messages, received } = yield* run({
        script,
        history,
        otel: {
          prepare: (event) => {
            if (event.type === "function") throw new Error("cannot be redacted")
            return event
          }
        }
      })
      assert.strictEqual(
        decoded(received)
          .logs.flat()
          .flatMap(({ items }) => items).length,
        0
      )
      assert.strictEqual(counts("logs")?.offered, 0)
      assert.strictEqual(messages.filter((message) => message.includes("prepare threw")).length, 1)
      assert.isAbove(counts("traces")?.delivered ?? 0, 0)
    })
  )

  it.effect("names the instance on spans and logs, and on metrics only if they are cumulative", () =>
    Effect.gen(function* () {
      const delta = yield* run({ script, history })
      const cumulative = yield* run({
        script,
        history,
        env: { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "cumulative" }
      })
      const names = (received: ReadonlyArray<Received>) =>
        new Set(
          received
            .filter(({ body }) => new TextDecoder().decode(body).includes("2026/01/01/[1]abc"))
            .map(({ signal }) => signal)
        )
      assert.deepStrictEqual(names(delta.received), new Set(["traces", "logs"]))
      assert.deepStrictEqual(names(cumulative.received), new Set(["traces", "logs", "metrics"]))
      const sums = cumulative.of("metrics").map(({ body }) => new TextDecoder().decode(body))
      // Two invocations were successful by the end.
      assert.match(String(sums.at(-1) === undefined ? "" : sums.join("\n")), /"asInt":2/)
    })
  )
})
