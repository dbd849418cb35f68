/** The counters always add up: random scripts, queues, strategies and sinks, run to their end. */
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { runInTime, types } from "../support.ts"

const { invoke, shutdown } = ExtensionTest
const { log, runtimeDone, start } = TelemetryTest

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const list = <A>(item: Schema.Codec<A>, maximum: number) => Schema.Array(item).check(Schema.isMaxLength(maximum))

const Record = Schema.Literals(["log", "start", "done", "failed", "unknown", "malformed", "dropped", "no record"])
const Body = Schema.Struct({
  after: integer(0, 4000),
  broken: Schema.Literals(["", "", "", "html", "cut"]),
  records: list(Record, 12)
})
const Answer = Schema.Literals(["take", "take", "take", "fail", "refuse", "hang", "ignore", "die", "interrupt", "slow"])
const Scenario = Schema.Struct({
  history: list(Body, 2),
  invocations: list(Schema.Struct({ bodies: list(Body, 3), handlerMillis: integer(0, 3500) }), 6),
  last: list(Body, 3),
  queue: Schema.Struct({ maxRecords: integer(1, 30), maxBytes: integer(1, 4000) }),
  batch: Schema.Struct({ maxRecords: integer(1, 20), maxBytes: integer(1, 4000), maxAge: integer(0, 3000) }),
  strategy: integer(0, 4),
  isManaged: Schema.Boolean,
  isStuckInTheEnd: Schema.Boolean,
  sinks: Schema.Union([Schema.Literal("stream"), Schema.Tuple([list(Answer, 8), list(Answer, 8)])])
})

const strategies = [
  FlushStrategy.endOfInvocation,
  FlushStrategy.endOfInvocationPipelined,
  FlushStrategy.continuous,
  FlushStrategy.periodic("2 seconds"),
  FlushStrategy.adaptive()
]

const recordOf = (record: typeof Record.Type, requestId: string): unknown => {
  switch (record) {
    case "log":
      return log("a line")
    case "start":
      return start(requestId)
    case "done":
      return runtimeDone(requestId)
    case "failed":
      return runtimeDone(requestId, { status: "failure" })
    case "unknown":
      return { time: "t", type: "platform.new", record: { a: 1 } }
    case "malformed":
      return { time: "t", type: "platform.start", record: 3 }
    case "dropped":
      return {
        time: "t",
        type: "platform.logsDropped",
        record: { droppedRecords: 7, droppedBytes: 70, reason: "slow" }
      }
    case "no record":
      return 17
  }
}

const deliveriesOf = (bodies: ReadonlyArray<typeof Body.Type>, requestId: string) =>
  bodies.map(({ after, broken, records }) => {
    const text = JSON.stringify(records.map((record) => recordOf(record, requestId)))
    const body = broken === "html" ? "<html>" : broken === "cut" ? `${text.slice(0, text.length / 2)}}]` : text
    return TelemetryTest.body(body, { after })
  })

const scriptOf = (scenario: typeof Scenario.Type) => {
  const { history, invocations, isManaged, last } = scenario
  return ExtensionTest.layer(
    [
      ...(isManaged ? [ExtensionTest.delay("8 seconds")] : []),
      ...(isManaged ? [] : invocations).map(({ bodies }, index) =>
        invoke({ timeout: "4 seconds", delivers: deliveriesOf(bodies, `request-${index + 1}`) })
      ),
      shutdown({ delivers: deliveriesOf(last, "request-0") })
    ],
    {
      history: deliveriesOf(history, "request-1"),
      initializationType: isManaged ? "lambda-managed-instances" : "on-demand"
    }
  )
}

