/** What holds for any sequence of records, however it is cut into batches, and however often a batch is sent again. */
import type { TelemetryEvent } from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Mapping from "@effect-lambda/otel/Mapping"
import * as TraceContext from "@effect-lambda/otel/TraceContext"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Recent from "../src/internal/recent.ts"
import * as Records from "./support/records.ts"

const integer = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const kinds = [
  "initStart",
  "initRuntimeDone",
  "initReport",
  "restoreStart",
  "restoreRuntimeDone",
  "restoreReport",
  "start",
  "runtimeDone",
  "report",
  "log"
] as const

const idOf = (invocation: number) => `00000000-0000-4000-8000-00000000000${invocation}`
const types = ["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"]
const statuses = ["success", "error", "failure", "timeout"]
const stretch = (millis: number) => [{ name: "responseLatency", start: Records.at(millis), durationMs: 1.5 }]

/** Any record of Lambda at any time, in any order: also such sequences as Lambda never sends. */
const AnyRecord = Arbitrary.map(
  Arbitrary.schema(
    Schema.Struct({
      kind: Schema.Literals(kinds),
      millis: integer(0, 30),
      invocation: integer(0, 3),
      type: Schema.Literals(types),
      status: Schema.Literals(statuses),
      isTraced: Schema.Boolean,
      isTimeBad: Schema.Boolean
    })
  ),
  ({ invocation, isTimeBad, isTraced, kind, millis, status, type }): TelemetryEvent => {
    const requestId = idOf(invocation)
    const traced = isTraced ? { tracing: { type: "X-Amzn-Trace-Id", value: Records.header } } : {}
    const phase = invocation === 0 ? "invoke" : "init"
    const event = {
      initStart: () => Records.initStart(millis, { initializationType: type, phase, ...traced }),
      initRuntimeDone: () => Records.initRuntimeDone(millis, { initializationType: type, phase, status }),
      initReport: () => Records.initReport(millis, { initializationType: type, phase, status }),
      restoreStart: () => Records.restoreStart(millis, traced),
      restoreRuntimeDone: () => Records.restoreRuntimeDone(millis, { status }),
      restoreReport: () => Records.restoreReport(millis, { status }),
      start: () => Records.start(millis, { requestId, ...traced }),
      runtimeDone: () => Records.runtimeDone(millis, { requestId, status, spans: stretch(millis) }),
      report: () => Records.report(millis, { requestId, status }),
      log: () => Records.log(millis, `log ${millis} of ${invocation}\n`)
    }[kind]()
    return isTimeBad && invocation === 3 && "time" in event ? { ...event, time: `at ${millis}` } : event
  }
)

/** Records in batches, each with how often it is delivered, and how many of the batches before are delivered once more. */
const Deliveries = Arbitrary.array(
  Arbitrary.flatMap(Arbitrary.array(AnyRecord, { maxLength: 12 }), (records) =>
    Arbitrary.map(Arbitrary.schema(Schema.Struct({ times: integer(1, 3), again: integer(0, 3) })), (how) => ({
      ...how,
      records
    }))
  ),
  { maxLength: 8 }
)

const delivered = (deliveries: ReadonlyArray<Delivery>) =>
  deliveries.flatMap(({ again, records, times }, index) => [
    ...Array.from({ length: times }, () => records).flat(),
    ...deliveries.slice(Math.max(0, index - again), index).flatMap((before) => before.records)
  ])

interface Delivery {
  readonly times: number
  readonly again: number
  readonly records: ReadonlyArray<TelemetryEvent>
}

const isPlatform = ({ type }: TelemetryEvent) => type.startsWith("platform.")
const shutdown = 60_000

