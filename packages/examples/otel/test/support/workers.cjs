#!/usr/bin/env node
// A runtime of a managed instance: a hundred workers poll at the same time, and all of them are at work before one responds.
const http = require("node:http")

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":")
const agent = new http.Agent({ keepAlive: true })
const call = (options, body) =>
  new Promise((resolve, reject) => {
    const request = http.request({ agent, method: "POST", ...options }, (response) => {
      response.resume().on("end", () => resolve(response))
    })
    request.on("error", reject).end(body)
  })
const invocation = (path, method) =>
  call({ host, port, method, path: `/2018-06-01/runtime/invocation/${path}` }, method === "POST" ? "{}" : undefined)

const { hostname, port: otlpPort } = new URL(process.env.OTEL_EXPORTER_OTLP_ENDPOINT)
const attributesOf = (id) => [{ key: "faas.invocation_id", value: { stringValue: id } }]

/** A span as the instrumentation for Lambda makes it, in a trace that is not X-Ray's. */
const sendSpan = (id) => {
  const hexadecimal = id.replaceAll("-", "")
  const ids = { traceId: hexadecimal, spanId: hexadecimal.slice(0, 16) }
  const span = { ...ids, name: "of the SDK", kind: 2, attributes: attributesOf(id) }
  const headers = { "content-type": "application/json" }
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ scope: { name: "sdk" }, spans: [span] }] }] })
  return call({ host: hostname, port: otlpPort, path: "/v1/traces", headers }, body)
}

const count = 100
let atWork = 0
let open
const all = new Promise((resolve) => (open = resolve))

const work = async (hasSdk) => {
  const { headers } = await invocation("next", "GET")
  const requestId = headers["lambda-runtime-aws-request-id"]
  console.log("a line of somebody")
  if (++atWork === count) open()
  await all
  // A line that is sent before the span would have the trace of X-Ray.
  if (hasSdk) await sendSpan(requestId)
  console.log(JSON.stringify({ level: "INFO", requestId, message: "begun" }))
  console.log(JSON.stringify({ level: "INFO", requestId, message: "done" }))
  await invocation(`${requestId}/response`, "POST")
  await invocation("next", "GET")
}

for (let worker = 0; worker < count; worker++) void work(worker % 2 === 0)
