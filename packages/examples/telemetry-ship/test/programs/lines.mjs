#!/usr/bin/env node
// Prints the lines of its event: a program that polls the Runtime API, as a custom runtime does. Without fetch and
// an import of node:http: each takes longer than the start of Node.
import { once } from "node:events"
import { json } from "node:stream/consumers"

const { request } = process.getBuiltinModule("node:http")
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`
const call = async (path, method, body) => {
  const [response] = await once(request(`${api}/${path}`, { method }).end(body), "response")
  return { headers: response.headers, body: await json(response) }
}

while (true) {
  const { headers, body } = await call("next", "GET")
  for (const line of body.lines) process.stdout.write(`${line}\n`)
  await call(`${headers["lambda-runtime-aws-request-id"]}/response`, "POST", "{}")
}
