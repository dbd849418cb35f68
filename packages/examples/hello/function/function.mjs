#!/usr/bin/env node
// The function beside the extension: plain JavaScript that polls the Runtime API, as a custom runtime does.
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`

process.on("SIGTERM", () => process.exit(0))

while (true) {
  const invocation = await fetch(`${api}/next`)
  const requestId = invocation.headers.get("lambda-runtime-aws-request-id")
  const event = await invocation.json()
  console.log(`hello ${event.name}`)
  await fetch(`${api}/${requestId}/response`, { method: "POST", body: JSON.stringify({ hello: event.name }) })
}
