// A chatty function: spans and a metric by the API of OpenTelemetry, lines of text, and records of a JSON logger.
const { metrics, trace } = require("@opentelemetry/api")
const { setTimeout: sleep } = require("node:timers/promises")

const tracer = trace.getTracer("shop")
const orders = metrics.getMeter("shop").createCounter("shop.orders", { unit: "{order}" })

/** Writes as pino and Powertools do: past `console`, with the trace in the fields that OpenTelemetry names. */
const log = (level, message, fields = {}) => {
  const span = trace.getActiveSpan()?.spanContext()
  const context = span && { trace_id: span.traceId, span_id: span.spanId, trace_flags: `0${span.traceFlags}` }
  process.stdout.write(`${JSON.stringify({ level, message, ...fields, ...context })}\n`)
}

const traced = (name, work) =>
  tracer.startActiveSpan(name, async (span) => {
    try {
      return await work()
    } finally {
      span.end()
    }
  })

console.log("the function starts")

exports.handler = async ({ invocation, lines }) => {
  await traced("load basket", async () => {
    await sleep(5)
    log("info", "the basket is loaded", { basket: { items: 3, total: "42.50" } })
  })
  await traced("charge card", async () => {
    for (let line = 1; line <= lines; line++) log("debug", `invocation ${invocation}, line ${line} of ${lines}`)
    await sleep(10)
  })
  orders.add(1, { "shop.country": "NZ" })
  console.log(`order ${invocation} is placed`)
  return { invocation }
}
