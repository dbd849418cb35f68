#!/usr/bin/env node
// An extension of `effect-lambda conform` beside the target. CONFORM_NEIGHBOUR_MS is how long it takes to register.
import { basename } from "node:path"
import process from "node:process"

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2020-01-01/extension`
await new Promise((resolve) => setTimeout(resolve, Number(process.env.CONFORM_NEIGHBOUR_MS ?? 0)))
const { headers } = await fetch(`${api}/register`, {
  method: "POST",
  headers: { "Lambda-Extension-Name": basename(process.argv[1]) },
  body: JSON.stringify({ events: ["INVOKE", "SHUTDOWN"] })
})
const identifier = { "Lambda-Extension-Identifier": headers.get("lambda-extension-identifier") }
for (;;) {
  const { eventType } = await (await fetch(`${api}/event/next`, { headers: identifier })).json()
  if (eventType === "SHUTDOWN") process.exit(0)
}
