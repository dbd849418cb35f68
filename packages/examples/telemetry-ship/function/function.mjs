#!/usr/bin/env node
// A chatty function: plain JavaScript that polls the Runtime API, as a custom runtime does. Without fetch, whose first
// call takes longer than the start of Node.
import { once } from "node:events"
import { request } from "node:http"
import { json } from "node:stream/consumers"

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`
const call = async (path, method, body) => {
  const [response] = await once(request(`${api}/${path}`, { method }).end(body), "response")
  return { headers: response.headers, body: await json(response) }
}

process.on("SIGTERM", () => {
  console.log("the function's last line")
  process.exit(0)
})

console.log("the function starts")
while (true) {
  const { body, headers } = await call("next", "GET")
  const { hang, invocation, lines } = body
  for (let line = 1; line <= lines; line++) console.log(`invocation ${invocation}, line ${line} of ${lines}`)
  // For a look at what a timeout does.
  if (hang) await new Promise(() => setInterval(() => {}, 1000))
  await call(`${headers["lambda-runtime-aws-request-id"]}/response`, "POST", JSON.stringify({ lines }))
}
