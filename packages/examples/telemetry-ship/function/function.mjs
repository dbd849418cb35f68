#!/usr/bin/env node
// A chatty function: plain JavaScript that polls the Runtime API, as a custom runtime does.
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`

process.on("SIGTERM", () => {
  console.log("the function's last line")
  process.exit(0)
})

console.log("the function starts")
while (true) {
  const invocation = await fetch(`${api}/next`)
  const requestId = invocation.headers.get("lambda-runtime-aws-request-id")
  const { hang, invocation: number, lines } = await invocation.json()
  for (let line = 1; line <= lines; line++) console.log(`invocation ${number}, line ${line} of ${lines}`)
  // For a look at what a timeout does.
  if (hang) await new Promise(() => setInterval(() => {}, 1000))
  await fetch(`${api}/${requestId}/response`, { method: "POST", body: JSON.stringify({ lines }) })
}