/** Gives the answers in order, then takes everything, or nothing any more. The sink counts the records that it took. */
const sinkOf = (name: string, answers: ReadonlyArray<typeof Answer.Type>, last: typeof Answer.Type) => {
  const batches = new Map<string, number>()
  const left = [...answers]
  const sink = TelemetrySink.make({
    name,
    isRetryable: (error: string) => error === "fail",
    export: ({ events, id }) => {
      const take = Effect.sync(() => void batches.set(id, events.length))
      switch (left.shift() ?? last) {
        case "fail":
          return Effect.fail("fail")
        case "refuse":
          return Effect.fail("refuse")
        case "hang":
          return Effect.never
        case "ignore":
          return Effect.uninterruptible(Effect.never)
        case "die":
          return Effect.die("a bug")
        case "interrupt":
          return Effect.interrupt
        case "slow":
          return Effect.delay(take, "300 millis")
        default:
          return take
      }
    }
  })
  const taken = () => Array.from(batches.values()).reduce((sum, records) => sum + records, 0)
  return { sink, taken }
}

const total = (metric: Metric.Counter<number>, consumer?: string) =>
  Effect.map(
    Metric.value(consumer === undefined ? metric : Metric.withAttributes(metric, { consumer })),
    ({ count }) => count
  )

describe("the counters always add up", () => {
  it.effect.prop(
    "whatever is delivered, and whatever the sinks do",
    [Scenario],
    ([scenario]) =>
      Effect.gen(function* () {
        const { batch, invocations, isStuckInTheEnd, queue, sinks, strategy } = scenario
        let reported: TelemetryAccounting.TelemetryAccounting | undefined
        let taken: ReadonlyArray<() => number> = []
        const options: Telemetry.StreamOptions = {
          types,
          queue,
          strategy: strategies[strategy],
          batch,
          onAccounting: (accounting) =>
            Effect.sync(() => {
              reported = accounting
            })
        }
        const withSinks = (answers: ReadonlyArray<ReadonlyArray<typeof Answer.Type>>) => {
          const made = answers.map((each, index) => sinkOf(`sink ${index}`, each, isStuckInTheEnd ? "hang" : "take"))
          taken = made.map((each) => each.taken)
          return Telemetry.make({
            ...options,
            sink: Effect.all(made.map(({ sink }) => sink)),
            exportTimeout: "500 millis",
            retry: Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 1 }))
          })
        }
        const slowReader = Telemetry.stream(
          Stream.runForEachArray(() => Effect.sleep("200 millis")),
          options
        )
        let handled = 0
        yield* runInTime(
          Extension.run({
            telemetry: sinks === "stream" ? slowReader : withSinks(sinks),
            onInvoke: () => Effect.suspend(() => Effect.sleep(invocations[handled++]?.handlerMillis ?? 0))
          })
        )

        assert.isDefined(reported, "no accounting")
        const accounting = reported
        const { consumers, decoded, droppedByLambda, received, undecodable } = accounting
        assert.strictEqual(received, decoded + undecodable)
        assert.strictEqual(consumers.length, sinks === "stream" ? 1 : sinks.length)
        for (const [index, consumer] of consumers.entries()) {
          const { delivered, droppedByQueue, droppedBySink, name, offered, unsent, waiting } = consumer
          assert.strictEqual(offered, received)
          assert.strictEqual(offered, delivered + droppedByQueue + droppedBySink + waiting + unsent, name)
          assert.strictEqual(waiting, 0)
          if (sinks !== "stream") assert.strictEqual(taken[index]?.(), delivered, name)
          assert.strictEqual(yield* total(TelemetryAccounting.delivered, name), delivered)
          assert.strictEqual(yield* total(TelemetryAccounting.droppedByQueue, name), droppedByQueue)
          assert.strictEqual(yield* total(TelemetryAccounting.droppedBySink, name), droppedBySink)
          assert.strictEqual(yield* total(TelemetryAccounting.unsent, name), unsent)
        }
        assert.strictEqual(yield* total(TelemetryAccounting.received), received)
        assert.strictEqual(yield* total(TelemetryAccounting.decoded), decoded)
        assert.strictEqual(yield* total(TelemetryAccounting.undecodable), undecodable)
        assert.strictEqual(yield* total(TelemetryAccounting.droppedByLambda), droppedByLambda.records)
        assert.strictEqual(droppedByLambda.bytes, 10 * droppedByLambda.records)
      }).pipe(
        Effect.provide(Layer.merge(scriptOf(scenario), Logger.layer([]))),
        Effect.provideService(Metric.MetricRegistry, new Map())
      ),
    { arbitrary: { runs: 60 } }
  )
})
