/** Sinks that note what they take, and the order of a run in short words. */
import { TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"

const { invoke, note } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

export const texts = (batch: TelemetrySink.TelemetryBatch) =>
  batch.events.map((event) => TelemetryEvent.text(event)?.trim() ?? event.type)

/** Notes what it takes; `attempt` may fail or hang first. */
export const noting = (attempt: (id: string) => Effect.Effect<unknown, string> = () => Effect.void, name = "sink") =>
  TelemetrySink.make({
    name,
    export: (batch) => Effect.andThen(attempt(batch.id), note(`${name} took ${texts(batch).join(" ")}`))
  })

/** An invocation whose function logs a line and is done after 100 ms. */
export const invocation = (n: number, status = "success") =>
  invoke({
    timeout: "10 seconds",
    delivers: [
      delivery([start(`request-${n}`), log(`line ${n}`)]),
      delivery([runtimeDone(`request-${n}`, { status })], { after: "100 millis" })
    ]
  })

export const at = (entries: ReadonlyArray<ExtensionTest.Entry>, tag: ExtensionTest.Entry["_tag"]) =>
  entries.filter((entry) => entry._tag === tag).map((entry) => entry.at)

/** The run's telemetry ends in an accounting; the test gets it. */
export const accounted = () => {
  let last: TelemetryAccounting.TelemetryAccounting | undefined
  return {
    onAccounting: (accounting: TelemetryAccounting.TelemetryAccounting) =>
      Effect.sync(() => {
        last = accounting
      }),
    get: () => {
      assert.isDefined(last, "no accounting")
      for (const consumer of last.consumers) {
        const { delivered, droppedByQueue, droppedBySink, offered, unsent, waiting } = consumer
        assert.strictEqual(offered, delivered + droppedByQueue + droppedBySink + waiting + unsent, "counters add up")
      }
      assert.strictEqual(last.received, last.decoded + last.undecodable, "counters add up")
      return last
    }
  }
}
