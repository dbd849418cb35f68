#!/usr/bin/env node
// The twin in Node: an extension that does everything right, and with TWIN a single thing wrong. It subscribes to the
// telemetry of the function, and sends the lines to TWIN_SINK before it calls next.
import { setTimeout as sleep } from "node:timers/promises"
import http from "node:http"
import { basename } from "node:path"
import process from "node:process"

const wrong = process.env.TWIN ?? ""
const name = basename(process.argv[1])
const agent = new http.Agent({ keepAlive: true })

/** A request with a limit of time; the answer as a whole. */
const ask = (url, options, body, limitMs) =>
  new Promise((resolve, reject) => {
    const request = http.request(url, options, (response) => {
      const pieces = []
      response.on("data", (piece) => pieces.push(piece)).on("error", reject)
      response.on("end", () => {
        if (!response.complete) return reject(new Error("half an answer"))
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(pieces).toString() })
      })
      response.on("close", () => response.complete || reject(new Error("half an answer")))
    })
    request.on("error", reject)
    if (limitMs !== undefined) request.setTimeout(limitMs, () => request.destroy(new Error("no answer in time")))
    request.end(body)
  })
const api = (method, path, headers, body) =>
  ask(`http://${process.env.AWS_LAMBDA_RUNTIME_API}${path}`, { method, headers, agent }, body)

// --- The telemetry of the function, and the backend.

const queue = []
let lost = 0
const doneIds = new Set()
let onDone = () => {}

/** Keeps the last half of a record that was cut over two batches. */
let rest = ""
const recordsOf = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    rest += text.replace(/^\[/, "").replace(/\]$/, "")
    return []
  }
}
const listen = () =>
  new Promise((resolve) => {
    const server = http.createServer((request, response) => {
      const pieces = []
      request.on("data", (piece) => pieces.push(piece))
      request.on("end", () => {
        for (const { record, type } of recordsOf(Buffer.concat(pieces).toString())) {
          if (type === "function") queue.push(typeof record === "string" ? record : JSON.stringify(record))
          if (type === "platform.runtimeDone") doneIds.add(record.requestId)
        }
        response.end()
        onDone()
      })
    })
    server.listen(0, () => resolve(server.address().port))
  })

const subscribe = async (headers) => {
  const uri = `http://sandbox.localdomain:${await listen()}`
  const body = {
    schemaVersion: "2022-12-13",
    types: ["platform", "function"],
    buffering: { timeoutMs: 25, maxBytes: 262_144, maxItems: 1000 },
    destination: { protocol: "HTTP", URI: uri }
  }
  const { status, text } = await api("PUT", "/2022-07-01/telemetry", headers, JSON.stringify(body))
  if (status !== 200) process.stdout.write(`no telemetry: ${status} ${text}\n`)
  return status === 200
}

/** Sends what is in the queue; what could not be sent stays there, within a bound that is told. */
const flush = async (limitMs) => {
  if (queue.length === 0 || process.env.TWIN_SINK === undefined) return
  const batch = queue.splice(0)
  const until = Date.now() + limitMs
  for (let pause = 20; ; pause *= 2) {
    try {
      const options = { method: "POST", headers: { connection: "close" } }
      const { status } = await ask(process.env.TWIN_SINK, options, batch.join(""), Math.max(1, until - Date.now()))
      if (status === 200) return
    } catch {
      // The backend is down: it is tried again while there is time.
    }
    if (Date.now() + pause >= until) break
    await sleep(pause)
  }
  queue.unshift(...batch)
  const over = queue.length - 10_000
  if (over > 0) lost += queue.splice(0, over).length
}

/** Waits until the telemetry of the invocation has come, for a second at most. */
const functionIsDone = async (requestId, limitMs) => {
  const until = Date.now() + limitMs
  while (!doneIds.has(requestId) && Date.now() < until) {
    await Promise.race([new Promise((resolve) => (onDone = resolve)), sleep(until - Date.now())])
  }
  doneIds.delete(requestId)
}

// --- The life of an extension.

const poll = async (headers) => {
  for (let pause = 10; ; pause = Math.min(pause * 2, 1000)) {
    try {
      const { status, text } = await api("GET", "/2020-01-01/extension/event/next", headers)
      if (status === 200) return JSON.parse(text)
    } catch (error) {
      // The connection was lost, and perhaps an event with it.
      if (wrong === "exit-at-lost-poll") throw error
    }
    await sleep(pause)
  }
}

const end = async () => {
  await flush(1000)
  lost += queue.length
  if (lost > 0) process.stdout.write(`lost ${lost} lines\n`)
  process.exit(0)
}

const registered = await api(
  "POST",
  "/2020-01-01/extension/register",
  { "lambda-extension-name": name },
  JSON.stringify({ events: ["INVOKE", "SHUTDOWN"] })
)
const headers = { "lambda-extension-identifier": registered.headers["lambda-extension-identifier"] }
const hears = await subscribe(headers)
for (;;) {
  const event = await poll(headers)
  if (event.eventType === "SHUTDOWN") await end()
  if (event.eventType !== "INVOKE") continue
  if (wrong === "no-next") await sleep(2_000_000_000)
  if (hears) await functionIsDone(event.requestId, 1000)
  await flush(500)
}
