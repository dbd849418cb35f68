/** Telemetry of OpenTelemetry's SDK for Node, and its exporters over HTTP: what functions have, and we have not written. */
import { ROOT_CONTEXT, SeverityNumber, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api"
import { OTLPLogExporter as LogsJson } from "@opentelemetry/exporter-logs-otlp-http"
import { OTLPLogExporter as LogsProtobuf } from "@opentelemetry/exporter-logs-otlp-proto"
import { OTLPMetricExporter as MetricsJson } from "@opentelemetry/exporter-metrics-otlp-http"
import { OTLPMetricExporter as MetricsProtobuf } from "@opentelemetry/exporter-metrics-otlp-proto"
import { OTLPTraceExporter as TracesJson } from "@opentelemetry/exporter-trace-otlp-http"
import { OTLPTraceExporter as TracesProtobuf } from "@opentelemetry/exporter-trace-otlp-proto"
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base"
import { resourceFromAttributes } from "@opentelemetry/resources"
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs"
import {
  AggregationTemporality,
  AggregationType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from "@opentelemetry/sdk-metrics"
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace"
import * as Effect from "effect/Effect"
import type { Signal } from "../../src/OtelConfig.ts"

/** The name of the service in all that the SDK made. */
export const serviceName = "of the SDK"

const resource = resourceFromAttributes({ "service.name": serviceName, "process.pid": 42, tags: ["a", "b"] })

const attributes = {
  text: "é\u{1f600}\n",
  integer: Number.MAX_SAFE_INTEGER,
  negative: -1,
  double: 0.1,
  flag: false,
  empty: "",
  texts: ["a", "", "b"],
  numbers: [1, 2.5, -3]
}

const makeSpans = () => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const tracer = provider.getTracer("sdk", "1.2.3", { schemaUrl: "https://opentelemetry.io/schemas/1.44.0" })
  const root = tracer.startSpan("root", { kind: SpanKind.SERVER, attributes })
  const links = [{ context: root.spanContext(), attributes }]
  const child = tracer.startSpan("child", { kind: SpanKind.CLIENT, links }, trace.setSpan(ROOT_CONTEXT, root))
  child.addEvent("retry", attributes)
  child.recordException(new TypeError("no"))
  child.setStatus({ code: SpanStatusCode.ERROR, message: "no" }).end()
  root.end()
  provider.getTracer("another").startSpan("elsewhere").end()
  return exporter.getFinishedSpans()
}

const makeLogs = () => {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger("sdk")
  logger.emit({ severityNumber: SeverityNumber.WARN, severityText: "WARN", body: "a line", attributes })
  const spanContext = { traceId: "5b8efff798038103d269b633813fc60c", spanId: "eee19b7ec3c1b174", traceFlags: 1 }
  logger.emit({
    body: { nested: { list: [1, "two", true], bytes: new Uint8Array([0, 255]) } },
    eventName: "device.event",
    context: trace.setSpanContext(ROOT_CONTEXT, spanContext)
  })
  return exporter.getFinishedLogRecords()
}

const makeMetrics = async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const reader = new PeriodicExportingMetricReader({ exporter })
  const aggregation = { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const
  const provider = new MeterProvider({
    resource,
    readers: [reader],
    views: [{ instrumentName: "exponential", aggregation }]
  })
  const meter = provider.getMeter("sdk", "1.2.3")
  meter.createCounter("sum", { unit: "{order}", description: "orders" }).add(3, attributes)
  meter.createUpDownCounter("up and down").add(-2.5)
  meter.createGauge("gauge").record(0.5)
  meter.createObservableGauge("observed").addCallback((result) => result.observe(7, { of: "all" }))
  for (const name of ["histogram", "exponential"]) {
    const histogram = meter.createHistogram(name)
    for (const value of [0, 0.001, 7, 7.5, 100_000]) histogram.record(value)
  }
  await provider.forceFlush()
  const [metrics] = exporter.getMetrics()
  await provider.shutdown()
  if (metrics === undefined) throw new Error("the SDK made no metrics")
  return metrics
}

const spans = makeSpans()
const logs = makeLogs()
const metrics = await makeMetrics()

/** As many spans as the count, all of them the same. */
export const manySpans = (count: number) =>
  Array.from({ length: count }, () => spans)
    .flat()
    .slice(0, count)

/** Spans whose trace id is too short. */
export const brokenSpans = (): Array<ReadableSpan> =>
  spans.map((span) => ({ ...span, spanContext: () => ({ ...span.spanContext(), traceId: "abcd" }) }))

interface Exporter<Items> {
  readonly export: (items: Items, done: (result: { readonly code: number }) => void) => void
}

/** Whether it was sent: the exporters try again for as long as they do by themselves. */
export const exported = <Items>(exporter: Exporter<Items>, items: Items): Effect.Effect<boolean> =>
  Effect.callback((resume) => exporter.export(items, ({ code }) => resume(Effect.succeed(code === 0))))

export interface Form {
  readonly isJson: boolean
  readonly isCompressed: boolean
}

export const forms: ReadonlyArray<Form> = [false, true].flatMap((isJson) =>
  [false, true].map((isCompressed) => ({ isJson, isCompressed }))
)

/** @param url of the receiver or of the backend, without a path */
export const exporterOfTraces = (url: string, { isCompressed, isJson }: Form) =>
  new (isJson ? TracesJson : TracesProtobuf)(configOf(url, "traces", isCompressed))

const configOf = (url: string, signal: Signal, isCompressed: boolean) => ({
  url: `${url}/v1/${signal}`,
  compression: isCompressed ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
  timeoutMillis: 60_000
})

/** Sends the telemetry of each signal once, and says of each whether it was sent. */
export const send = (url: string, form: Form): Effect.Effect<ReadonlyArray<boolean>> => {
  const config = (signal: Signal) => configOf(url, signal, form.isCompressed)
  return Effect.all(
    [
      exported(exporterOfTraces(url, form), spans),
      exported(new (form.isJson ? MetricsJson : MetricsProtobuf)(config("metrics")), metrics),
      exported(new (form.isJson ? LogsJson : LogsProtobuf)(config("logs")), logs)
    ],
    { concurrency: "unbounded" }
  )
}
