#!/usr/bin/env node
// Ships telemetry with the strategy of the variable STRATEGY, received on PORT, within budgets that suit a test.
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"

const strategies: Readonly<Record<string, FlushStrategy.FlushStrategy>> = {
  endOfInvocation: FlushStrategy.endOfInvocation,
  endOfInvocationPipelined: FlushStrategy.endOfInvocationPipelined,
  periodic: FlushStrategy.periodic("200 millis"),
  adaptive: FlushStrategy.adaptive({ every: "200 millis" }),
  continuous: FlushStrategy.continuous
}

const { PORT = "0", STRATEGY = "", TELEMETRY_URL = "" } = process.env

Extension.run({
  telemetry: Telemetry.make({
    types: ["platform", "function"],
    port: Number(PORT),
    sink: TelemetrySink.http({ url: TELEMETRY_URL }),
    strategy: strategies[STRATEGY],
    batch: { maxAge: "100 millis" },
    flushTimeout: "150 millis",
    exportTimeout: "120 millis",
    onAccounting: (accounting) => Effect.log(JSON.stringify(accounting))
  })
}).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