describe("any sequence of records", () => {
  it.prop("gives the same spans and metrics, however it is cut and sent again", [Deliveries], ([deliveries]) => {
    const once = Records.fold(
      deliveries.flatMap(({ records }) => records).filter(isPlatform),
      Records.context(),
      shutdown
    )
    const often = Records.fold(delivered(deliveries).filter(isPlatform), Records.context(), shutdown)
    assert.deepStrictEqual(often.spans, once.spans)
    assert.deepStrictEqual(often.metrics, once.metrics)
    assert.deepStrictEqual(Records.sumsOf(often.metrics), Records.sumsOf(once.metrics))
  })

  it.prop(
    "gives each start a span by SHUTDOWN, each end one outcome, and each span ids of its own",
    [Deliveries],
    ([deliveries]) => {
      const records = deliveries.flatMap((delivery) => delivery.records)
      const { metrics, spans } = Records.fold(records, Records.context(), shutdown)
      const invocations = spans.filter(({ kind }) => kind === 2)
      const starts = new Set(
        records.flatMap((event) => (event.type === "platform.start" ? [`${event.time} ${event.record.requestId}`] : []))
      )
      const ids = spans.map(({ spanId }) => spanId)
      for (const text of starts) {
        const [time, requestId] = [text.slice(0, text.lastIndexOf(" ")), text.slice(text.lastIndexOf(" ") + 1)]
        // The span of a start that came after the end was made without it.
        const possible = [time, ""].map((startTime) => TraceContext.deriveSpanId(requestId, startTime))
        assert.isTrue(
          possible.some((id) => ids.includes(id)),
          text
        )
      }
      const {
        "faas.errors": errors = 0,
        "faas.invocations": successes = 0,
        "faas.timeouts": timeouts = 0
      } = Records.sumsOf(metrics)
      assert.strictEqual(successes + errors + timeouts, invocations.length)
      const phases = spans.filter(({ name }) => name === "responseLatency")
      const others = spans.filter(({ name }) => name !== "responseLatency")
      assert.strictEqual(new Set(others.map(({ spanId }) => spanId)).size, others.length)
      for (const { parentSpanId } of phases) assert.include(ids, parentSpanId)
      for (const { endTimeUnixNano, spanId, startTimeUnixNano, traceId } of spans) {
        assert.isTrue(TraceContext.isTraceId(traceId) && TraceContext.isSpanId(spanId), `${traceId} ${spanId}`)
        assert.isTrue(BigInt(startTimeUnixNano) <= BigInt(endTimeUnixNano))
      }
    }
  )

  it.prop(
    "leaves the state as it was: a value that was folded from may be folded from again",
    [Deliveries],
    ([deliveries]) => {
      const records = deliveries.flatMap((delivery) => delivery.records)
      const states = [Mapping.initial]
      const first = records.map((event) => {
        const [next, signals] = Mapping.step(states.at(-1)!, event, Records.context())
        states.push(next)
        return signals
      })
      const second = records.map((event, index) => Mapping.step(states[index]!, event, Records.context())[1])
      assert.deepStrictEqual(second, first)
    }
  )
})

describe("the state is bounded", () => {
  it("by starts that never end: each has its span, most of them long before SHUTDOWN", () => {
    const count = 5000
    const starts = Array.from({ length: count }, (_, index) => Records.start(index, { requestId: `request-${index}` }))
    const { spans: before } = Records.fold(starts)
    assert.isAtLeast(before.length, count - 1024)
    const { metrics, spans, state } = Records.fold(starts, Records.context(), shutdown)
    assert.isAtMost(Recent.values(state.invocations).length, 1024)
    assert.isAtMost(Recent.values(state.seen).length, 2 * 4096)
    assert.strictEqual(new Set(spans.map(({ spanId }) => spanId)).size, count)
    assert.strictEqual(Records.sumsOf(metrics)["faas.errors"], count)
  })

  it("by inits and restores that never end", () => {
    const count = 1000
    const starts = Array.from({ length: count }, (_, index) => Records.restoreStart(index))
    const { spans, state } = Records.fold(starts, Records.context(), shutdown)
    assert.isAtMost(state.environments.length, 8)
    assert.strictEqual(new Set(spans.map(({ spanId }) => spanId)).size, count)
  })

  it("an invocation that outlasts 512 others is ended once", () => {
    const others = (from: number) =>
      Array.from({ length: 512 }, (_, index) => ({ requestId: `request-${from + index}` })).flatMap((id, index) => [
        Records.start(from + index, id),
        Records.runtimeDone(from + index + 1, id)
      ])
    const { spans } = Records.fold(
      [Records.start(0), ...others(1), Records.runtimeDone(900), ...others(1000), ...others(2000)],
      Records.context(),
      shutdown
    )
    const own = spans.filter((span) => Records.attributesOf(span)["faas.invocation_id"] === Records.requestId)
    assert.deepStrictEqual(
      own.map(({ endTimeUnixNano, status }) => [endTimeUnixNano, status.code]),
      [[Records.nanos(900), 0]]
    )
  })

  it("512 invocations may run at once", () => {
    const ids = Array.from({ length: 512 }, (_, index) => ({ requestId: `request-${index}` }))
    const { spans } = Records.fold([
      ...ids.map((id, index) => Records.start(index, id)),
      ...ids.map((id, index) => Records.runtimeDone(1000 + index, id))
    ])
    assert.deepStrictEqual(
      spans.map(({ status }) => status.code),
      ids.map(() => 0)
    )
  })
})
