// A function without an SDK: it logs the lines and sends the requests that its event has, and logs how each was answered.
const endpoint = process.env.OTEL_EXPORTER_OTLP_ENDPOINT
const headers = { "content-type": "application/x-protobuf" }

exports.handler = async ({ holds = false, lines = [], requests = [] }) => {
  for (const line of lines) console.log(line)
  for (const { base64, name } of requests) {
    const answer = await fetch(`${endpoint}/v1/traces`, {
      method: "POST",
      headers,
      body: Buffer.from(base64, "base64")
    })
    console.log(`${name} was answered ${answer.status}`)
  }
  if (holds) await new Promise(() => setInterval(() => {}, 60_000))
}
