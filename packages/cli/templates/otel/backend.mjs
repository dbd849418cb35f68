// A backend for OTLP on this machine, which prints what it gets. `node backend.mjs COMMAND` runs a command beside it, and
// ends with the command. The extension sends JSON here (`effectLambda.env` in package.json), so that nothing has to decode.
import { spawn } from "node:child_process"
import { createServer } from "node:http"

const port = 4319

const print = (text) => console.log(`backend: ${text}`)

const milliseconds = ({ endTimeUnixNano, startTimeUnixNano }) =>
  (Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6).toFixed(1)

/** The inner lists of a request, such as the spans of each scope of each resource. */
const listed = (request, resources, scopes, items) =>
  (request[resources] ?? []).flatMap((resource) => (resource[scopes] ?? []).flatMap((scope) => scope[items] ?? []))

const printed = {
  "/v1/traces": (request) => {
    for (const span of listed(request, "resourceSpans", "scopeSpans", "spans")) {
      print(`trace ${span.traceId}: span "${span.name}", ${milliseconds(span)} ms`)
    }
  },
  "/v1/metrics": (request) => {
    for (const metric of listed(request, "resourceMetrics", "scopeMetrics", "metrics")) {
      const points = (metric.sum ?? metric.histogram ?? metric.gauge)?.dataPoints ?? []
      const values = points.map(({ asDouble, asInt, sum }) => asInt ?? asDouble ?? sum)
      print(`metric ${metric.name}: ${values.join(", ")} ${metric.unit ?? ""}`)
    }
  },
  "/v1/logs": (request) => {
    for (const log of listed(request, "resourceLogs", "scopeLogs", "logRecords")) {
      const { stringValue = JSON.stringify(log.body) } = log.body ?? {}
      print(`log ${log.severityText ?? ""} ${stringValue.trimEnd()} (trace ${log.traceId || "none"})`)
    }
  }
}

const server = createServer(async (request, response) => {
  const chunks = await request.toArray()
  const body = Buffer.concat(chunks)
  const show = printed[request.url]
  if (show === undefined) {
    response.writeHead(404).end()
  } else if (request.headers["content-type"] !== "application/json" || request.headers["content-encoding"]) {
    print(`${request.url}: ${body.length} bytes that are not plain JSON; what an SDK sends comes as protobuf`)
    response.writeHead(200).end()
  } else {
    show(JSON.parse(body.toString()))
    response.writeHead(200, { "content-type": "application/json" }).end("{}")
  }
})

server.once("error", (error) => {
  console.error(`backend: ${error.message}; end what listens there, or change the port here and in package.json`)
  process.exit(1)
})
server.listen(port, "127.0.0.1", () => {
  print(`listens on http://127.0.0.1:${port}`)
  const [command, ...args] = process.argv.slice(2)
  if (command === undefined) return
  const child = spawn(command, args, { stdio: "inherit" })
  child.once("error", (error) => {
    console.error(`backend: ${command} cannot be started: ${error.message}`)
    process.exit(1)
  })
  child.once("close", (code) => process.exit(code ?? 1))
  // Ctrl-C reaches the command as well, which still sends what it has.
  process.on("SIGINT", () => {})
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
})
