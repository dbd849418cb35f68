/** Invocations for a backend that is down, and what they cost. */
import { Extension, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { capturedLogs, runInTime, types } from "../support.ts"

const { delay, invoke, journal, shutdown } = ExtensionTest
const { delivery, log, runtimeDone } = TelemetryTest

/** An invocation with one line, every second. */
export const everySecond = (invocations: number, timeout: Duration.Input = "10 seconds") =>
  Array.from({ length: invocations }, (_, index) => [
    invoke({
      timeout,
      delivers: [delivery([log(`line ${index}`), runtimeDone(`request-${index + 1}`)])]
    }),
    delay("1 second")
  ]).flat()

export interface Outage {
  readonly invocations: number
  readonly timeout?: Duration.Input
  readonly export: (
    batch: { readonly lines: ReadonlyArray<string>; readonly id: string },
    now: number
  ) => Effect.Effect<void, string>
  readonly retryAfter?: Duration.Input
  readonly options?: Omit<Telemetry.Options<never, never>, "sink" | "types">
}

export const live = ({ export: send, invocations, options, retryAfter, timeout }: Outage) =>
  Effect.gen(function* () {
    const attempts: Array<number> = []
    const taken: Array<string> = []
    const { layer: logs, messages } = capturedLogs()
    let accounting: TelemetryAccounting.TelemetryAccounting | undefined
    const sink = TelemetrySink.make({
      name: "backend",
      retryAfter: () => retryAfter,
      export: ({ events, id }) =>
        Effect.gen(function* () {
          const lines = events.flatMap((event) => (event.type === "function" ? [String(event.record).trim()] : []))
          const now = yield* Clock.currentTimeMillis
          attempts.push(now)
          yield* send({ id, lines }, now)
          taken.push(...lines)
        })
    })
    yield* runInTime(
      Extension.run({
        telemetry: Telemetry.make({
          types,
          sink,
          grace: 0,
          quiet: 0,
          ...options,
          onAccounting: (last) =>
            Effect.sync(() => {
              accounting = last
            })
        })
      }).pipe(Effect.provide(logs))
    )
    const entries = yield* journal
    const invoked = entries.filter((entry) => entry._tag === "Event" && entry.event.eventType === "INVOKE")
    const nexts = entries.filter(({ _tag }) => _tag === "Next").slice(1)
    return {
      attempts,
      taken,
      /** How long next was held after each event. */
      held: invoked.map(({ at }, index) => (nexts[index]?.at ?? Number.NaN) - at),
      said: messages.filter((message) => !/telemetry: |a flush of telemetry held/.test(message)),
      longFlushes: messages.filter((message) => message.includes("a flush of telemetry held")),
      sink: accounting?.consumers[0],
      lines: Array.from({ length: invocations }, (_, index) => `line ${index}`)
    }
  }).pipe(Effect.provide(ExtensionTest.layer([...everySecond(invocations, timeout), shutdown()])))

/** Nothing is missing, nothing comes twice, and only the batch without an answer may come after its successor. */
export const assertWhole = ({
  lines,
  taken
}: {
  readonly lines: ReadonlyArray<string>
  readonly taken: ReadonlyArray<string>
}) => {
  const order = taken.map((line) => lines.indexOf(line))
  assert.deepStrictEqual(
    order.toSorted((a, b) => a - b),
    [...lines.keys()]
  )
  assert.isAtMost(order.filter((line, index) => line < (order[index - 1] ?? 0)).length, 1)
}
