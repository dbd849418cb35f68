/** Sinks and invocations for runs that do not go smoothly. */
import { TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import * as Effect from "effect/Effect"

const { invoke } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

export const sinkOf = (
  attempt: (batch: TelemetrySink.TelemetryBatch) => Effect.Effect<unknown, string>,
  name = "sink"
) => TelemetrySink.make({ name, export: (batch) => Effect.asVoid(attempt(batch)) })

export const invocation = (n: number) =>
  invoke({
    timeout: "10 seconds",
    delivers: [
      delivery([start(`request-${n}`), log(`line ${n}`)]),
      delivery([runtimeDone(`request-${n}`)], { after: "100 millis" })
    ]
  })

export const accounted = () => {
  let last: TelemetryAccounting.TelemetryAccounting | undefined
  return {
    onAccounting: (accounting: TelemetryAccounting.TelemetryAccounting) =>
      Effect.sync(() => {
        last = accounting
      }),
    consumer: (index = 0) => last?.consumers[index]
  }
}

export const at = (entries: ReadonlyArray<ExtensionTest.Entry>, tag: ExtensionTest.Entry["_tag"]) =>
  entries.filter((entry) => entry._tag === tag).map((entry) => entry.at)

export const noteAt = (entries: ReadonlyArray<ExtensionTest.Entry>, text: string) =>
  entries.find((entry) => entry._tag === "Note" && entry.text === text)?.at
