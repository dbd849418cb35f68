#!/usr/bin/env node
// Prints the lines of its event: a program that polls the Runtime API, as a custom runtime does.
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`

while (true) {
  const invocation = await fetch(`${api}/next`)
  const requestId = invocation.headers.get("lambda-runtime-aws-request-id")
  const { lines } = await invocation.json()
  for (const line of lines) process.stdout.write(`${line}\n`)
  await fetch(`${api}/${requestId}/response`, { method: "POST", body: "{}" })
}
