#!/usr/bin/env node
// Ships telemetry as the variable MATRIX says, and writes down every byte that Lambda has given to it.
import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { LambdaHttpClient, NodeExtension, NodeTelemetry, NodeTelemetryListener } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { openSync, writeSync } from "node:fs"
import type { Settings } from "../contents/Plan.ts"

const settings: Settings & { readonly folder: string; readonly url: string } = JSON.parse(process.env.MATRIX ?? "")
const { batchBytes, bufferingBytes, flushMillis, folder, gzip, port, protocol, queueRecords, sink, url } = settings

const strategies: Readonly<Record<string, FlushStrategy.FlushStrategy>> = {
  endOfInvocation: FlushStrategy.endOfInvocation,
  endOfInvocationPipelined: FlushStrategy.endOfInvocationPipelined,
  periodic: FlushStrategy.periodic("200 millis"),
  adaptive: FlushStrategy.adaptive({ every: "200 millis" }),
  continuous: FlushStrategy.continuous
}

/** Written before the extension has it, so that a kill cannot come between. */
const tap = openSync(`${folder}/given-${process.pid}`, "a")
const told = openSync(`${folder}/told-${process.pid}`, "a")
const given = (bytes: Uint8Array) => {
  writeSync(tap, bytes)
  const ends = Buffer.from(bytes)
    .toString("latin1")
    .matchAll(/"platform\.runtimeDone","record":\{"requestId":"([\w-]+)"/g)
  for (const [, requestId] of ends) writeSync(told, `${Date.now()} ${requestId}\n`)
}

const listener = Layer.effect(
  TelemetryListener.TelemetryListener,
  Effect.map(TelemetryListener.TelemetryListener, ({ listen }) =>
    TelemetryListener.TelemetryListener.of({
      listen: (options, deliveries) =>
        listen(options, {
          ...deliveries,
          body: (bytes) => {
            given(bytes)
            given(Buffer.from("\n"))
            deliveries.body(bytes)
          },
          connection: () => {
            const connection = deliveries.connection()
            return {
              ...connection,
              chunk: (bytes) => {
                given(bytes)
                connection.chunk(bytes)
              }
            }
          }
        })
    })
  )
).pipe(Layer.provide(NodeTelemetryListener.layer))

const transport = TelemetryTransport.layer().pipe(
  Layer.provide([listener, Layer.provide(TelemetryApi.layer, LambdaHttpClient.layer)])
)

/** Writes down how long this process waited for the machine: how late a timer was, without the time that it worked itself. */
const waits = openSync(`${folder}/waits-${process.pid}`, "a")
const everyMillis = 5
let last = Date.now()
let worked = process.cpuUsage()
setInterval(() => {
  const now = Date.now()
  const { system, user } = process.cpuUsage(worked)
  const waited = now - last - everyMillis - (system + user) / 1000
  if (waited > 2) writeSync(waits, `${now} ${Math.round(waited)}\n`)
  last = now
  worked = process.cpuUsage()
}, everyMillis).unref()

const makeSink = () => {
  if (sink === "file") return NodeTelemetry.fileSink(`${folder}/records`)
  if (sink === "console") return TelemetrySink.console
  return TelemetrySink.http({ url, gzip, format: sink === "http json" ? "json" : "ndjson" })
}

Extension.run({
  telemetry: Telemetry.make({
    types: ["platform", "function"],
    protocol,
    port,
    buffering: { maxItems: 1000, maxBytes: bufferingBytes, timeout: "25 millis" },
    queue: { maxRecords: queueRecords },
    sink: makeSink(),
    strategy: strategies[settings.strategy],
    batch: { maxAge: "100 millis", maxBytes: batchBytes },
    flushTimeout: flushMillis,
    exportTimeout: "120 millis",
    longestRest: "1 second",
    onAccounting: (accounting) => Effect.log(`accounting ${JSON.stringify(accounting)}`)
  })
}).pipe(Effect.provide([transport, FetchHttpClient.layer]), NodeExtension.runMain)
